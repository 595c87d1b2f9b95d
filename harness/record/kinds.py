"""What records state of their metrics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from basics.metric_kinds import MetricKind
from harness.metrics import MetricKinds, recorded_kind
from harness.record.schema import AccuracyMetric, CurveMetric, Record, TargetReached

Stated = AccuracyMetric | CurveMetric | TargetReached


def kinds_in(records: Iterable[Record]) -> MetricKinds:
    """Of all metrics in these records. Of several statements the last counts, and none
    against one that has a unit: a comparison refuses records that contradict one
    another."""
    found = [pair for record in records for pair in _statements(record)]
    ordered = sorted(found, key=lambda pair: pair[1].unit is not None)
    return MetricKinds(metric_kind(name, stated) for name, stated in ordered)


def metric_kind(name: str, stated: Stated) -> MetricKind:
    edits_per_item = getattr(stated, "edits_per_item", None)
    return recorded_kind(name, stated.better, stated.unit, stated.title, edits_per_item)


def _statements(record: Record) -> Iterator[tuple[str, Stated]]:
    """Accuracy last: it states most."""
    if record.tta is not None:
        yield from record.tta.metrics.items()
        yield from ((target.metric, target) for target in record.tta.targets)
    yield from ((record.accuracy.metrics if record.accuracy else None) or {}).items()
