"""Whether timed samples drift, jump or come in two modes: what a warm-up that ended
"steady" cannot know.

Three tests by ranks or counts, none of which asks how the samples are distributed: of
independent samples, however heavy their tail, about one series in three hundred fails.
What is found counts once it moves the samples by DRIFT_PERCENT.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

# Of the median: below it, a drift is within what two windows of a warm-up may differ.
DRIFT_PERCENT = 5.0
LEVEL = 0.001  # of each test: three tests in three processes give 1 % of false alarms
BLOCKS = 10
FEWEST = 8  # samples: of fewer, no order is rarer than LEVEL
# Modes: each holds so much of the samples, and between them is a valley.
SMALLEST_MODE = 0.2
FEWEST_FOR_MODES = 30


@dataclass(frozen=True)
class Drift:
    """What the samples of one process do over time, in percent of their median.

    `trend_percent` is the robust line's change from first to last (Theil and Sen),
    `range_percent` between the lowest and the highest median of successive blocks,
    `modes_percent` between the medians of two modes. A name in `found` is of one that
    is both larger than DRIFT_PERCENT and no work of chance; `samples` are cycles of all
    inputs. None: too few samples to tell.
    """

    samples: int
    trend_percent: float | None = None
    range_percent: float | None = None
    modes_percent: float | None = None
    found: tuple[str, ...] = ()


def drift(samples: Sequence[float]) -> Drift:
    """Of samples in the order in which they were drawn."""
    if len(samples) < FEWEST:
        return Drift(len(samples))
    values = np.asarray(samples, dtype=float)
    tests = {
        "trend": _trend(values),
        "range": _range(values),
        "modes": _modes(values),
    }
    found = [
        name
        for name, (percent, p) in tests.items()
        if percent is not None and abs(percent) > DRIFT_PERCENT and p < LEVEL
    ]
    percents = {f"{name}_percent": percent for name, (percent, _) in tests.items()}
    return Drift(len(samples), **percents, found=tuple(found))


Tested = tuple[float | None, float]  # percent, probability by chance
UNTOLD: Tested = (None, 1.0)


def _trend(values: np.ndarray) -> Tested:
    """Mann's test of a trend (Kendall's tau against time), and the change along Theil
    and Sen's line; of long series through the medians of a few hundred blocks."""
    from scipy import stats  # slow to load: what has no samples spares it

    p = float(stats.kendalltau(np.arange(len(values)), values).pvalue)
    thinned = _block_medians(values, min(len(values), 200))
    slope = stats.theilslopes(thinned).slope
    return _percent(slope * (len(thinned) - 1), values), p


def _range(values: np.ndarray) -> Tested:
    """Kruskal and Wallis' test that successive blocks are alike."""
    blocks = np.array_split(values, min(BLOCKS, len(values) // 4))
    if np.ptp(values) == 0:
        return 0.0, 1.0
    from scipy import stats

    p = float(stats.kruskal(*blocks).pvalue)
    medians = [float(np.median(block)) for block in blocks]
    return _percent(max(medians) - min(medians), values), p


def _modes(values: np.ndarray) -> Tested:
    """Whether a valley parts two modes.

    Of the span between the medians of two halves, a distribution with one mode has at
    least one outer quarter that is no denser than the middle half, and so holds at most
    a third of both.
    """
    if len(values) < FEWEST_FOR_MODES:
        return UNTOLD
    ordered = np.sort(values)
    cut = _two_means(ordered)
    low, high = ordered[:cut], ordered[cut:]
    if min(len(low), len(high)) < SMALLEST_MODE * len(values):
        return 0.0, 1.0
    left, right = float(np.median(low)), float(np.median(high))
    edges = left + (right - left) * np.array([0.0, 0.25, 0.75, 1.0])
    below, valley, beyond = np.histogram(ordered, edges)[0] if left < right else [0] * 3
    p = max(
        float(special.bdtrc(side - 1, side + valley, 1 / 3)) for side in (below, beyond)
    )
    return _percent(right - left, values), p


def _two_means(ordered: np.ndarray) -> int:
    """Where to cut sorted values so that both parts vary least about their means."""
    n = np.arange(1, len(ordered))
    sums = np.cumsum(ordered)[:-1]
    between = (sums / n - (ordered.sum() - sums) / (len(ordered) - n)) ** 2
    return int(np.argmax(between * n * (len(ordered) - n))) + 1


def _block_medians(values: np.ndarray, count: int) -> np.ndarray:
    return np.array([np.median(block) for block in np.array_split(values, count)])


def _percent(change: float, values: np.ndarray) -> float:
    median = float(np.median(values))
    return 100.0 * change / median if median > 0 else 0.0
