"""Whether two attempts at one work reached the accuracy of one work.

The same weights on the same utterances do not sample anything anew: what machines may
differ in is how their kernels round. So the tolerance is far within the interval over
utterances, which says where the metric lies over others.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from basics.metric_kinds import MetricKind
from harness.metrics import MetricKinds, value_text
from harness.record.kinds import metric_kind
from harness.record.schema import AccuracyMetric
from harness.report.compare.reading.extract import Figures
from harness.statistics import are_disjoint

# Of the wider 95 % interval. Measured: bf16 and int8 under AVX2 against AVX-512 move
# error rates by 0.01 to 0.03 of it (results/hardware-settings), fp32 by nothing.
SHARE_OF_INTERVAL = 0.25
ROUNDING = 1e-3  # of the value, of a single utterance, which has no interval
NO_METRICS = "no accuracy"


@dataclass(frozen=True)
class HeldOut:
    """The accuracy of these weights on this corpus; of a training, which makes weights
    of its own, `is_trained`."""

    corpus: str
    weights: str
    is_trained: bool
    metrics: Mapping[str, AccuracyMetric]

    def is_like(self, other: HeldOut) -> bool:
        """True also where nothing can be said: of other weights, of another corpus,
        which are told for themselves, and of trainings, whose seeds and rounding lead
        each to weights of its own."""
        if self.is_trained or other.is_trained:
            return True
        if (self.corpus, self.weights) != (other.corpus, other.weights):
            return True
        return self.metrics.keys() == other.metrics.keys() and all(
            _is_alike(name, metric, other.metrics[name])
            for name, metric in self.metrics.items()
        )

    def __str__(self) -> str:
        """
        >>> wer = AccuracyMetric(value=0.125, n=50, interval=(0.1, 0.2))
        >>> str(HeldOut("c", "w", False, {"wer": wer}))
        'wer 12.5 % (10.0 % to 20.0 %, n = 50)'
        """
        kinds = MetricKinds(metric_kind(*pair) for pair in self.metrics.items())
        ordered = kinds.in_order(self.metrics)
        texts = [_text(kinds[name], self.metrics[name]) for name in ordered]
        return "; ".join(texts) or NO_METRICS


def held_out(figures: Figures) -> HeldOut:
    return HeldOut(
        figures.corpus,
        figures.weights,
        figures.trained is not None,
        figures.metrics,
    )


def _is_alike(name: str, one: AccuracyMetric, other: AccuracyMetric) -> bool:
    """Of as many utterances, with intervals that have something in common, and apart by
    no more than rounding explains: the gate, where there is one; a part of the
    interval; or, of edits an utterance, one edit in one of them."""
    if one.n != other.n:
        return False
    width = max(high - low for low, high in (one.interval, other.interval))
    if width == 0:
        return math.isclose(one.value, other.value, rel_tol=ROUNDING)
    if are_disjoint(one.interval, other.interval):
        return False
    gate = max(one.gate or 0.0, other.gate or 0.0)
    edit = 1 / one.n if metric_kind(name, one).edits_per_item and one.n else 0.0
    tolerance = max(SHARE_OF_INTERVAL * width, gate, edit)
    return abs(one.value - other.value) <= tolerance


def _text(kind: MetricKind, metric: AccuracyMetric) -> str:
    value, low, high = (value_text(kind, v) for v in (metric.value, *metric.interval))
    return f"{kind.title} {value} ({low} to {high}, n = {metric.n})"
