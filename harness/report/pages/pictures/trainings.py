"""What a picture of time to accuracy draws, and the table of its numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from basics.metric_kinds import MetricKind
from harness.metrics import MetricKinds
from harness.report.compare.model import (
    Comparison,
    CurvePoint,
    Row,
    Training,
)
from harness.report.compare.published import PublishedTime
from harness.report.pages.pictures.picture import thinned, time_unit
from harness.report.pages.pictures.select import drawn_labels, ranked
from harness.report.tables.table import Table, number_column, text_column, whole_column

MOST_RUNS, MOST_POINTS, MOST_METRICS = 5, 100, 3


@dataclass(frozen=True)
class Drawn:
    """A training work with everything that its picture shows."""

    row: Row
    trainings: dict[str, Training]  # by label
    metrics: tuple[MetricKind, ...]
    kinds: MetricKinds  # of all metrics of the comparison
    published: tuple[PublishedTime, ...]
    unit_s: float
    unit: str


def drawn_training(comparison: Comparison, row: Row) -> Drawn:
    cells = ranked(row)
    trainings = {
        label: training
        for label in drawn_labels(comparison)
        if label in cells and (training := cells[label].training)
    }
    targets = [target for one in trainings.values() for target in one.targets]
    measured = {m for _, _, points in runs(trainings) for p in points for m in p.errors}
    kinds = comparison.metrics
    names = kinds.in_order({target.metric for target in targets} or measured)
    names = names[:MOST_METRICS]
    published = tuple(
        one
        for one in comparison.published
        if (one.workload, one.model) == (row.work.workload, row.work.model)
        and one.metric in names
    )
    ends = [points[-1].end_s for _, _, points in runs(trainings) if points]
    times = [*ends, *(one.tta_s for one in published if one.tta_s is not None)]
    divisor, unit = time_unit(max(times, default=0.0))
    metrics = tuple(kinds[name] for name in names)
    return Drawn(row, trainings, metrics, kinds, published, divisor, unit)


def runs(
    trainings: dict[str, Training],
) -> Iterator[tuple[str, int | None, Sequence[CurvePoint]]]:
    """(label, seed, points) of the runs that are drawn."""
    for label, training in trainings.items():
        for place, points in enumerate(training.curves[:MOST_RUNS]):
            seeds = training.seeds
            seed = seeds[place] if place < len(seeds) else None
            yield label, seed, thinned(points, MOST_POINTS)


def published_names(drawn: Drawn) -> list[str]:
    return list(dict.fromkeys(map(published_name, drawn.published)))


def published_name(one: PublishedTime) -> str:
    return f"{one.machine}, {one.setting}" if one.setting else one.machine


@dataclass(frozen=True)
class Line:
    """A row of the table: one value of one moment."""

    what: str
    who: str
    seed: int | None
    time_s: float | None
    metric: MetricKind
    value: float


def training_table(id: str, drawn: Drawn) -> Table:
    lines = [*_target_lines(drawn), *_curve_lines(drawn)]
    columns = (
        text_column("what", (line.what for line in lines)),
        text_column("candidate or machine", (line.who for line in lines)),
        whole_column("seed", (line.seed for line in lines)),
        text_column("metric", (line.metric.name for line in lines)),
        number_column("value", (line.value * line.metric.scale for line in lines)),
        text_column("value is in", (line.metric.unit for line in lines)),
        number_column("time", (line.time_s for line in lines), unit="s"),
    )
    return Table(f"{id}-table", f"Accuracy over time of {drawn.row.work}", columns)


def _target_lines(drawn: Drawn) -> Iterator[Line]:
    kinds = drawn.kinds
    for label, training in drawn.trainings.items():
        for t in training.targets:
            missed = f"target: reached by {t.reached} of {t.runs}"
            time_s = t.tta_s.value if t.tta_s else None
            what = "target" if t.tta_s else missed
            yield Line(what, label, None, time_s, kinds[t.metric], t.level)
    for one in drawn.published:
        what = "published" if one.tta_s is not None else "published: not reached"
        who = f"{published_name(one)} ({one.source})"
        yield Line(what, who, None, one.tta_s, kinds[one.metric], one.level)


def _curve_lines(drawn: Drawn) -> Iterator[Line]:
    for label, seed, points in runs(drawn.trainings):
        for point in points:
            for kind in drawn.metrics:
                if kind.name in point.errors:
                    value = point.errors[kind.name]
                    yield Line("epoch", label, seed, point.end_s, kind, value)
