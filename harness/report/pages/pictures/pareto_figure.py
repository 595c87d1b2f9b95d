"""How accuracy against latency is drawn: a symbol a compression, a colour for what
differs, a front of each runtime, and names beside the points."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from basics.metric_kinds import MetricKind
from harness.metrics import as_loss, titled_unit
from harness.report.compare.model import Comparison, Error
from harness.report.pages.pictures.front import AccuracyPoint
from harness.report.pages.pictures.picture import (
    COLOURS,
    DASHES,
    GREY,
    Figure,
    Look,
    Trace,
    blank,
    escaped,
    line_across,
    log_axis,
    looks,
    spans_much,
    symbol,
    titled,
    whiskers,
)
from harness.report.pages.pictures.select import variant

HEIGHT_PX = 460
FAR = 0.8  # of the latency axis: beyond, names stand left of their points
MOST_NAMED = 16  # points whose names have room


@dataclass(frozen=True)
class Upright:
    """What stands upright: the metric itself, or its difference to the baseline."""

    metric: MetricKind
    is_difference: bool

    @property
    def title(self) -> str:
        title = escaped(titled_unit(self.metric))
        return f"change of {title}, same utterances" if self.is_difference else title

    def value(self, error: Error) -> float:
        found = (error.difference or 0.0) if self.is_difference else error.value
        return found * self.metric.scale

    def ends(self, error: Error) -> tuple[float, float] | None:
        found = error.difference_interval if self.is_difference else error.interval
        return found and (found[0] * self.metric.scale, found[1] * self.metric.scale)


def figure(
    comparison: Comparison,
    points: Sequence[AccuracyPoint],
    found: dict[tuple[str, str], list[AccuracyPoint]],
    upright: Upright,
) -> Figure:
    """A step of lines a front, a mark a point, and the gate as a dashed line."""
    made = blank(HEIGHT_PX, _latency_axis(points), titled(upright.title))
    compressions = dict.fromkeys(sorted(point.work.compression for point in points))
    symbols = {name: symbol(place) for place, name in enumerate(compressions)}
    series = _series_looks(comparison, points)
    is_named = len(points) <= MOST_NAMED
    made["data"] = [
        *(_front(found[one], look, upright) for one, look in series.items()),
        *(
            _marks([p for p in points if p.series == one], symbols, look, upright)
            for one, look in series.items()
        ),
        *_failing([point for point in points if not point.is_ranked], upright),
        *_symbol_legend(symbols),
    ]
    if is_named:
        made["layout"]["annotations"] += _names(points, series, upright)
    if limit := _limit(points, upright):
        shape, label = line_across(limit, 1, "gate")
        made["layout"]["shapes"].append(shape)
        made["layout"]["annotations"].append(
            label | {"xanchor": "right", "yanchor": "bottom"}
        )
    return made


def _series_looks(
    comparison: Comparison, points: Sequence[AccuracyPoint]
) -> dict[tuple[str, str], Look]:
    """Colour tells what differs: the candidates, or of a single one the runtimes, which
    the dashes tell where both do."""
    look = looks(comparison)
    series = list(dict.fromkeys(sorted(point.series for point in points)))
    runtimes = list(dict.fromkeys(runtime for _, runtime in series))
    labels = list(dict.fromkeys(label for label, _ in series))
    found = {}
    for label, runtime in series:
        place = runtimes.index(runtime)
        colour = look[label].colour
        name = f"{look[label].name} {escaped(runtime)}"
        if len(labels) == 1:
            colour, name = COLOURS[place % len(COLOURS)], escaped(runtime)
        dash = DASHES[place % len(DASHES)]
        found[label, runtime] = Look(name, colour, dash, "circle")
    return found


def _latency_axis(points: Sequence[AccuracyPoint]) -> dict[str, Any]:
    latencies = [point.latency_ms for point in points]
    title = f"latency of a step of batch size {points[0].work.batch_size} (ms)"
    if spans_much(latencies):
        return log_axis(title, latencies)
    return titled(title, rangemode="tozero")


def _front(front: Sequence[AccuracyPoint], look: Look, upright: Upright) -> Trace:
    """The legend names it; a click there hides the points of the series, too."""
    return {
        "type": "scatter",
        "name": look.name,
        "legendgroup": look.name,
        "mode": "lines",
        "x": [point.latency_ms for point in front],
        "y": [upright.value(point.error) for point in front],
        "line": {"color": look.colour, "width": 1.5, "dash": look.dash, "shape": "hv"},
        "hoverinfo": "skip",
    }


def _marks(
    own: Sequence[AccuracyPoint], symbols: dict[str, str], look: Look, upright: Upright
) -> Trace:
    """The points of one series that are within their gate."""
    points = [point for point in own if point.is_ranked]
    values = [upright.value(point.error) for point in points]
    ends = [upright.ends(point.error) for point in points]
    bars = whiskers(values, ends, look.colour) | {"thickness": 1, "width": 2}
    return {
        "type": "scatter",
        "name": look.name,
        "legendgroup": look.name,
        "showlegend": False,
        "mode": "markers",
        "x": [point.latency_ms for point in points],
        "y": values,
        "error_y": bars,
        "marker": {
            "symbol": [symbols[point.work.compression] for point in points],
            "size": 10,
            "color": look.colour,
            "line": {"color": look.colour, "width": 1.5},
        },
        "text": [_hover(point) for point in points],
        "hovertemplate": "%{text}<br>%{x:.4g} ms, %{y:.4g}<extra></extra>",
    }


def _failing(points: Sequence[AccuracyPoint], upright: Upright) -> Iterator[Trace]:
    if points:
        yield {
            "type": "scatter",
            "name": "beyond its gate",
            "mode": "markers",
            "x": [point.latency_ms for point in points],
            "y": [upright.value(point.error) for point in points],
            "marker": {
                "symbol": "x-thin",
                "size": 9,
                "line": {"color": GREY, "width": 2},
            },
            "text": [_hover(point) for point in points],
            "hovertemplate": "beyond its gate<br>%{text}<br>%{x:.4g} ms, %{y:.4g}"
            "<extra></extra>",
        }


def _names(
    points: Sequence[AccuracyPoint],
    series: dict[tuple[str, str], Look],
    upright: Upright,
) -> Iterator[dict[str, Any]]:
    """Beside each point its compression and options, higher and lower by turns, on the
    side on which there is more room."""
    latencies = [point.latency_ms for point in points]
    is_log, far = spans_much(latencies), FAR * max(latencies)
    for place, point in enumerate(points):
        options = (f"{name}={value}" for name, value in point.work.options)
        x = point.latency_ms
        yield {
            "x": math.log10(x) if is_log else x,
            "y": upright.value(point.error),
            "text": escaped(" ".join((point.work.compression, *options))),
            "font": {"size": 11, "color": series[point.series].colour},
            "showarrow": False,
            "xanchor": "right" if x > far else "left",
            "xshift": -7 if x > far else 7,
            "yshift": 8 if place % 2 else -8,
        }


def _limit(points: Sequence[AccuracyPoint], upright: Upright) -> float | None:
    """So far may the difference go, where all have one gate."""
    gates = {point.error.gate for point in points if point.error.gate is not None}
    if not upright.is_difference or len(gates) != 1:
        return None
    return as_loss(gates.pop(), upright.metric.better) * upright.metric.scale


def _hover(point: AccuracyPoint) -> str:
    return escaped(f"{point.label}: {variant(point.work)}")


def _symbol_legend(symbols: dict[str, str]) -> list[Trace]:
    """What the marks mean, in grey: the compressions, whatever the candidate."""
    return [
        {
            "type": "scatter",
            "name": escaped(compression),
            "mode": "markers",
            "x": [None],
            "y": [None],
            "marker": {
                "symbol": shown,
                "size": 10,
                "color": GREY,
                "line": {"color": GREY, "width": 1.5},
            },
        }
        for compression, shown in symbols.items()
    ]
