"""Figures that follow from raw samples: of a record when it is made, and of several
records together when they are compared."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.statistics import PercentileBound, percentile_bound

PERCENTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99_9": 0.999}


def mean_step_of_each_cycle(
    samples: Sequence[float] | np.ndarray, cycle: int
) -> np.ndarray:
    """Inputs of one cycle differ in length, so that its steps are no repetitions of one
    another; cycles are. As many means as there are whole cycles.

    >>> mean_step_of_each_cycle([1, 3, 2, 6], cycle=2).tolist()
    [2.0, 4.0]
    """
    whole = len(samples) // cycle * cycle
    steps: np.ndarray = np.asarray(samples[:whole], dtype=float).reshape(-1, cycle)
    return steps.mean(axis=1)


def independent_samples(
    pooled: Sequence[float] | np.ndarray, first_cycle: Sequence[float] | np.ndarray
) -> np.ndarray:
    """Of one input, all samples; of many, one sample of each: an input that comes again
    is no new draw from the distribution of inputs."""
    return np.asarray(first_cycle if len(first_cycle) > 1 else pooled, dtype=float)


def latency_ms(samples_s: np.ndarray) -> dict[str, PercentileBound]:
    """The PERCENTILES of independent samples, in milliseconds."""
    ordered_ms = np.sort(1e3 * samples_s)
    return {name: percentile_bound(ordered_ms, p) for name, p in PERCENTILES.items()}
