"""A table as it is read: on the page, under a picture, and in a CSV download.

Columns are built from the figures themselves, so that the digits shown are chosen for
a whole column and its numbers stand under each other.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.report.compare.model import Estimate, Work
from harness.report.summary import ABSENT

SIGNIFICANT = 6  # digits of the values behind the texts: what is measured has fewer
SPREAD = 200.0  # beyond it, a column's numbers have three digits each, not one scale
MOST_DECIMALS = 8
SHORT = 28  # characters that a line of a cell has room for


@dataclass(frozen=True)
class Column:
    """`texts` are read; `values` are what sorting and CSV go by, None in a column of
    text. A hidden column is in the CSV alone. `facet` names a filter that reads it."""

    title: str
    texts: tuple[str, ...]
    values: tuple[float | None, ...] | None = None
    unit: str = ""
    hidden: bool = False
    facet: str = ""

    @property
    def kind(self) -> str:
        """How it is set: "number", "short" (in one line) or "text"."""
        if self.values is not None:
            return "number"
        longest = max(map(len, self.texts), default=0)
        return "short" if longest <= SHORT else "text"

    @property
    def is_empty(self) -> bool:
        return all(text in ("", ABSENT) for text in self.texts)


@dataclass(frozen=True)
class Table:
    """Columns of equal length. `id` is unique on a page, `notes` stand below it."""

    id: str
    caption: str
    columns: tuple[Column, ...]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        lengths = {column.title: len(column.texts) for column in self.columns}
        assert len(set(lengths.values())) == 1, f"{self.id}: columns of {lengths}"

    def __len__(self) -> int:
        return len(self.columns[0].texts)

    @property
    def shown(self) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if not column.hidden)


def text_column(title: str, texts: Iterable[str | None], **more: Any) -> Column:
    """Texts; None is not known."""
    return Column(
        title, tuple(ABSENT if text is None else text for text in texts), **more
    )


def number_column(
    title: str,
    values: Iterable[float | None],
    decimals: int | None = None,
    **more: Any,
) -> Column:
    """Numbers with so many decimals, or as many as the smallest needs for three digits.

    >>> number_column("a", [1.234, None, 85.06]).texts
    ('1.23', '-', '85.06')
    """
    rounded = tuple(None if value is None else brief(value) for value in values)
    if decimals is None:
        decimals = _decimals([value for value in rounded if value is not None])
    return Column(title, tuple(_text(v, decimals) for v in rounded), rounded, **more)


def whole_column(title: str, values: Iterable[int | None], **more: Any) -> Column:
    """Counts, in full."""
    counts = tuple(values)
    texts = tuple(ABSENT if count is None else f"{count:,}" for count in counts)
    return Column(title, texts, counts, **more)


def estimate_columns(
    title: str, estimates: Iterable[Estimate | None], scale: float = 1.0, **more: Any
) -> tuple[Column, ...]:
    """The figure, and the ends of its interval for the CSV."""
    found = tuple(estimates)
    value = [None if e is None else e.value * scale for e in found]
    ends = {
        "low": [None if e is None or e.low is None else e.low * scale for e in found],
        "high": [
            None if e is None or e.high is None else e.high * scale for e in found
        ],
    }
    hidden = {**more, "hidden": True}
    return (
        number_column(title, value, **more),
        *(number_column(f"{title} {end}", ends[end], **hidden) for end in ends),
    )


def interval_column(
    title: str, estimates: Iterable[Estimate | None], scale: float = 1.0, **more: Any
) -> Column:
    """The 95 % interval to be read, in the digits of its column.

    >>> interval_column("a", [Estimate(2.0, 1.5, 2.504, ()), None]).texts
    ('1.50 to 2.50', '-')
    """
    ends = [interval_of(estimate, scale) for estimate in estimates]
    decimals = _decimals([brief(end) for pair in ends if pair for end in pair])
    texts = (
        f"{_text(pair[0], decimals)} to {_text(pair[1], decimals)}" if pair else None
        for pair in ends
    )
    return text_column(title, texts, **more)


def interval_of(
    estimate: Estimate | None, scale: float = 1
) -> tuple[float, float] | None:
    if estimate is None or estimate.low is None or estimate.high is None:
        return None
    return estimate.low * scale, estimate.high * scale


def work_columns(works: Sequence[Work], short: bool = False) -> tuple[Column, ...]:
    """The work's id to be read, without its workload if `short`; its axes hidden, for
    the filters and the CSV."""
    axes: Mapping[str, Iterable[str]] = {
        "workload": (work.workload for work in works),
        "model": (work.model for work in works),
        "compression": (work.compression for work in works),
        "runtime": (work.runtime for work in works),
    }
    facets = ("workload", "compression", "runtime")
    return (
        text_column("work", (without_workload(w) if short else str(w) for w in works)),
        *(
            text_column(name, texts, hidden=True, facet=name if name in facets else "")
            for name, texts in axes.items()
        ),
        whole_column("batch size", (work.batch_size for work in works), hidden=True),
    )


def without_workload(work: Work) -> str:
    """
    >>> without_workload(Work("asr", "small", "fp32", "eager", 1, (("beam", "4"),)))
    'small/fp32/eager/b1/beam=4'
    """
    return str(work)[len(work.workload) + 1 :]


def without_empty(columns: Iterable[Column]) -> tuple[Column, ...]:
    """Without the columns in which nothing is known: an empty one says nothing."""
    return tuple(column for column in columns if not column.is_empty)


def number(value: float) -> str:
    """Three digits, never an exponent where the number can be read without.

    >>> number(0.0123456), number(25.71), number(1234567), number(-1.0), number(3e-9)
    ('0.0123', '25.7', '1,230,000', '-1.00', '3.00e-09')
    """
    value = float(f"{value:.3g}")
    if value and abs(value) < 10.0**-MOST_DECIMALS:
        return f"{value:.2e}"
    return f"{value:,.{_decimals([value])}f}"


def percent(share: float, most: float = 1.0) -> str:
    """A share or probability; one that draws cannot tell from certain says so, and so
    does one that may not be told as larger than `most`.

    >>> percent(0.978), percent(0.99996), percent(0.0)
    ('97.8 %', 'over 99.9 %', 'under 0.1 %')
    >>> percent(0.975, most=0.975), percent(0.01, most=0.975), percent(0.9, most=0.975)
    ('over 97.5 %', 'under 2.5 %', '90.0 %')
    """
    if most < 1 and not 1 - most < share < most:
        is_likely = share >= most
        return (
            f"over {100 * most:g} %" if is_likely else f"under {100 - 100 * most:g} %"
        )
    if share > 0.999:
        return "over 99.9 %"
    return "under 0.1 %" if share < 0.001 else f"{100 * share:.1f} %"


def brief(value: float) -> float:
    """The value in six digits: more would only make the page longer.

    >>> brief(1234.56789)
    1234.57
    """
    return float(f"{value:.{SIGNIFICANT}g}")


def _text(value: float | None, decimals: int | None) -> str:
    if value is None:
        return ABSENT
    return number(value) if decimals is None else f"{value:z,.{decimals}f}"


def _decimals(values: Sequence[float]) -> int | None:
    """Decimals that give the smallest three digits; None where one scale cannot show
    them all."""
    sizes = [abs(value) for value in values if value]
    if not sizes:
        return 0
    if max(sizes) / min(sizes) > SPREAD:
        return None
    wanted = 2 - math.floor(math.log10(min(sizes)))
    return min(max(wanted, 0), MOST_DECIMALS)
