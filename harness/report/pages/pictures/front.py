"""Which works no other beats in both accuracy and latency."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.metrics import as_loss
from harness.report.compare.model import Error, Work


@dataclass(frozen=True)
class AccuracyPoint:
    """A work on a candidate: its latency, and its error in the metric's own scale.
    `loss` is the lower the better, whichever way the metric is."""

    work: Work
    label: str
    latency_ms: float
    error: Error
    is_ranked: bool

    @property
    def series(self) -> tuple[str, str]:
        """Whose front it may be on: the candidate and the runtime."""
        return self.label, self.work.runtime

    @property
    def loss(self) -> float:
        return as_loss(self.error.value, self.error.better)


def fronts(
    points: Sequence[AccuracyPoint],
) -> dict[tuple[str, str], list[AccuracyPoint]]:
    """One of each candidate and runtime, by these; those of a single point too."""
    found: dict[tuple[str, str], list[AccuracyPoint]] = {}
    for point in points:
        found.setdefault(point.series, []).append(point)
    return {series: pareto_front(own) for series, own in found.items()}


def pareto_front(points: Sequence[AccuracyPoint]) -> list[AccuracyPoint]:
    """Those within their gate that no other beats in both; by latency.

    A point enters where its loss is below that of every faster one.
    """
    front: list[AccuracyPoint] = []
    for point in sorted(points, key=lambda p: (p.latency_ms, p.loss)):
        if point.is_ranked and (not front or point.loss < front[-1].loss):
            front.append(point)
    return front
