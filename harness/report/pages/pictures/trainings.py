"""What a picture of time to accuracy draws, and the table of its numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import median

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

MOST_POINTS, MOST_METRICS = 100, 3


@dataclass(frozen=True)
class DrawnTraining:
    """A training work with everything that its picture shows."""

    row: Row
    trainings: dict[str, Training]  # by label
    metrics: tuple[MetricKind, ...]
    kinds: MetricKinds  # of all metrics of the comparison
    published: tuple[PublishedTime, ...]
    unit_s: float
    unit: str


def drawn_training(comparison: Comparison, row: Row) -> DrawnTraining:
    cells = ranked(row)
    trainings = {
        label: training
        for label in drawn_labels(comparison)
        if label in cells and (training := cells[label].training)
    }
    targets = [target for one in trainings.values() for target in one.targets]
    curves = list(all_curves(trainings))
    measured = {metric for point in chain(*curves) for metric in point.errors}
    kinds = comparison.metrics
    names = kinds.in_order({target.metric for target in targets} or measured)
    names = names[:MOST_METRICS]
    published = tuple(
        one
        for one in comparison.published
        if (one.workload, one.model) == (row.work.workload, row.work.model)
        and one.metric in names
    )
    ends = [points[-1].end_s for points in curves]
    times = [*ends, *(one.tta_s for one in published if one.tta_s is not None)]
    divisor, unit = time_unit(max(times, default=0.0))
    metrics = tuple(kinds[name] for name in names)
    return DrawnTraining(row, trainings, metrics, kinds, published, divisor, unit)


def all_curves(trainings: Mapping[str, Training]) -> Iterator[Sequence[CurvePoint]]:
    """Of every run that ended an epoch."""
    for training in trainings.values():
        yield from filter(None, training.curves)


@dataclass(frozen=True)
class Epoch:
    """The end of an epoch over the runs that came so far: the medians of time and
    value, and between which the values lie, in the metric's unit."""

    end_s: float
    median: float
    low: float
    high: float
    runs: int


def epochs(training: Training, metric: MetricKind) -> list[Epoch]:
    """What a picture draws of a candidate's runs, as far as half of them came."""
    curves = [
        [point for point in points if metric.name in point.errors]
        for points in training.curves
    ]
    longest = max(map(len, curves), default=0)
    found = []
    for place in range(longest):
        here = [points[place] for points in curves if len(points) > place]
        if 2 * len(here) < len(curves):
            break
        values = [point.errors[metric.name] * metric.scale for point in here]
        end_s = median(point.end_s for point in here)
        epoch = Epoch(end_s, median(values), min(values), max(values), len(here))
        found.append(epoch)
    return thinned(found, MOST_POINTS)


def published_names(drawn: DrawnTraining) -> list[str]:
    return list(dict.fromkeys(map(published_name, drawn.published)))


def published_name(one: PublishedTime) -> str:
    return f"{one.machine}, {one.setting}" if one.setting else one.machine


@dataclass(frozen=True)
class DrawnValue:
    """A row of the table: what is drawn of one moment, in the metric's unit; of an
    epoch the median over its `runs`, and between which the values lie."""

    what: str
    who: str
    time_s: float | None
    metric: MetricKind
    value: float
    low: float | None = None
    high: float | None = None
    runs: int | None = None


def training_table(id: str, drawn: DrawnTraining) -> Table:
    rows = [*_target_values(drawn), *_epoch_values(drawn)]
    columns = (
        text_column("what", (row.what for row in rows)),
        text_column("candidate or machine", (row.who for row in rows)),
        text_column("metric", (row.metric.name for row in rows)),
        number_column("value", (row.value for row in rows)),
        number_column("lowest", (row.low for row in rows)),
        number_column("highest", (row.high for row in rows)),
        whole_column("runs", (row.runs for row in rows)),
        text_column("value is in", (row.metric.unit for row in rows)),
        number_column("time", (row.time_s for row in rows), unit="s"),
    )
    return Table(f"{id}-table", f"Accuracy over time of {drawn.row.work}", columns)


def _target_values(drawn: DrawnTraining) -> Iterator[DrawnValue]:
    kinds = drawn.kinds
    for label, training in drawn.trainings.items():
        for t in training.targets:
            missed = f"target: reached by {t.reached} of {t.runs}"
            time_s = t.tta_s.value if t.tta_s else None
            what = "target" if t.tta_s else missed
            kind = kinds[t.metric]
            yield DrawnValue(what, label, time_s, kind, t.level * kind.scale)
    for one in drawn.published:
        what = "published" if one.tta_s is not None else "published: not reached"
        who = f"{published_name(one)} ({one.source})"
        kind = kinds[one.metric]
        yield DrawnValue(what, who, one.tta_s, kind, one.level * kind.scale)


def _epoch_values(drawn: DrawnTraining) -> Iterator[DrawnValue]:
    for label, training in drawn.trainings.items():
        for kind in drawn.metrics:
            for epoch in epochs(training, kind):
                yield DrawnValue(
                    "epoch",
                    label,
                    epoch.end_s,
                    kind,
                    epoch.median,
                    epoch.low,
                    epoch.high,
                    epoch.runs,
                )
