"""Accuracy against latency over the compressions of one model, with the front of those
that no other beats in both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from basics.metric_kinds import MetricKind
from harness.metrics import MetricKinds, titled_unit
from harness.report.compare.model import Comparison, Measured, Row
from harness.report.pages.pictures.front import Point, pareto_front
from harness.report.pages.pictures.picture import (
    GREY,
    INK,
    SYMBOLS,
    Figure,
    Look,
    Picture,
    Trace,
    blank,
    colour_legend,
    escaped,
    log_axis,
    looks,
    spans_much,
    titled,
    whiskers,
)
from harness.report.pages.pictures.select import (
    Group,
    drawn_labels,
    groups,
    is_training,
    measured,
    variant,
)
from harness.report.tables.table import Table, number_column, text_column

MOST_POINTS = 120
HEIGHT_PX = 460


def pictures(comparison: Comparison) -> Iterator[Picture]:
    """One picture a model of which two works or more have a metric."""
    found = (_picture(comparison, group) for group in groups(comparison))
    yield from filter(None, found)


def _picture(comparison: Comparison, group: Group) -> Picture | None:
    metric = _metric(group, comparison.metrics)
    rows = _rows_of_one_batch_size(group, metric.name)
    points = sorted(
        _points(drawn_labels(comparison), rows, metric.name), key=lambda p: p.latency_ms
    )
    if len({point.work for point in points}) < 2:
        return None
    front = pareto_front(points)
    kept = _kept(points, front)
    batch_size = rows[0].work.batch_size
    figure = _figure(comparison, kept, front, metric)
    id = f"pareto-{group.place}"
    return Picture(
        id,
        f"Accuracy against latency: {group.name}",
        figure,
        _table(id, group, metric, kept, front),
        group.workload,
        tuple(_notes(points, batch_size)),
    )


def _kept(points: Sequence[Point], front: Sequence[Point]) -> list[Point]:
    """The fastest, and all of the front, however slow its most accurate are."""
    slower = [point for point in points[MOST_POINTS:] if point in front]
    return [*points[: MOST_POINTS - len(slower)], *slower]


def _metric(group: Group, kinds: MetricKinds) -> MetricKind:
    """The first metric of those that most works have."""
    counts = Counter(name for row in group.rows for name in _metric_names(row))
    most = max(counts.values(), default=0)
    often = kinds.in_order(name for name, count in counts.items() if count == most)
    return kinds[often[0] if often else ""]


def _metric_names(row: Row) -> set[str]:
    return {name for cell in measured(row).values() for name in cell.errors}


def _rows_of_one_batch_size(group: Group, metric: str) -> list[Row]:
    """The smallest that two works or more have: latency is asked of small batches."""
    rows = [
        row
        for row in group.rows
        if not is_training(row) and metric in _metric_names(row)
    ]
    counts = Counter(row.work.batch_size for row in rows)
    several = [size for size, count in counts.items() if count > 1]
    smallest = min(several or counts, default=0)
    return [row for row in rows if row.work.batch_size == smallest]


def _points(labels: Sequence[str], rows: Sequence[Row], metric: str) -> Iterator[Point]:
    for row in rows:
        cells = measured(row)
        for label in labels:
            if label in cells and metric in cells[label].errors:
                cell = cells[label]
                passed = cell.gate_passed is not False
                yield Point(
                    row.work, label, _latency_ms(cell), cell.errors[metric], passed
                )


def _latency_ms(cell: Measured) -> float:
    """The median, or the mean step where there are too few samples for a median."""
    bound = cell.latency_ms.get("p50")
    return (
        1e3 * cell.step_s.value if bound is None or bound.value is None else bound.value
    )


def _figure(
    comparison: Comparison,
    points: Sequence[Point],
    front: Sequence[Point],
    metric: MetricKind,
) -> Figure:
    figure = blank(
        HEIGHT_PX,
        _latency_axis(points),
        titled(escaped(titled_unit(metric))),
    )
    compressions = dict.fromkeys(sorted(point.work.compression for point in points))
    symbols = {c: SYMBOLS[i % len(SYMBOLS)] for i, c in enumerate(compressions)}
    look = looks(comparison)
    scale = metric.scale
    by_label = {label: [p for p in points if p.label == label] for label in look}
    shown = {label: look[label] for label, own in by_label.items() if own}
    figure["data"] = [
        _front(front, scale),
        *(_marks(by_label[label], symbols, look[label], scale) for label in shown),
        *_failing([point for point in points if not point.is_ranked], scale),
        *colour_legend(shown),
        *_symbol_legend(symbols),
    ]
    return figure


def _latency_axis(points: Sequence[Point]) -> dict[str, Any]:
    latencies = [point.latency_ms for point in points]
    title = f"latency of a step of batch size {points[0].work.batch_size} (ms)"
    if spans_much(latencies):
        return log_axis(title, latencies)
    return titled(title, rangemode="tozero")


def _front(front: Sequence[Point], scale: float) -> Trace:
    return {
        "type": "scatter",
        "name": "Pareto front",
        "mode": "lines",
        "x": [point.latency_ms for point in front],
        "y": [point.error.value * scale for point in front],
        "line": {"color": INK, "width": 1.5, "dash": "dash", "shape": "hv"},
        "hoverinfo": "skip",
    }


def _marks(
    own: Sequence[Point], symbols: dict[str, str], look: Look, scale: float
) -> Trace:
    """The points of one candidate that are within their gate."""
    points = [point for point in own if point.is_ranked]
    name = escaped(own[0].label)
    values = [point.error.value * scale for point in points]
    ends = [_scaled(point.error.interval, scale) for point in points]
    bars = whiskers(values, ends, look.colour) | {"thickness": 1, "width": 2}
    return {
        "type": "scatter",
        "name": name,
        "legendgroup": name,
        "showlegend": False,
        "mode": "markers",
        "x": [point.latency_ms for point in points],
        "y": values,
        "error_y": bars,
        "marker": {
            "symbol": [symbols[point.work.compression] for point in points],
            "size": 10,
            "color": look.colour,
            "line": {"color": "#ffffff", "width": 1},
        },
        "text": [_hover(point) for point in points],
        "hovertemplate": "%{fullData.name}<br>%{text}<br>%{x:.4g} ms, %{y:.4g}"
        "<extra></extra>",
    }


def _failing(points: Sequence[Point], scale: float) -> Iterator[Trace]:
    if points:
        yield {
            "type": "scatter",
            "name": "beyond its gate",
            "mode": "markers",
            "x": [point.latency_ms for point in points],
            "y": [point.error.value * scale for point in points],
            "marker": {
                "symbol": "x-thin",
                "size": 9,
                "line": {"color": GREY, "width": 2},
            },
            "text": [f"{escaped(point.label)}<br>{_hover(point)}" for point in points],
            "hovertemplate": "beyond its gate<br>%{text}<br>%{x:.4g} ms, %{y:.4g}"
            "<extra></extra>",
        }


def _hover(point: Point) -> str:
    return escaped(variant(point.work))


def _scaled(ends: tuple[float, float], scale: float) -> tuple[float, float]:
    return ends[0] * scale, ends[1] * scale


def _symbol_legend(symbols: dict[str, str]) -> list[Trace]:
    """What the marks mean, in grey: the compressions, whatever the candidate."""
    return [
        {
            "type": "scatter",
            "name": escaped(compression),
            "mode": "markers",
            "x": [None],
            "y": [None],
            "marker": {"symbol": symbol, "size": 10, "color": GREY},
        }
        for compression, symbol in symbols.items()
    ]


def _table(
    id: str,
    group: Group,
    metric: MetricKind,
    points: Sequence[Point],
    front: Sequence[Point],
) -> Table:
    scale, unit = metric.scale, metric.unit
    values = (point.error.value * scale for point in points)
    places = [_place(point, front) for point in points]
    columns = (
        text_column("variant", (variant(point.work) for point in points)),
        text_column("candidate", (point.label for point in points)),
        number_column("latency", (point.latency_ms for point in points), unit="ms"),
        number_column(metric.title, values, metric.decimals, unit=unit),
        number_column("low", (p.error.interval[0] * scale for p in points), unit=unit),
        number_column("high", (p.error.interval[1] * scale for p in points), unit=unit),
        text_column("place", places),
    )
    return Table(f"{id}-table", f"Accuracy and latency of {group.name}", columns)


def _place(point: Point, front: Sequence[Point]) -> str:
    if not point.is_ranked:
        return "beyond its gate"
    return "on the front" if point in front else ""


def _notes(points: Sequence[Point], batch_size: int) -> Iterator[str]:
    yield (
        f"{points[0].error.better.capitalize()} and further left is better. Whiskers: "
        "95 % interval of the metric over utterances."
    )
    if batch_size > 1:
        yield f"No two works of batch size 1 have errors; these are of {batch_size}."
    if len(points) > MOST_POINTS:
        yield f"Of {len(points)}, the front and the fastest are drawn."
