"""What a metric says of itself, so that no table elsewhere has to know its name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Better = Literal["lower", "higher"]


@dataclass(frozen=True)
class MetricKind:
    """A metric: `name` stands in records, `title` before readers; the name itself, if
    there is none.

    Values are kept as they are computed and shown times `scale` in the `unit` ("%",
    "dB", or none), with so many `decimals`; None: as many as the numbers ask for.
    `edits_per_item`: a mean of whole edits, one number an item, so that an edit in one
    of n moves it by 1/n, where a pooled rate hardly moves by that. ValueError for what
    is no direction.

    >>> MetricKind("eer", "EER", "%", scale=100.0).better
    'lower'
    """

    name: str
    title: str = ""
    unit: str = ""
    better: Better = "lower"
    scale: float = 1.0
    decimals: int | None = None
    edits_per_item: bool = False

    def __post_init__(self) -> None:
        check_better(self.better)
        if not self.title:
            object.__setattr__(self, "title", self.name)


def check_better(better: str) -> None:
    """ValueError for what is no direction."""
    if better not in get_args(Better):
        raise ValueError(f"better is {better!r}: expected 'lower' or 'higher'")


def error_rate(name: str, title: str = "") -> MetricKind:
    """A share of errors, shown in percent."""
    return MetricKind(name, title, "%", scale=100.0)


def decibels(name: str, title: str = "") -> MetricKind:
    """A ratio of powers, the higher the better."""
    return MetricKind(name, title, "dB", "higher", decimals=1)
