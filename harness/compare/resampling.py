"""How far the mean of a few processes' figures may lie from the next processes' mean.

C candidates, D draws, K cells (one work on one candidate), N processes of a cell.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

LEVEL = 0.95
CELLS = 64  # drawn at once: 64 x 2,000 draws x 8 bytes are 1 MB


def deviations(
    logs: Sequence[Sequence[np.ndarray]], draws: int, generator: np.random.Generator
) -> np.ndarray:
    """(C, D): for each candidate the sum over works of what a bootstrap mean over
    processes deviates from the mean.

    `logs` has a list for each candidate, and in it an array (N,) for each work, times
    the weight of that work; N may differ, and is 2 at least. Each cell is drawn by
    itself, for each was measured by processes of its own. A bootstrap of few values is
    too narrow: its variance is (N - 1) / N of what it should be, which is mended cell
    by cell, and its tails are those of the normal, where Student's t has wider ones.
    Those of a sum over many cells are less wide than those of each, so that the sum is
    stretched, with the degrees of freedom of Satterthwaite (An approximate distribution
    of estimates of variance components, Biometrics Bulletin 2, 1946).
    """
    total = np.zeros((len(logs), draws))
    for row, cells in zip(total, logs, strict=True):
        for count in sorted({len(cell) for cell in cells}):
            table = np.array([cell for cell in cells if len(cell) == count])
            for start in range(0, len(table), CELLS):
                row += _drawn(table[start : start + CELLS], draws, generator)
        row *= student_over_normal(freedom(cells))
    return total


def _drawn(table: np.ndarray, draws: int, generator: np.random.Generator) -> np.ndarray:
    """(D,): the sum over the cells of a table (K, N)."""
    cells, count = table.shape
    centred = (table - table.mean(axis=1, keepdims=True)).ravel()
    firsts = count * np.arange(cells)[:, None]
    total = np.zeros(draws)
    for _ in range(count):  # one process of each cell at a time, which bounds memory
        drawn = firsts + generator.integers(0, count, (cells, draws))
        total += centred[drawn].sum(axis=0)
    return total * (math.sqrt(count / (count - 1)) / count)


def freedom(cells: Sequence[np.ndarray]) -> float:
    """The degrees of freedom of a sum of means: (sum of v)^2 / sum of v^2 / (N - 1), v
    being the variance of each mean. Endless where nothing varies.

    >>> round(freedom([np.array([1.0, 2.0, 3.0])] * 4), 6)
    8.0
    """
    variances = np.array([cell.var(ddof=1) / len(cell) for cell in cells])
    if not variances.any():
        return math.inf
    shares = variances / variances.sum()
    return float(1 / sum(shares**2 / (np.array([len(cell) for cell in cells]) - 1)))


def student_over_normal(degrees: float) -> float:
    """The quantile of Student's t over the normal's, at LEVEL.

    >>> round(student_over_normal(2), 3), round(student_over_normal(math.inf), 3)
    (2.195, 1.0)
    """
    upper = (1 + LEVEL) / 2
    return float(stats.t.ppf(upper, degrees) / stats.norm.ppf(upper))
