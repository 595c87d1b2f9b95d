"""Differences with their intervals, as texts and as columns."""

from __future__ import annotations

from collections.abc import Sequence

from harness.report.tables.table import Column, figure_column, number_column
from workloads.metrics.bootstrap import Difference


def with_interval(found: Difference) -> str:
    """
    >>> with_interval(Difference(0.21, 0.1, 0.333))
    '+0.21 [0.10, 0.33]'
    """
    amount = fixed(found.value)
    sign = "+" if found.value > 0 else ""
    return f"{sign}{amount} [{fixed(found.low)}, {fixed(found.high)}]"


def fixed(value: float) -> str:
    """Two decimals, or more where they would hide that it is not 0.

    >>> fixed(0.333), fixed(-0.0034), fixed(-0.0)
    ('0.33', '-0.003', '0.00')
    """
    for digits in (2, 3, 4):
        text = f"{value:.{digits}f}"
        if float(text):
            return text
    return "0.00"


def difference_columns(
    title: str, found: Sequence[Difference | None], importance: int
) -> tuple[Column, ...]:
    """To be read, and for other programs the ends of the intervals."""
    ends = ((one.value, one.low, one.high) if one else (None,) * 3 for one in found)
    values, lows, highs = zip(*ends, strict=True)
    texts = (with_interval(one) if one else None for one in found)
    return (
        figure_column(f"{title} [95 % interval]", texts, values, importance=importance),
        number_column("low", lows, hidden=True),
        number_column("high", highs, hidden=True),
    )
