"""Whether an accuracy changed: over the same items, by what each adds to it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import special

from basics.metric_kinds import MetricKind
from harness.measure.results import StateAccuracy, StateMetric
from harness.metrics import Better, as_loss, recorded_kind

Word = Literal["same", "differs", "worse", "better"]
Items = Sequence[Sequence[float]]  # numerator and denominator of each


@dataclass(frozen=True)
class MetricChange:
    """A metric of both states; `b` is None where B tells it no longer; `gate_lost`: B
    fails a gate that A passes.

    `difference` is the 95 % interval of B less A over the same items; where that is not
    known, `chance` is the 95 % interval of A's own.
    """

    name: str
    a: float
    b: float | None
    chance: tuple[float, float]
    gate_lost: bool = False
    better: Better = "lower"
    difference: tuple[float, float] | None = None
    unit: str | None = None
    title: str | None = None

    @property
    def kind(self) -> MetricKind:
        """What the state that tells it says of the metric."""
        return recorded_kind(self.name, self.better, self.unit, self.title)

    @property
    def word(self) -> Word:
        """ "differs": within what chance does."""
        if self.b is None or self.gate_lost:
            return "worse"
        if self.difference == (0.0, 0.0) or self.a == self.b:
            return "same"
        if self._by_chance(self.b):
            return "differs"
        return "worse" if as_loss(self.b - self.a, self.better) > 0 else "better"

    def _by_chance(self, b: float) -> bool:
        if self.difference is not None:
            return self.difference[0] <= 0.0 <= self.difference[1]
        return self.chance[0] <= b <= self.chance[1]


def changes(a: StateAccuracy | None, b: StateAccuracy | None) -> list[MetricChange]:
    """Of every metric of A, from the accuracies of both workers."""
    a, b = a or StateAccuracy(), b or StateAccuracy()
    metrics_a, metrics_b = a.metrics or {}, b.metrics or {}
    return [
        _change(
            name,
            metrics_a[name],
            metrics_b.get(name),
            paired_interval(a.per_item.get(name, ()), b.per_item.get(name, ())),
        )
        for name in sorted(metrics_a)
    ]


def _change(
    name: str,
    a: StateMetric,
    b: StateMetric | None,
    difference: tuple[float, float] | None,
) -> MetricChange:
    said = b or a
    return MetricChange(
        name,
        a.value,
        b.value if b else None,
        a.interval,
        gate_lost=b is not None and b.passed is False and a.passed is not False,
        better=said.better,
        difference=difference,
        unit=said.unit,
        title=said.title,
    )


def paired_interval(
    a: Items, b: Items, level: float = 0.95
) -> tuple[float, float] | None:
    """The interval of B's ratio of sums less A's, over the same items; None where their
    items are not known, or not as many.

    Student's t of the items' parts in the difference, the ratios taken as linear
    (Cochran, Sampling Techniques, 3rd edition, 1977, section 6.3): an item that is hard
    for both states cancels.

    >>> paired_interval([(1, 2), (0, 2)], [(1, 2), (0, 2)])
    (0.0, 0.0)
    """
    n = len(a)
    if n != len(b) or n < 2:
        return None
    (rate_a, parts_a), (rate_b, parts_b) = map(_linear, (a, b))
    parts = parts_b - parts_a
    spread = float(parts.std(ddof=1)) / math.sqrt(n)
    half = float(special.stdtrit(n - 1, (1 + level) / 2)) * spread
    return rate_b - rate_a - half, rate_b - rate_a + half


def _linear(items: Items) -> tuple[float, np.ndarray]:
    """A ratio of sums, and what each item adds to it beyond the mean."""
    above, below = np.asarray(items, dtype=float).T
    rate = float(above.sum() / below.sum())
    return rate, (above - rate * below) / below.mean()
