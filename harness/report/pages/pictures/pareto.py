"""Accuracy against latency over the compressions of one model, with the fronts of those
that no other of the same runtime beats in both.

Where compressions are held against a baseline, what stands upright is the difference to
it, utterance by utterance: it tells apart what the intervals of two error rates do not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from basics.metric_kinds import MetricKind
from harness.metrics import MetricKinds
from harness.report.compare.model import Comparison, Measured, Row
from harness.report.pages.pictures.front import AccuracyPoint, fronts
from harness.report.pages.pictures.pareto_figure import Upright, figure
from harness.report.pages.pictures.picture import Picture
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
LENGTHS_ALIKE = 1.02  # factor between seconds of audio an item
SAME = 1e-3  # of the metric, that baselines may differ by


def pictures(comparison: Comparison) -> Iterator[Picture]:
    """One picture a model, and length of its inputs, of which two works or more have a
    metric."""
    for group in groups(comparison):
        metric = _metric(group, comparison.metrics)
        by_length = _by_length(group, metric.name)
        for place, rows in enumerate(by_length):
            id = f"pareto-{group.place}" + (f"-{place + 1}" if place else "")
            if picture := _picture(comparison, group, metric, rows, id):
                yield picture


def _picture(
    comparison: Comparison,
    group: Group,
    metric: MetricKind,
    of_length: Sequence[Row],
    id: str,
) -> Picture | None:
    rows = _rows_of_one_batch_size(of_length)
    points = sorted(
        _points(drawn_labels(comparison), rows, metric.name), key=lambda p: p.latency_ms
    )
    if len({point.work for point in points}) < 2:
        return None
    upright = Upright(metric, _are_paired(points))
    found = fronts(points)
    kept = _kept(points, [point for front in found.values() for point in front])
    return Picture(
        id,
        f"Accuracy against latency: {group.name}",
        figure(comparison, kept, found, upright),
        _table(id, group, metric, kept, found),
        group.workload,
        tuple(_notes(points, upright, rows[0].work.batch_size)),
    )


def _metric(group: Group, kinds: MetricKinds) -> MetricKind:
    """The first of those that have a gate; else the first that most works have."""
    gated = {
        name
        for row in group.rows
        for cell in measured(row).values()
        for name, error in cell.errors.items()
        if error.passed is not None
    }
    counts = Counter(name for row in group.rows for name in _metric_names(row))
    most = max(counts.values(), default=0)
    often = kinds.in_order(
        gated or (name for name, count in counts.items() if count == most)
    )
    return kinds[often[0] if often else ""]


def _metric_names(row: Row) -> set[str]:
    return {name for cell in measured(row).values() for name in cell.errors}


def _by_length(group: Group, metric: str) -> list[list[Row]]:
    """Rows with the metric, those of one length of inputs together, the shortest
    first: a step on longer inputs is slower and no worse."""
    found: list[list[Row]] = []
    last_s = 0.0
    rows = [
        row
        for row in group.rows
        if not is_training(row) and metric in _metric_names(row)
    ]
    for row in sorted(rows, key=_audio_s):
        if not found or _audio_s(row) > last_s * LENGTHS_ALIKE:
            found.append([])
        last_s = _audio_s(row)
        found[-1].append(row)
    return found


def _audio_s(row: Row) -> float:
    """Seconds of audio of an item; 0 where there is none."""
    cell = next(iter(measured(row).values()))
    items = cell.throughput_items_per_s.value
    return cell.rtfx.value / items if items else 0.0


def _rows_of_one_batch_size(rows: Sequence[Row]) -> list[Row]:
    """The smallest that two works or more have: latency is asked of small batches."""
    counts = Counter(row.work.batch_size for row in rows)
    several = [size for size, count in counts.items() if count > 1]
    smallest = min(several or counts, default=0)
    return [row for row in rows if row.work.batch_size == smallest]


def _points(
    labels: Sequence[str], rows: Sequence[Row], metric: str
) -> Iterator[AccuracyPoint]:
    for row in rows:
        cells = measured(row)
        for label in labels:
            if label in cells and metric in cells[label].errors:
                cell = cells[label]
                passed = cell.gate_passed is not False
                yield AccuracyPoint(
                    row.work, label, _latency_ms(cell), cell.errors[metric], passed
                )


def _latency_ms(cell: Measured) -> float:
    """The median, or the mean step where there are too few samples for a median."""
    bound = cell.latency_ms.get("p50")
    return (
        1e3 * cell.step_s.value if bound is None or bound.value is None else bound.value
    )


def _are_paired(points: Sequence[AccuracyPoint]) -> bool:
    """Whether every point is held against a baseline, or is one: the baselines of all
    runtimes are then as accurate as each other."""
    baselines = [p.error.value for p in points if p.error.difference is None]
    if not baselines or len(baselines) == len(points):
        return not baselines
    return max(baselines) - min(baselines) <= SAME * max(map(abs, baselines))


def _kept(
    points: Sequence[AccuracyPoint], on_fronts: Sequence[AccuracyPoint]
) -> list[AccuracyPoint]:
    """The fastest, and all of the fronts, however slow their most accurate are."""
    slower = [point for point in points[MOST_POINTS:] if point in on_fronts]
    return [*points[: MOST_POINTS - len(slower)], *slower]


def _table(
    id: str,
    group: Group,
    metric: MetricKind,
    points: Sequence[AccuracyPoint],
    found: dict[tuple[str, str], list[AccuracyPoint]],
) -> Table:
    value, change = Upright(metric, False), Upright(metric, True)
    spans = [value.ends(point.error) for point in points]
    changes = [
        None if p.error.difference is None else change.value(p.error) for p in points
    ]
    unit = metric.unit
    columns = (
        text_column("variant", (variant(point.work) for point in points)),
        text_column("candidate", (point.label for point in points)),
        number_column("latency", (point.latency_ms for point in points), unit="ms"),
        number_column(
            metric.title,
            (value.value(point.error) for point in points),
            metric.decimals,
            unit=unit,
        ),
        number_column("low", (ends and ends[0] for ends in spans), unit=unit),
        number_column("high", (ends and ends[1] for ends in spans), unit=unit),
        number_column("change", changes, unit=unit),
        text_column("place", (_place(point, found) for point in points)),
    )
    return Table(f"{id}-table", f"Accuracy and latency of {group.name}", columns)


def _place(
    point: AccuracyPoint, found: dict[tuple[str, str], list[AccuracyPoint]]
) -> str:
    if not point.is_ranked:
        return "beyond its gate"
    return "on the front" if point in found[point.series] else ""


def _notes(
    points: Sequence[AccuracyPoint], upright: Upright, batch_size: int
) -> Iterator[str]:
    better = "Lower" if upright.metric.better == "lower" else "Higher"
    over = "of the paired difference" if upright.is_difference else "of the metric"
    yield (
        f"{better} and further left is better. Steps join what no other of the same "
        f"runtime beats in both. Whiskers: 95 % interval {over} over utterances."
    )
    if batch_size > 1:
        yield f"No two works of batch size 1 have errors; these are of {batch_size}."
    if len(points) > MOST_POINTS:
        yield f"Of {len(points)}, the fronts and the fastest are drawn."
