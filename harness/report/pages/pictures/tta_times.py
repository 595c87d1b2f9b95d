"""Times to each level as dots: a row a level, a ring a run, the mean with its
interval."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.metrics import as_loss, level_text
from harness.report.compare.model import TargetTime
from harness.report.compare.shown.columns import interval_of
from harness.report.pages.pictures.picture import (
    Look,
    Trace,
    escaped,
    titled,
    whiskers,
)
from harness.report.pages.pictures.trainings import DrawnTraining, all_curves

ROW_PX = 46
SPREAD = 0.6  # of a row, over which the candidates' dots stand


@dataclass(frozen=True)
class Level:
    metric: str
    level: float


def levels(drawn: DrawnTraining) -> list[Level]:
    """Of all candidates, the easiest of each metric first."""
    names = [metric.name for metric in drawn.metrics]
    found = {
        (names.index(t.metric), -as_loss(t.level, t.better), t.metric, t.level)
        for training in drawn.trainings.values()
        for t in training.targets
        if t.metric in names
    }
    return [Level(metric, level) for _, _, metric, level in sorted(found)]


def rows_axis(drawn: DrawnTraining) -> dict[str, Any]:
    """The levels, from above to below."""
    rows = levels(drawn)
    texts = [level_text(drawn.kinds[row.metric], row.level) for row in rows]
    return titled(
        "",
        tickvals=list(range(len(rows))),
        ticktext=[escaped(text) for text in texts],
        range=[len(rows) - 0.5, -0.5],
        ticks="",
    )


def dots(drawn: DrawnTraining, look: Mapping[str, Look]) -> Iterator[Trace]:
    """Of each candidate those of its runs and their mean; how many runs reached a level
    that not all did."""
    rows = levels(drawn)
    labels = list(drawn.trainings)
    for place, label in enumerate(labels):
        shift = SPREAD * ((place + 0.5) / len(labels) - 0.5)
        targets = {Level(t.metric, t.level): t for t in drawn.trainings[label].targets}
        reached = [
            (at + shift, targets[row])
            for at, row in enumerate(rows)
            if row in targets and targets[row].tta_s
        ]
        missed = [
            (at + shift, targets[row])
            for at, row in enumerate(rows)
            if row in targets and not targets[row].tta_s
        ]
        if reached:
            yield from _of_one(reached, drawn.unit_s, look[label])
        if missed:
            yield _not_reached(missed, look[label], _earliest(drawn))


def _of_one(
    reached: list[tuple[float, TargetTime]], unit_s: float, look: Look
) -> Iterator[Trace]:
    single = [
        (time_s / unit_s, at)
        for at, target in reached
        if target.tta_s
        for time_s in target.tta_s.values
    ]
    means = [target.tta_s for _, target in reached if target.tta_s]
    values = [mean.value / unit_s for mean in means]
    common: Trace = {
        "type": "scatter",
        "name": look.name,
        "legendgroup": look.name,
        "showlegend": False,
        "mode": "markers",
    }
    yield common | {
        "x": values,
        "y": [at for at, _ in reached],
        "error_x": whiskers(
            values, [interval_of(mean, 1 / unit_s) for mean in means], look.colour
        ),
        "marker": {"symbol": look.symbol, "size": 10, "color": look.colour},
        "hovertemplate": "%{fullData.name}: %{x:.4g} in the mean<extra></extra>",
    }
    yield common | {
        "x": [time for time, _ in single],
        "y": [at for _, at in single],
        "marker": {
            "symbol": "circle-open",
            "size": 7,
            "color": look.colour,
            "line": {"width": 1.5, "color": look.colour},
        },
        "hovertemplate": "%{fullData.name}: %{x:.4g}<extra></extra>",
    }


def _earliest(drawn: DrawnTraining) -> float:
    """The end of the first epoch, in the axis' unit: a logarithm has no zero."""
    firsts = (points[0].end_s for points in all_curves(drawn.trainings))
    return min(firsts) / drawn.unit_s


def _not_reached(missed: list[tuple[float, TargetTime]], look: Look, x: float) -> Trace:
    return {
        "type": "scatter",
        "name": look.name,
        "legendgroup": look.name,
        "showlegend": False,
        "mode": "text",
        "x": [x] * len(missed),
        "y": [at for at, _ in missed],
        "text": [f" reached by {t.reached} of {t.runs}" for _, t in missed],
        "textposition": "middle right",
        "textfont": {"size": 11, "color": look.colour},
        "hoverinfo": "skip",
    }
