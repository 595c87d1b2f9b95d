"""What records tell of their metrics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from basics.metric_kinds import MetricKind
from harness.metrics import MetricKinds, recorded_kind
from harness.record.schema import AccuracyMetric, Record


def kinds_in(records: Iterable[Record]) -> MetricKinds:
    """Of all metrics in these records. The last that tells one is taken: a comparison
    refuses records that contradict one another."""
    return MetricKinds(kind for record in records for kind in _kinds(record))


def metric_kind(name: str, metric: AccuracyMetric) -> MetricKind:
    return recorded_kind(
        name, metric.better, metric.unit, metric.title, metric.edits_per_item
    )


def _kinds(record: Record) -> Iterator[MetricKind]:
    """Accuracy last: it tells most."""
    if record.tta is not None:
        for name, one in record.tta.metrics.items():
            yield recorded_kind(name, one.better, one.unit, one.title)
        for target in record.tta.targets:
            yield recorded_kind(target.metric, target.better, target.unit, target.title)
    metrics = (record.accuracy.metrics if record.accuracy else None) or {}
    for name, metric in metrics.items():
        yield metric_kind(name, metric)
