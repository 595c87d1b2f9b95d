"""What any measure of accuracy is, and those of one model on one data set.

A score keeps what it was counted from, item by item: rates and means are derived, so
that two models are compared over the same items.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Literal, Protocol, Self

from basics.metric_kinds import Better
from workloads.metrics.bootstrap import Difference

EditUnit = Literal["character", "phoneme"]


class Score(Protocol):
    """One measure over `n` items, a dataclass of plain values. `per_item` holds, for
    each, what it adds to the numerator and to the denominator of `value`."""

    better: ClassVar[Better]

    @property
    def name(self) -> str: ...
    @property
    def n(self) -> int: ...
    @property
    def value(self) -> float: ...
    @property
    def per_item(self) -> list[tuple[float, float]]: ...
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the value, over items."""

    def minus(self, baseline: Self) -> Difference:
        """The value less the baseline's over the same items, with its 95 % interval.

        Raises ValueError where the two were not counted alike."""


@dataclass(frozen=True)
class Transcribed:
    """What was said and what a model understood; `edits` and `lengths`, of each
    utterance, are counted in the `unit`."""

    references: Sequence[str]
    hypotheses: Sequence[str]
    edits: Sequence[int]
    lengths: Sequence[int]
    unit: EditUnit = "character"


@dataclass(frozen=True)
class Scores:
    """Of a model on a data set: its measures by name, and why one of them fails
    whatever its value."""

    measures: Mapping[str, Score]
    faults: Mapping[str, str] = field(default_factory=dict)
    transcribed: Transcribed | None = None

    @classmethod
    def of(cls, *measures: Score, **others: Any) -> Scores:
        """By their names, in this order."""
        return cls({measure.name: measure for measure in measures}, **others)

    def to_plain(self) -> dict[str, Any]:
        """The measures as numbers, strings, lists and dictionaries."""
        return {name: to_plain(one) for name, one in self.measures.items()}

    @classmethod
    def from_plain(cls, content: Mapping[str, Any]) -> Scores:
        """The measures that `to_plain` gave."""
        return cls({name: from_plain(one) for name, one in content.items()})


def to_plain(score: Any) -> dict[str, Any]:
    """A score as numbers, strings and lists, with the name of its class."""
    kind = type(score)
    return {"class": f"{kind.__module__}:{kind.__qualname__}", **asdict(score)}


def from_plain(content: Mapping[str, Any]) -> Score:
    """The score that `to_plain` gave, be it by way of JSON."""
    module, _, name = content["class"].partition(":")
    values = {
        key: tuple(value) if isinstance(value, list | tuple) else value
        for key, value in content.items()
        if key != "class"
    }
    return getattr(importlib.import_module(module), name)(**values)
