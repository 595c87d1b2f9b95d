"""The percentile bootstrap over utterances or mixtures.

Axes: `N` utterances or mixtures, `R` resamples.

B. Efron, R. J. Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_CHUNK_DRAWS = 4_000_000  # 32 MB of indices at a time


@dataclass(frozen=True)
class Difference:
    """The second value minus the first, and the interval that holds it."""

    value: float
    low: float
    high: float


def resampled_sums(
    columns: Sequence[Sequence[float]], resamples: int, seed: int
) -> list[np.ndarray]:
    """The sum of each column, of N values each, over the same resamples: (R,) each."""
    if resamples < 1:
        raise ValueError(f"resamples is {resamples}: give 1 or more")
    n = len(columns[0])
    rng = np.random.default_rng(seed)
    rows = max(1, _CHUNK_DRAWS // n)
    chunks: list[list[np.ndarray]] = [[] for _ in columns]
    for start in range(0, resamples, rows):
        drawn = rng.integers(n, size=(min(rows, resamples - start), n))
        for column, sums in zip(columns, chunks, strict=True):
            sums.append(np.asarray(column)[drawn].sum(axis=1))
    return [np.concatenate(sums) for sums in chunks]


def percentile_interval(values: np.ndarray, level: float) -> tuple[float, float]:
    """What the middle share `level` of (R,) values lies within, NaN left out."""
    if not 0 < level < 1:
        raise ValueError(
            f"level is {level}: give a share between 0 and 1, such as 0.95"
        )
    tail = 100 * (1 - level) / 2
    low, high = np.nanpercentile(values, [tail, 100 - tail])
    return float(low), float(high)
