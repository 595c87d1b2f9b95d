"""Statistics derived from raw samples, each with the source of its formula."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import stats

CONFIDENCE = 0.99  # of a percentile's upper bound, as in MLPerf Inference


@lru_cache
def samples_needed(percentile: float, over_limit: int = 1) -> int:
    """The fewest samples that carry an upper bound on a percentile when `over_limit`
    of them may exceed it.

    The smallest h + t with P(Bin(h + t, 1 - p) <= t) <= 1 - CONFIDENCE, t = over_limit:
    the early-stopping rule of MLPerf Inference's load generator (Reddi et al., MLPerf
    Inference Benchmark, ISCA 2020, and its inference policies).

    >>> samples_needed(0.90), samples_needed(0.99)
    (64, 662)
    """
    total = over_limit + 1
    step = 1 << 20
    while step:  # P falls as the total grows: step down to the smallest that passes
        while stats.binom.cdf(over_limit, total + step, 1 - percentile) > (
            1 - CONFIDENCE
        ):
            total += step
        step //= 2
    return total + 1


@dataclass(frozen=True)
class PercentileBound:
    """The estimate of a percentile and its 99 % upper bound, in the samples' unit;
    both None where there are fewer samples than `needed`."""

    value: float | None
    upper_bound: float | None
    n: int
    needed: int


def percentile_bound(samples: Sequence[float], percentile: float) -> PercentileBound:
    """A percentile with its 99 % upper bound.

    The bound is the (t+1)-th largest sample, t being the most that may exceed it:
    the largest t with P(Bin(n, 1 - p) <= t) <= 1 - CONFIDENCE.
    """
    n, needed = len(samples), samples_needed(percentile)
    if n < needed:
        return PercentileBound(None, None, n, needed)
    ordered = np.sort(np.asarray(samples, dtype=float))
    over = int(stats.binom.ppf(1 - CONFIDENCE, n, 1 - percentile))
    while stats.binom.cdf(over, n, 1 - percentile) > 1 - CONFIDENCE:
        over -= 1
    value = float(np.quantile(ordered, percentile, method="inverted_cdf"))
    return PercentileBound(value, float(ordered[n - over - 1]), n, needed)


def hierarchical_median_interval(
    processes: Sequence[Sequence[float]],
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> tuple[float, float]:
    """A bootstrap interval of the mean over processes of their medians.

    Processes are drawn with replacement, then samples within each (Davison and
    Hinkley, Bootstrap Methods and their Application, 1997, section 3.8), because
    processes differ by more than the iterations inside one do. A bootstrap over few
    values is too narrow, so the interval is stretched about the mean as Student's t
    asks for (the reason and the factor are those of Hesterberg, What Teachers Should
    Know About the Bootstrap, 2015, section 4.1). With a single process only its
    samples are drawn: the interval then says nothing of other processes.
    """
    generator = np.random.default_rng(seed)
    groups = [np.asarray(samples, dtype=float) for samples in processes]
    medians = np.empty((len(groups), resamples))
    for row, group in zip(medians, groups, strict=True):
        # One draw at a time bounds the memory: 2,000 x 50,000 draws are 800 MB.
        for i in range(resamples):
            row[i] = np.median(group[generator.integers(0, len(group), len(group))])
    drawn = generator.integers(0, len(groups), (len(groups), resamples))
    inner = generator.integers(0, resamples, drawn.shape)  # anew, if drawn twice
    means = medians[drawn, inner].mean(axis=0)
    quantiles = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    centre = float(np.mean([np.median(group) for group in groups]))
    stretched = centre + (quantiles - centre) * _stretch(len(groups), level)
    low, high = np.maximum(stretched, 0.0)  # a time
    return float(low), float(high)


def _stretch(count: int, level: float) -> float:
    """How much wider than a bootstrap's an interval over `count` values must be.

    t quantile over normal quantile, times sqrt(n / (n - 1)) for the bootstrap's
    division by n.

    >>> round(_stretch(3, 0.95), 3), round(_stretch(10, 0.95), 3)
    (2.689, 1.217)
    """
    if count < 2 or not 0 < level < 1:
        return 1.0
    upper = (1 + level) / 2
    ratio = stats.t.ppf(upper, count - 1) / stats.norm.ppf(upper)
    return float(ratio * np.sqrt(count / (count - 1)))


def ratio_interval(
    numerators: Sequence[float],
    denominators: Sequence[float],
    level: float = 0.95,
    resamples: int = 5000,
    seed: int = 0,
) -> tuple[float, float, float]:
    """The ratio of paired totals, and its percentile bootstrap interval over pairs.

    For interleaved measurements: pair i holds both states measured side by side, so a
    drift of the machine cancels (Efron and Tibshirani, An Introduction to the
    Bootstrap, 1993, chapter 10, for the ratio of paired means).
    """
    if len(numerators) != len(denominators) or not numerators:
        raise ValueError(
            f"ratio of {len(numerators)} numerators and {len(denominators)} "
            "denominators: expected as many of both, at least one"
        )
    a, b = np.asarray(numerators, dtype=float), np.asarray(denominators, dtype=float)
    drawn = np.random.default_rng(seed).integers(0, len(a), (resamples, len(a)))
    ratios = a[drawn].sum(axis=1) / b[drawn].sum(axis=1)
    low, high = np.quantile(ratios, [(1 - level) / 2, (1 + level) / 2])
    return float(a.sum() / b.sum()), float(low), float(high)
