"""Accuracy over time of every training: the median over its runs within the band of
all, with the targets, the times to them, and those that papers published for the same
model."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

from basics.metric_kinds import MetricKind
from harness.metrics import level_text, titled_unit
from harness.report.compare.model import Comparison, TargetTime, Training
from harness.report.pages.pictures.picture import (
    LABEL_PX,
    SYMBOLS,
    Figure,
    Look,
    Picture,
    Trace,
    axis,
    escaped,
    key,
    line_across,
    log_axis,
    looks,
    panelled,
    spans_much,
    titled,
)
from harness.report.pages.pictures.select import is_training
from harness.report.pages.pictures.trainings import (
    DrawnTraining,
    Epoch,
    all_curves,
    drawn_training,
    epochs,
    published_name,
    published_names,
    training_table,
)
from harness.report.pages.pictures.tta_times import ROW_PX, dots, levels, rows_axis

PANEL_PX, GAP_PX, FRAME_PX = 300, 24, 130
LINE_PX = 13  # of a level's label


def pictures(comparison: Comparison) -> Iterator[Picture]:
    """One picture a training work, a panel for each metric that has targets."""
    rows = [row for row in comparison.rows if row.same and is_training(row)]
    found = (drawn_training(comparison, row) for row in rows)
    shown = (drawn for drawn in found if drawn.trainings and drawn.metrics)
    for place, drawn in enumerate(shown, 1):
        yield _picture(comparison, drawn, place)


def _picture(comparison: Comparison, drawn: DrawnTraining, place: int) -> Picture:
    panels = len(drawn.metrics)
    heights: list[float] = [PANEL_PX] * panels
    if rows := levels(drawn):
        heights.append(ROW_PX * len(rows))
    figure = panelled(heights, GAP_PX, FRAME_PX, [""] * len(heights))
    figure["layout"]["margin"] = {"r": LABEL_PX}
    look = looks(comparison)
    for panel, metric in enumerate(drawn.metrics, 1):
        traces = [*_curves(drawn, metric, panel, look), *_published(drawn, metric)]
        _add(figure, traces, panel)
        _add_targets(figure, drawn, metric, panel)
        title = escaped(titled_unit(metric))
        figure["layout"][key("y", panel)] |= titled(title, rangemode="tozero")
    if rows:
        _add(figure, dots(drawn, look), len(heights))
        figure["layout"][key("y", len(heights))] |= rows_axis(drawn)
    for panel in range(1, len(heights) + 1):
        scale = _time_axis(drawn, panel, panel == len(heights))
        figure["layout"][key("x", panel)] |= scale
    id = f"tta-{place}"
    return Picture(
        id,
        f"Time to accuracy: {drawn.row.work}",
        figure,
        training_table(id, drawn),
        drawn.row.work.workload,
        tuple(_notes(drawn)),
    )


def _add(figure: Figure, traces: Iterable[Trace], panel: int) -> None:
    on = {"xaxis": axis("x", panel), "yaxis": axis("y", panel)}
    figure["data"] += [trace | on for trace in traces]


def _time_axis(drawn: DrawnTraining, panel: int, is_last: bool) -> dict[str, Any]:
    curves = list(all_curves(drawn.trainings))
    ends = [points[-1].end_s for points in curves]
    published = [one.tta_s for one in drawn.published if one.tta_s is not None]
    # What was published for another machine may take a hundred times as long.
    is_wide = spans_much([min(ends, default=0.0), *published])
    starts = [points[0].end_s for points in curves]
    times = [time_s / drawn.unit_s for time_s in (*starts, *ends, *published)]
    title = f"time since the model's creation ({drawn.unit})"
    scale = log_axis(title, times) if is_wide else titled(title, rangemode="tozero")
    if not is_last:
        scale |= {"title": {"text": ""}, "showticklabels": False}
    return scale | ({"matches": "x"} if panel > 1 else {})


def _curves(
    drawn: DrawnTraining, metric: MetricKind, panel: int, look: dict[str, Look]
) -> Iterator[Trace]:
    """Of each candidate the band first, so that no line is below one."""
    found = {
        label: epochs(training, metric) for label, training in drawn.trainings.items()
    }
    known = {label: some for label, some in found.items() if some}
    for label, some in known.items():
        if max(epoch.runs for epoch in some) > 1:
            yield _band(some, drawn.unit_s, look[label])
    for label, some in known.items():
        times = [epoch.end_s / drawn.unit_s for epoch in some]
        yield {
            "type": "scatter",
            "name": look[label].name,
            "legendgroup": look[label].name,
            "showlegend": panel == 1,
            "mode": "lines",
            "x": times,
            "y": [epoch.median for epoch in some],
            "line": {
                "color": look[label].colour,
                "dash": look[label].dash,
                "width": 2,
            },
            "hovertemplate": "%{fullData.name}<br>%{x:.4g}, %{y:.4g}<extra></extra>",
        }


def _band(some: Sequence[Epoch], unit_s: float, look: Look) -> Trace:
    times = [epoch.end_s / unit_s for epoch in some]
    return {
        "type": "scatter",
        "name": look.name,
        "legendgroup": look.name,
        "showlegend": False,
        "mode": "lines",
        "x": [*times, *reversed(times)],
        "y": [epoch.high for epoch in some] + [epoch.low for epoch in reversed(some)],
        "line": {"width": 0, "color": look.colour},
        "fill": "toself",
        "fillcolor": look.colour,
        "opacity": 0.2,
        "hoverinfo": "skip",
    }


def _published(drawn: DrawnTraining, metric: MetricKind) -> Iterator[Trace]:
    """Black stars and their like: no curve was published, only when it got there."""
    names = published_names(drawn)
    for place, name in enumerate(names):
        found = [
            one
            for one in drawn.published
            if published_name(one) == name and one.metric == metric.name and one.tta_s
        ]
        if not found:
            continue
        yield {
            "type": "scatter",
            "name": escaped(f"published: {name}"),
            "legendgroup": f"published {place}",
            "showlegend": _is_first(drawn, name, metric),
            "mode": "markers",
            "x": [(one.tta_s or 0.0) / drawn.unit_s for one in found],
            "y": [one.level * metric.scale for one in found],
            "marker": {
                "symbol": f"{SYMBOLS[place % len(SYMBOLS)]}-open-dot",
                "size": 12,
                "color": "#000000",
                "line": {"width": 1.5},
            },
            "text": [escaped(one.source) for one in found],
            "hovertemplate": "%{fullData.name}<br>%{y:.4g} after %{x:.4g}"
            "<br>%{text}<extra></extra>",
        }


def _is_first(drawn: DrawnTraining, name: str, metric: MetricKind) -> bool:
    """Whether this metric's panel is the first that shows the name."""
    shown = {p.metric for p in drawn.published if published_name(p) == name and p.tta_s}
    return metric == next(m for m in drawn.metrics if m.name in shown)


def _add_targets(
    figure: Figure, drawn: DrawnTraining, metric: MetricKind, panel: int
) -> None:
    ours = {t.level for one in drawn.trainings.values() for t in _of(one, metric)}
    theirs = {one.level for one in drawn.published if one.metric == metric.name}
    px_of_one = PANEL_PX / _span(drawn, metric)
    last_px = -math.inf
    for level in sorted(ours | theirs):
        at_px = level * px_of_one
        last_px = max(at_px, last_px + LINE_PX)
        text, height = escaped(level_text(metric, level)), level * metric.scale
        shape, label = line_across(height, panel, text, last_px - at_px)
        figure["layout"]["shapes"].append(shape)
        figure["layout"]["annotations"].append(label)


def _span(drawn: DrawnTraining, metric: MetricKind) -> float:
    """From the lowest to the highest value that is drawn, 0 among them: about as much
    as the axis shows."""
    points = list(chain.from_iterable(all_curves(drawn.trainings)))
    values = [0.0, *(p.errors[metric.name] for p in points if metric.name in p.errors)]
    return max(values) - min(values) or 1.0


def _direction(drawn: DrawnTraining) -> str:
    """Of all metrics at once, or of each where they differ."""
    lower, higher = (
        [metric.title for metric in drawn.metrics if metric.better == better]
        for better in ("lower", "higher")
    )
    if lower and higher:
        return (
            f"Further left is better; lower of {', '.join(lower)}, higher of "
            f"{', '.join(higher)}."
        )
    return f"{'Higher' if higher else 'Lower'} and further left is better."


def _of(training: Training, metric: MetricKind) -> list[TargetTime]:
    return [target for target in training.targets if target.metric == metric.name]


def _notes(drawn: DrawnTraining) -> Iterator[str]:
    most = max(len(training.curves) for training in drawn.trainings.values())
    over = f" Lines are medians over {most} runs, bands hold all." if most > 1 else ""
    yield (
        f"{_direction(drawn)}{over} Dashed lines are targets. Below, a ring is a run "
        "and a mark their mean: when the first epoch ended at which the median of the "
        "last three values was as good as the target."
    )
    for source in dict.fromkeys(one.source for one in drawn.published):
        yield f"Published times are those of {source}: other machines, other speech."
    missed = [one for one in drawn.published if one.tta_s is None]
    for name in dict.fromkeys(map(published_name, missed)):
        levels = ", ".join(
            level_text(drawn.kinds[one.metric], one.level)
            for one in missed
            if published_name(one) == name
        )
        yield f"Published as not reached by {name}: {levels}."
