"""Throughput and latency of the works of one model, with intervals, side by side.

Bars stand at numbers, not at categories, so that marks (p90, p99) can stand on them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.report.compare.model import Comparison, Measured, Row, Work
from harness.report.compare.shown.columns import work_columns
from harness.report.pages.pictures.picture import (
    GREY,
    INK,
    Figure,
    Look,
    Picture,
    blank,
    escaped,
    interval,
    log_axis,
    looks,
    spans_much,
    titled,
    whiskers,
)
from harness.report.pages.pictures.select import (
    Group,
    best,
    drawn_labels,
    groups,
    is_training,
    ranked,
    rate,
    throughput_title,
    tick,
)
from harness.report.tables.table import (
    Column,
    Table,
    number_column,
    text_column,
)
from harness.statistics import PercentileBound

MOST_WORKS = 20
BAR_PX, GAP_PX, FRAME_PX = 15, 14, 110
LEAST_ROW_PX = 42  # its name has two lines
# Beyond this ratio the shortest bars are too short to be seen: marks stand for bars,
# on a logarithm, where a bar's length would mean nothing.
BARS_SPAN = 100.0
TAIL = {"p90": ("p90", "line-ns-open"), "p99": ("p99", "diamond")}


@dataclass(frozen=True)
class Bars:
    """A value with its interval per place (work) of one candidate."""

    label: str
    look: Look
    places: list[float]
    cells: list[tuple[Work, Measured]]


def throughput(comparison: Comparison) -> Iterator[Picture]:
    """One picture a model: RTFx, or items a second where there is no audio."""
    for group in groups(comparison):
        if any(map(ranked, group.rows)):
            yield _throughput(comparison, group)


def latency(comparison: Comparison) -> Iterator[Picture]:
    """One picture a model: the median latency of a step, with p90 and p99 where there
    are samples enough; the bar's whisker ends at the median's 99 % upper bound."""
    found = (_latency(comparison, group) for group in groups(comparison))
    yield from filter(None, found)


def _throughput(comparison: Comparison, group: Group) -> Picture:
    rows = [row for row in group.rows if ranked(row)]
    kept, notes = best(rows, MOST_WORKS, rate)
    has_audio = all(c.rtfx.value for row in kept for c in ranked(row).values())
    figure, bars = _frame(comparison, kept, throughput_title(has_audio))
    for one in bars:
        cells = [cell for _, cell in one.cells]
        found = [c.rtfx if has_audio else c.throughput_items_per_s for c in cells]
        values = [estimate.value for estimate in found]
        _add_bar(figure, one, values, [interval(e) for e in found], len(bars))
    _mark_if_wide(figure)
    id = f"throughput-{group.place}"
    return Picture(
        id,
        f"Throughput: {group.name}",
        figure,
        _throughput_table(id, group, bars),
        group.workload,
        (*notes, "Further right is better. Whiskers: 95 % interval over processes."),
    )


def _throughput_table(id: str, group: Group, bars: Sequence[Bars]) -> Table:
    cells = _flat(bars)
    figures = {
        "RTFx": [cell.rtfx for _, _, cell in cells],
        "items/s": [cell.throughput_items_per_s for _, _, cell in cells],
    }
    columns: list[Column] = [*_who(cells)]
    for name, found in figures.items():
        columns += (
            number_column(name, (e.value for e in found)),
            number_column(f"{name} low", (e.low for e in found)),
            number_column(f"{name} high", (e.high for e in found)),
        )
    return Table(f"{id}-table", f"Throughput of {group.name}", tuple(columns))


def _latency(comparison: Comparison, group: Group) -> Picture | None:
    rows = [row for row in group.rows if not is_training(row) and _medians(row)]
    if not rows:
        return None
    kept, notes = best(rows, MOST_WORKS, lambda row: -min(_medians(row)))
    figure, bars = _frame(comparison, kept, "latency of a step (ms)")
    for one in bars:
        _add_latencies(figure, one, len(bars))
    _add_tail_legend(figure, bars)
    _mark_if_wide(figure)
    id = f"latency-{group.place}"
    note = (
        "Further left is better. The median, then p90 and p99 where there are samples "
        "enough. Whiskers end at the 99 % upper bound."
    )
    return Picture(
        id,
        f"Latency: {group.name}",
        figure,
        _latency_table(id, group, bars),
        group.workload,
        (*notes, note),
    )


def _medians(row: Row) -> list[float]:
    found = (_value(cell, "p50") for cell in ranked(row).values())
    return [value for value in found if value is not None]


def _value(cell: Measured, percentile: str) -> float | None:
    bound = cell.latency_ms.get(percentile)
    return bound.value if bound else None


def _latency_table(id: str, group: Group, bars: Sequence[Bars]) -> Table:
    cells = _flat(bars)
    columns: list[Column] = [*_who(cells)]
    for name in ("p50", *TAIL):
        bounds = [cell.latency_ms.get(name) for _, _, cell in cells]
        columns += (
            number_column(
                name, (None if b is None else b.value for b in bounds), unit="ms"
            ),
            number_column(
                f"{name} at most",
                (None if b is None else b.upper_bound for b in bounds),
                unit="ms",
            ),
        )
    return Table(f"{id}-table", f"Latency of {group.name}", tuple(columns))


def _frame(
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
    for at, label in enumerate(labels):
        shift = _width(len(labels)) * (at - (len(labels) - 1) / 2)
        here = [(p, row) for p, row in enumerate(rows) if label in ranked(row)]
        cells = [(row.work, ranked(row)[label]) for _, row in here]
        bars.append(Bars(label, look[label], [p + shift for p, _ in here], cells))
    return figure, bars


def _width(candidates: int) -> float:
    return 0.8 / candidates


def _add_bar(
    figure: Figure,
    one: Bars,
    values: Sequence[float | None],
    ends: Sequence[tuple[float, float] | None],
    of: int,
) -> None:
    figure["data"].append(
        {
            "type": "bar",
            "name": escaped(one.label),
            "orientation": "h",
            "x": list(values),
            "y": one.places,
            "width": _width(of) * 0.92,
            "marker": {"color": one.look.colour},
            "error_x": whiskers([value or 0.0 for value in values], ends),
            "text": [escaped(work) for work, _ in one.cells],
            "textposition": "none",
            "hovertemplate": "%{fullData.name}<br>%{text}<br>%{x:.4g}<extra></extra>",
        }
    )


def _mark_if_wide(figure: Figure) -> None:
    """Turns bars into marks where they are too unlike in length."""
    bars = [trace for trace in figure["data"] if trace["type"] == "bar"]
    values = [value for bar in bars for value in bar["x"] if value]
    if not spans_much(values, BARS_SPAN):
        return
    title = figure["layout"]["xaxis"]["title"]["text"]
    figure["layout"]["xaxis"] = log_axis(title, values)
    for bar in bars:
        for name in ("orientation", "width", "textposition"):
            del bar[name]
        mark = {"symbol": "square", "size": 10, **bar["marker"]}
        bar |= {"type": "scatter", "mode": "markers", "marker": mark}


def _add_latencies(figure: Figure, one: Bars, of: int) -> None:
    medians = [cell.latency_ms.get("p50") for _, cell in one.cells]
    ends = [_to_bound(bound) for bound in medians]
    values = [None if bound is None else bound.value for bound in medians]
    _add_bar(figure, one, values, ends, of)
    for name, (shown, symbol) in TAIL.items():
        bounds = [cell.latency_ms.get(name) for _, cell in one.cells]
        values = [None if bound is None else bound.value for bound in bounds]
        if any(value is not None for value in values):
            figure["data"].append(
                {
                    "type": "scatter",
                    "name": f"{escaped(one.label)} {shown}",
                    "mode": "markers",
                    "x": values,
                    "y": one.places,
                    "error_x": whiskers(
                        [value or 0.0 for value in values], map(_to_bound, bounds)
                    ),
                    "marker": _mark(symbol, one.look.colour),
                    "showlegend": False,
                    "hovertemplate": "%{fullData.name}<br>%{x:.4g} ms<extra></extra>",
                }
            )


def _to_bound(bound: PercentileBound | None) -> tuple[float, float] | None:
    if bound is None or bound.value is None or bound.upper_bound is None:
        return None
    return bound.value, bound.upper_bound


def _mark(symbol: str, colour: str) -> dict[str, object]:
    return {
        "symbol": symbol,
        "size": 9,
        "color": colour,
        "line": {"color": INK, "width": 1.5 if "open" in symbol else 1},
    }


def _add_tail_legend(figure: Figure, bars: Sequence[Bars]) -> None:
    """The marks once, in grey, for they mean the same on every candidate."""
    for name, (shown, symbol) in TAIL.items():
        if any(_value(cell, name) is not None for _, _, cell in _flat(bars)):
            figure["data"].append(
                {
                    "type": "scatter",
                    "name": shown,
                    "mode": "markers",
                    "x": [None],
                    "y": [None],
                    "marker": _mark(symbol, GREY),
                }
            )


def _flat(bars: Sequence[Bars]) -> list[tuple[str, Work, Measured]]:
    """(candidate, work, cell), by work, as the picture shows them."""
    found = [
        (place, one.label, *cell)
        for one in bars
        for place, cell in zip(one.places, one.cells, strict=True)
    ]
    found.sort(key=lambda entry: entry[0])
    return [entry[1:] for entry in found]


def _who(cells: Sequence[tuple[str, Work, Measured]]) -> tuple[Column, ...]:
    return (
        *work_columns([work for _, work, _ in cells], short=True),
        text_column("candidate", (label for label, _, _ in cells)),
    )
