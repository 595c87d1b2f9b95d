"""The record of an accuracy, without the items that it is made of."""

from __future__ import annotations

from dataclasses import asdict

from harness.record.schema import AccuracyMetric, AccuracyRecord, TranscriptRecord
from harness.workload import Accuracy, Metric


def accuracy_record(accuracy: Accuracy) -> AccuracyRecord:
    """As a worker sends it: `per_item` would be ten times as long as all the rest."""
    metrics = {name: _metric(one) for name, one in accuracy.metrics.items()}
    return AccuracyRecord(
        metrics=metrics or None,
        reason=accuracy.reason,
        edits_by_length=list(accuracy.edits_by_length),
        transcripts=[TranscriptRecord(**asdict(t)) for t in accuracy.transcripts],
        edit_unit=accuracy.edit_unit,
    )


def _metric(metric: Metric) -> AccuracyMetric:
    known = {name: getattr(metric, name) for name in AccuracyMetric.model_fields}
    return AccuracyMetric(**known)
