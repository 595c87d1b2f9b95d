"""From a task's scores to the accuracy of a case: intervals, gates, transcripts."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from basics.metric_kinds import MetricKind
from harness.workload import Accuracy, Metric, Transcript
from workloads.metrics.scores import Score, Scores, Transcribed
from workloads.task import Gate

_log = logging.getLogger("speechmark")


def judged(
    scores: Scores,
    kinds: Sequence[MetricKind],
    baseline: Scores | None = None,
    baseline_case: str | None = None,
    gates: Mapping[str, Gate] | None = None,
) -> Accuracy:
    """Each measure with its interval, beside the baseline's over the same items; those
    with a gate have a verdict. `kinds` say of measures how they are shown."""
    metrics = {}
    named = {kind.name: kind for kind in kinds}
    for name, score in scores.measures.items():
        if fault := scores.faults.get(name):
            _log.warning(fault)
        compared: dict[str, Any] = {}
        if baseline is not None:
            gate = (gates or {}).get(name)
            compared = _compared(score, baseline.measures[name], gate)
            compared["baseline_case"] = baseline_case
        metrics[name] = Metric.of(
            named.get(name, MetricKind(name, better=score.better)),
            score.value,
            score.n,
            score.interval(),
            per_item=score.per_item,
            fault=fault,
            **compared,
        )
    if (texts := scores.transcribed) is None:
        return Accuracy(metrics)
    return Accuracy(
        metrics,
        edits_by_length=list(zip(texts.lengths, texts.edits, strict=True)),
        transcripts=telling_transcripts(texts),
        edit_unit=texts.unit,
    )


def _compared(score: Score, before: Score, gate: Gate | None) -> dict[str, Any]:
    change = score.minus(before)
    return {
        "difference": change.value,
        "difference_interval": (change.low, change.high),
        "gate": None if gate is None else gate.of(before.value),
    }


def telling_transcripts(texts: Transcribed) -> Sequence[Transcript]:
    """The best, the middle and the worst utterance, by edits over the lengths of the
    references."""
    pairs = zip(texts.edits, texts.lengths, strict=True)
    rates = [edits / max(1, length) for edits, length in pairs]
    order = sorted(range(len(rates)), key=rates.__getitem__)
    chosen = {"best": order[0], "middle": order[len(order) // 2], "worst": order[-1]}
    return [
        Transcript(rank, texts.references[i], texts.hypotheses[i], texts.edits[i])
        for rank, i in chosen.items()
    ]
