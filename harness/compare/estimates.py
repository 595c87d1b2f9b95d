"""Figures of processes, or of runs, to one figure with its interval."""

from __future__ import annotations

from collections.abc import Sequence

from harness.compare.model import Estimate
from harness.statistics import Mean, log_mean, trimmed_mean


def estimate(mean: Mean, values: Sequence[float]) -> Estimate:
    return Estimate(mean.value, mean.low, mean.high, tuple(values))


def log_estimate(values: Sequence[float]) -> Estimate:
    """The geometric mean of times or rates."""
    return estimate(log_mean(values), values)


def mean_estimate(values: Sequence[float], left_out: int = 0) -> Estimate:
    """The arithmetic mean of what adds up, without some at either end."""
    return estimate(trimmed_mean(values, left_out), values)


def scaled(found: Estimate, factor: float) -> Estimate:
    """In another unit, or for more of it.

    >>> scaled(Estimate(2.0, None, None, (2.0,)), 3.0).value
    6.0
    """
    return Estimate(
        found.value * factor,
        None if found.low is None else found.low * factor,
        None if found.high is None else found.high * factor,
        tuple(value * factor for value in found.values),
    )
