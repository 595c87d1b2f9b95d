"""What the pictures of studies share: two panels side by side, in one look."""

from __future__ import annotations

from typing import Any

from harness.report.pages.pictures.picture import INK

HOVER = "%{text}<extra></extra>"  # what traces tell stands in their texts


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
