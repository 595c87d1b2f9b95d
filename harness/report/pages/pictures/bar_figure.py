"""Bars of candidates side by side, a row a work.

Bars stand at numbers, not at categories, so that marks (p90, p99) can stand on them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.report.compare.model import Comparison, Measured, Row, Work
from harness.report.pages.pictures.picture import (
    GREY,
    INK,
    Figure,
    Look,
    Trace,
    blank,
    escaped,
    log_axis,
    looks,
    spans_much,
    titled,
    whiskers,
)
from harness.report.pages.pictures.select import drawn_labels, measured, ranked, tick

BAR_PX, GAP_PX, FRAME_PX = 15, 14, 110
LEAST_ROW_PX = 42  # its name has two lines
# Beyond this ratio the shortest bars are too short to be seen: marks stand for bars,
# on a logarithm, where a bar's length would mean nothing.
BARS_SPAN = 100.0
ROOM = 1.15  # of the axis over the longest bar, for its value
ABSENT, BEYOND = "n/a", "beyond its gate"


@dataclass(frozen=True)
class Bars:
    """A value with its interval per place (work) of one candidate; `absent` has the
    places where it has none, and why in a word or two."""

    label: str
    look: Look
    places: list[float]
    cells: list[tuple[Work, Measured]]
    absent: list[tuple[float, str]]


def frame(
    comparison: Comparison, rows: Sequence[Row], title: str
) -> tuple[Figure, list[Bars]]:
    """The figure with its works on the vertical axis, and who has a bar where."""
    labels = [
        label
        for label in drawn_labels(comparison)
        if any(label in ranked(row) for row in rows)
    ]
    row_px = max(len(labels) * BAR_PX + GAP_PX, LEAST_ROW_PX)
    height = FRAME_PX + len(rows) * row_px
    places = {
        "tickvals": list(range(len(rows))),
        "ticktext": [tick(row.work) for row in rows],
        "range": [len(rows) - 0.5, -0.5],
        "showgrid": False,
        "ticks": "",
    }
    figure = blank(height, titled(title, rangemode="tozero"), places)
    look = looks(comparison)
    bars = []
    for row_of, label in enumerate(labels):
        shift = _width(len(labels)) * (row_of - (len(labels) - 1) / 2)
        here = [(p, row) for p, row in enumerate(rows) if label in ranked(row)]
        cells = [(row.work, ranked(row)[label]) for _, row in here]
        absent = [
            (p + shift, BEYOND if label in measured(row) else ABSENT)
            for p, row in enumerate(rows)
            if label not in ranked(row)
        ]
        at = [p + shift for p, _ in here]
        bars.append(Bars(label, look[label], at, cells, absent))
    return figure, bars


def _width(candidates: int) -> float:
    return 0.8 / candidates


def add_bar(
    figure: Figure,
    one: Bars,
    values: Sequence[float | None],
    ends: Sequence[tuple[float, float] | None],
    of: int,
) -> None:
    """Those of one candidate `of` so many, with whiskers to the ends."""
    figure["data"].append(
        {
            "type": "bar",
            "name": one.look.name,
            "legendgroup": one.look.name,
            "orientation": "h",
            "x": list(values),
            "y": one.places,
            "width": _width(of) * 0.92,
            "marker": {"color": one.look.colour},
            "error_x": whiskers([value or 0.0 for value in values], ends),
            "hovertext": [escaped(work) for work, _ in one.cells],
            "hovertemplate": "%{fullData.name}<br>%{hovertext}<br>%{x:.4g}"
            "<extra></extra>",
        }
    )


def add_values(
    figure: Figure,
    one: Bars,
    texts: Sequence[str],
    ends: Sequence[float | None],
) -> None:
    """In figures, right of whatever is drawn of it."""
    figure["data"].append(_texts(one, ends, one.places, texts, INK))


def add_absent(figure: Figure, bars: Sequence[Bars]) -> None:
    """At the left end of the axis, which leaves room for the values at its right."""
    drawn = [x for trace in figure["data"] for x in trace["x"] if x]
    scale = figure["layout"]["xaxis"]
    is_log = scale.get("type") == "log"
    low, high = min(drawn), ROOM * max(drawn)
    if is_log:
        high = ROOM * max(drawn) * (max(drawn) / low) ** (ROOM - 1)
        scale["range"] = [math.log10(low / ROOM), math.log10(high)]
    else:
        scale["range"] = [0, high]
    for one in bars:
        if one.absent:
            places = [place for place, _ in one.absent]
            texts = [text for _, text in one.absent]
            at = [low if is_log else 0.0] * len(places)
            figure["data"].append(_texts(one, at, places, texts, GREY))


def _texts(
    one: Bars,
    at: Sequence[float | None],
    places: Sequence[float],
    texts: Sequence[str],
    colour: str,
) -> Trace:
    return {
        "type": "scatter",
        "mode": "text",
        "legendgroup": one.look.name,
        "showlegend": False,
        "x": list(at),
        "y": list(places),
        "text": [f" {text}" for text in texts],
        "textposition": "middle right",
        "textfont": {"size": 11, "color": colour},
        "cliponaxis": False,
        "hoverinfo": "skip",
    }


def mark_if_wide(figure: Figure) -> None:
    """Turns bars into marks where they are too unlike in length."""
    bars = [trace for trace in figure["data"] if trace["type"] == "bar"]
    values = [value for bar in bars for value in bar["x"] if value]
    if not spans_much(values, BARS_SPAN):
        return
    title = figure["layout"]["xaxis"]["title"]["text"]
    figure["layout"]["xaxis"] = log_axis(title, values)
    for bar in bars:
        for name in ("orientation", "width"):
            del bar[name]
        mark = {"symbol": "square", "size": 10, **bar["marker"]}
        bar |= {"type": "scatter", "mode": "markers", "marker": mark}
