"""How studies show what they found: differences with their intervals, and panels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.report.pages.pictures.picture import INK
from harness.report.tables.table import Column, figure_column, number_column
from workloads.metrics.bootstrap import Difference

HOVER = "%{text}<extra></extra>"  # what traces tell stands in their texts


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


def two_panels(rows: int, left_share: float, titles: list[str] | None = None) -> Any:
    """A figure of plotly of so many rows of two panels with a common vertical axis."""
    from plotly.subplots import make_subplots

    made = make_subplots(
        rows=rows,
        cols=2,
        shared_yaxes=True,
        horizontal_spacing=0.03,
        column_widths=[left_share, 1 - left_share],
        subplot_titles=titles,
    )
    look = {"template": "plotly_white", "font": {"size": 13, "color": INK}}
    return made.update_layout(**look, legend={"orientation": "h", "x": 0})
