"""Whether an accuracy changed: over the same items, by what each adds to it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy import stats

from harness.metrics import Better, as_loss

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


def changes(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[MetricChange]:
    """Of every metric of A, from what both workers told of their accuracy."""
    metrics_a, metrics_b = a.get("metrics") or {}, b.get("metrics") or {}
    items_a, items_b = a.get("per_item") or {}, b.get("per_item") or {}
    return [
        _change(
            name,
            metrics_a[name],
            metrics_b.get(name),
            paired_interval(items_a.get(name, ()), items_b.get(name, ())),
        )
        for name in sorted(metrics_a)
    ]


def _change(
    name: str,
    a: Mapping[str, Any],
    b: Mapping[str, Any] | None,
    difference: tuple[float, float] | None,
) -> MetricChange:
    """A suite of before metrics had a direction tells none: lower is better."""
    low, high = a["interval"]
    better = (b or a).get("better", "lower")
    value = None if b is None else b["value"]
    passed = None if b is None else b.get("passed")
    lost = passed is False and a.get("passed") is not False
    return MetricChange(name, a["value"], value, (low, high), lost, better, difference)


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
    half = float(stats.t.ppf((1 + level) / 2, n - 1)) * spread
    return rate_b - rate_a - half, rate_b - rate_a + half


def _linear(items: Items) -> tuple[float, np.ndarray]:
    """A ratio of sums, and what each item adds to it beyond the mean."""
    above, below = np.asarray(items, dtype=float).T
    rate = float(above.sum() / below.sum())
    return rate, (above - rate * below) / below.mean()
