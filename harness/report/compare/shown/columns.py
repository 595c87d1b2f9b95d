"""Columns of what a comparison holds: estimates, their intervals, works."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness.report.compare.model import Estimate, Measured, Work
from harness.report.tables.table import (
    Column,
    brief,
    decimal_text,
    decimals_for,
    number_column,
    text_column,
    whole_column,
)


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
    decimals = decimals_for([brief(end) for pair in ends if pair for end in pair])
    texts = (
        f"{decimal_text(pair[0], decimals)} to {decimal_text(pair[1], decimals)}"
        if pair
        else None
        for pair in ends
    )
    return text_column(title, texts, **more)


def interval_of(
    estimate: Estimate | None, scale: float = 1
) -> tuple[float, float] | None:
    if estimate is None or estimate.low is None or estimate.high is None:
        return None
    return estimate.low * scale, estimate.high * scale


def rate_of(measured: Measured) -> Estimate:
    """RTFx, or items a second where there is no audio."""
    return measured.rtfx if measured.rtfx.value else measured.throughput_items_per_s


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
    names = (without_workload(w) if short else str(w) for w in works)
    return (
        text_column("work", names, is_name=True),
        *(
            text_column(name, texts, hidden=True, facet=name if name in facets else "")
            for name, texts in axes.items()
        ),
        whole_column("batch size", (work.batch_size for work in works), hidden=True),
    )


def candidate_column(labels: Iterable[str]) -> Column:
    """Whose row it is; a filter reads it."""
    return text_column("candidate", labels, facet="candidate", is_name=True)


def without_workload(work: Work) -> str:
    """
    >>> without_workload(Work("asr", "small", "fp32", "eager", 1, (("beam", "4"),)))
    'small/fp32/eager/b1/beam=4'
    """
    return str(work)[len(work.workload) + 1 :]
