"""The mean and the tail of a pair's steps, which its undisturbed steps do not show: a
stall in every seventh step leaves the lower quartile as it was.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

FEWEST_FOR_P90 = 20  # of each state: then two or more samples lie beyond it


def mean_steps_s(
    samples_s: tuple[Sequence[float], Sequence[float]], cycles: tuple[int, int]
) -> tuple[float, float]:
    """Seconds of a step of A and of B, over all samples of whole cycles."""
    a, b = (
        float(_table(samples, cycle).mean())
        for samples, cycle in zip(samples_s, cycles, strict=True)
    )
    return a, b


def p90_steps(
    samples_s: tuple[Sequence[float], Sequence[float]], cycles: tuple[int, int]
) -> tuple[float, float] | None:
    """The 90th percentile of A's steps and of B's, each step over the lower quartile of
    A's steps on the same input: inputs differ in length. None where either state has
    fewer than FEWEST_FOR_P90 samples, or their cycles differ.
    """
    if cycles[0] != cycles[1] or min(map(len, samples_s)) < FEWEST_FOR_P90:
        return None
    tables = [_table(samples, cycles[0]) for samples in samples_s]
    undisturbed_s = np.quantile(tables[0], 0.25, axis=0)
    a, b = (float(np.quantile(table / undisturbed_s, 0.9)) for table in tables)
    return a, b


def _table(samples: Sequence[float], cycle: int) -> np.ndarray:
    """Samples by cycle and input, without the last cycle where it is not whole."""
    whole = len(samples) - len(samples) % cycle
    return np.asarray(samples[:whole], dtype=float).reshape(-1, cycle)
