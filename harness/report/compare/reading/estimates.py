"""Figures of processes, or of runs, to one figure with its interval."""

from __future__ import annotations

from collections.abc import Sequence

from harness.clusters import (
    ENOUGH_FREEDOM,
    RUN_DEVIATION,
    Cell,
    cell_of,
    mean_of,
    ratio_of,
)
from harness.report.compare.model import Estimate
from harness.statistics import Mean, trimmed_mean


def estimate(mean: Mean, values: Sequence[float], runs: Sequence[int] = ()) -> Estimate:
    return Estimate(mean.value, mean.low, mean.high, tuple(values), tuple(runs))


def log_estimate(values: Sequence[float], runs: Sequence[int] = ()) -> Estimate:
    """The geometric mean of times or rates, each run counting once."""
    return estimate(mean_of(values, runs), values, runs)


def ratio_estimate(own: Estimate, base: Estimate) -> Estimate:
    """Of two such. `values` are the own processes' over the other's mean."""
    values = tuple(value / base.value for value in own.values)
    found = ratio_of(weighed(own), weighed(base))
    return estimate(found, values, own.runs)


def weighed(found: Estimate, weight: float = 1.0) -> Cell:
    """Its processes, for `clusters.squared_error`."""
    return cell_of(found.values, found.runs, weight)


def mean_estimate(
    values: Sequence[float], left_out: int = 0, runs: Sequence[int] = ()
) -> Estimate:
    """The arithmetic mean of what adds up, a value a run, without some at either end.
    Few runs that happen to be alike do not tell that the next will be."""
    few = len(values) - 1 < ENOUGH_FREEDOM
    least = RUN_DEVIATION if few else 0.0
    found = trimmed_mean(values, left_out, least_deviation=least)
    return estimate(found, values, runs)


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
        found.runs,
    )
