"""Figures that follow from raw samples: of a record when it is made, and of several
records together when they are compared."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from harness.clusters import FEWEST_PROCESSES, cell_of, next_process_factor
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
    samples: Sequence[float] | np.ndarray, cycle: int
) -> np.ndarray:
    """Of a process, as far as they tell of the next one: of one input all samples; of
    many the first of each, as an input that comes again is no new draw from the
    distribution of inputs."""
    return np.asarray(samples[:cycle] if cycle > 1 else samples, dtype=float)


def latency_ms(
    samples_s: Sequence[np.ndarray], steps_s: Sequence[float], runs: Sequence[int] = ()
) -> dict[str, PercentileBound]:
    """The PERCENTILES of independent samples, in milliseconds: an array a process.
    `steps_s` are the processes' median steps, `runs` the runs that they are of.

    The estimate is of all samples together. The bound is of the next process in the
    next run, too: samples over their own process' step have a percentile with its bound
    (`statistics.percentile_bound`), and `clusters.next_process_factor` has what steps
    of processes and runs add to that. It takes two processes: one says nothing of the
    next.
    """
    pooled_ms = np.sort(1e3 * np.concatenate(samples_s))
    found = {name: percentile_bound(pooled_ms, p) for name, p in PERCENTILES.items()}
    count = {"processes": len(steps_s), "processes_needed": FEWEST_PROCESSES}
    if len(steps_s) < FEWEST_PROCESSES or min(steps_s) <= 0:
        return {k: replace(b, upper_bound=None, **count) for k, b in found.items()}
    cell = cell_of(steps_s, runs)
    middle_ms = 1e3 * math.exp(cell.tally.mean)
    pairs = zip(samples_s, steps_s, strict=False)
    ratios = np.sort(np.concatenate([samples / step for samples, step in pairs]))
    for name, p in PERCENTILES.items():
        own, within = found[name].upper_bound, percentile_bound(ratios, p).upper_bound
        if own is not None and within is not None:
            over_all = middle_ms * within * next_process_factor(cell, p)
            found[name] = replace(found[name], upper_bound=max(own, over_all))
    return {name: replace(bound, **count) for name, bound in found.items()}
