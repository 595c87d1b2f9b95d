"""Statistics derived from raw samples, each with the source of its formula."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import special, stats

CONFIDENCE = 0.99  # of a percentile's upper bound, as in MLPerf Inference
# A comparison is looked at after so many pairs, and may be ended at each look.
LOOKS = (8, 12, 18, 27, 40, 60)
# Pocock's two-sided 5 % critical value for six looks (Pocock, Group sequential methods
# in the design and analysis of clinical trials, Biometrika 64, 1977, table 1).
POCOCK_SIX_LOOKS = 2.453
Z_95 = float(stats.norm.ppf(0.975))


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


def percentile_bound(
    samples: Sequence[float] | np.ndarray, percentile: float
) -> PercentileBound:
    """A percentile with its 99 % upper bound.

    The bound is the (t+1)-th largest sample, t being the most that may exceed it:
    the largest t with P(Bin(n, 1 - p) <= t) <= 1 - CONFIDENCE.
    """
    n, needed = len(samples), samples_needed(percentile)
    if n < needed:
        return PercentileBound(None, None, n, needed)
    ordered = np.sort(np.asarray(samples, dtype=float))
    value = ordered[max(0, math.ceil(n * percentile - 1))]  # the inverse of the CDF
    bound = ordered[n - _most_over(n, percentile) - 1]
    return PercentileBound(float(value), float(bound), n, needed)


def _most_over(n: int, percentile: float) -> int:
    """The largest t with P(Bin(n, 1 - p) <= t) <= 1 - CONFIDENCE, where t = 1 passes:
    searched for from where the normal approximation puts it."""
    mean = n * (1 - percentile)
    guess = mean + special.ndtri(1 - CONFIDENCE) * math.sqrt(mean * percentile)
    over = max(1, int(guess))
    while over > 1 and special.bdtr(over, n, 1 - percentile) > 1 - CONFIDENCE:
        over -= 1
    while special.bdtr(over + 1, n, 1 - percentile) <= 1 - CONFIDENCE:
        over += 1
    return over


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


def undisturbed_step_s(samples: Sequence[float], cycle: int = 1) -> float:
    """Seconds of a step: the lower quartile of each input's samples, averaged over the
    inputs.

    `samples` go through `cycle` inputs again and again, in order. What other programs
    do to a step makes it longer, never shorter (Chen and Revels, Robust benchmarking in
    noisy environments, 2016, whose estimator is the minimum): of a process that runs
    now undisturbed and now not, a median is sometimes the one, sometimes the other.

    >>> undisturbed_step_s([1.0, 10.0, 1.0, 10.0, 9.0, 10.0], cycle=2)
    5.5
    """
    whole = len(samples) - len(samples) % cycle
    if not whole:
        raise ValueError(
            f"{len(samples)} samples of a cycle of {cycle} inputs: expected each input "
            "at least once"
        )
    table = np.asarray(samples[:whole], dtype=float).reshape(-1, cycle)
    return float(np.quantile(table, 0.25, axis=0).mean())


@dataclass(frozen=True)
class RatioEstimate:
    """A ratio with its 95 % interval, over `n` pairs; of too few pairs for any interval
    it is endless, 0 to infinity."""

    ratio: float
    low: float
    high: float
    n: int

    @property
    def is_endless(self) -> bool:
        return math.isinf(self.high)

    @property
    def log_half_width(self) -> float:
        """Half the width of the interval, on the logarithm."""
        return math.inf if self.is_endless else math.log(self.high / self.low) / 2


def sequential_ratio(
    numerators: Sequence[float], denominators: Sequence[float]
) -> RatioEstimate:
    """`paired_ratio` with an interval that may be looked at again and again: with looks
    after LOOKS pairs (or fewer looks), all of a comparison's intervals hold the truth
    together in about 95 of 100 comparisons.

    Each look has the level of a repeated confidence interval (Jennison and Turnbull,
    Interim analyses: the repeated confidence interval approach, J. R. Statist. Soc. B
    51, 1989) at Pocock's value.
    """
    return paired_ratio(numerators, denominators, POCOCK_SIX_LOOKS)


def paired_ratio(
    numerators: Sequence[float], denominators: Sequence[float], critical: float = Z_95
) -> RatioEstimate:
    """The middle of paired ratios with an interval, by default of 95 %: `critical` is
    the normal quantile that leaves half of what may be missed on one side.

    On the logarithms of the pairs' ratios, estimate and interval are those of Hodges
    and Lehmann, out of Wilcoxon's signed ranks (Hollander and Wolfe, Nonparametric
    Statistical Methods, 2nd edition, 1999, sections 3.2 and 3.3). They ask for symmetry
    alone, which swapping two equal states grants whatever the noise is like, and one
    pair that something disturbed moves them little.
    """
    _check_pairs(numerators, denominators)
    logs = np.log(np.asarray(numerators, float) / np.asarray(denominators, float))
    n = len(logs)
    walsh = np.sort(np.add.outer(logs, logs)[np.triu_indices(n)] / 2)
    ratio, beyond = math.exp(float(np.median(walsh))), _ranks_beyond(n, critical)
    if beyond is None:
        return RatioEstimate(ratio, 0.0, math.inf, n)
    low, high = walsh[beyond], walsh[len(walsh) - 1 - beyond]
    return RatioEstimate(ratio, math.exp(low), math.exp(high), n)


@lru_cache
def _ranks_beyond(n: int, critical: float) -> int | None:
    """How many of the sorted means of two of `n` values lie beyond either end of the
    interval: the largest k with P(T < k + 1) at most the level of one side, T being
    Wilcoxon's sum of signed ranks. None where not even k = 0 is that rare.

    >>> [_ranks_beyond(n, POCOCK_SIX_LOOKS) for n in (7, 8, 12)]
    [None, 0, 8]
    >>> [_ranks_beyond(n, Z_95) for n in (5, 6, 12)]
    [None, 0, 13]
    """
    tail = float(stats.norm.sf(critical))
    ways = np.ones(1)  # of each sum, over all subsets of the ranks 1 to n
    for rank in range(1, n + 1):
        ways = np.pad(ways, (0, rank)) + np.pad(ways, (rank, 0))
    rare = np.flatnonzero(np.cumsum(ways) / 2.0**n <= tail)
    return int(rare[-1]) if len(rare) else None


def _check_pairs(numerators: Sequence[float], denominators: Sequence[float]) -> None:
    if len(numerators) != len(denominators) or not len(numerators):
        raise ValueError(
            f"ratio of {len(numerators)} numerators and {len(denominators)} "
            "denominators: expected as many of both, at least one"
        )


@dataclass(frozen=True)
class Mean:
    """A mean (or a ratio of two) with its interval, None where a single value says
    nothing of the next."""

    value: float
    low: float | None
    high: float | None


def log_mean(values: Sequence[float], level: float = 0.95) -> Mean:
    """The geometric mean of figures above 0, with Student's t interval on the
    logarithm: times and rates vary by factors, and such an interval never reaches below
    0. It holds its level exactly where the logarithms are normal.

    For the geometric mean of benchmarks see Fleming and Wallace, How not to lie with
    statistics: the correct way to summarize benchmark results, Comm. ACM 29, 1986.
    """
    centre, squared_error = _log_moments(values)
    value = values[0] if len(values) == 1 else math.exp(centre)
    return _within_factor(value, squared_error, len(values) - 1, level)


def log_ratio(
    numerators: Sequence[float], denominators: Sequence[float], level: float = 0.95
) -> Mean:
    """The ratio of two geometric means of figures above 0, with Welch's interval on the
    logarithm: the two sides may vary unlike, and have unlike numbers of values (Welch,
    The generalization of 'Student's' problem when several different population
    variances are involved, Biometrika 34, 1947, with the degrees of freedom of
    Satterthwaite, Biometrics Bulletin 2, 1946)."""
    (above, a), (below, b) = _log_moments(numerators), _log_moments(denominators)
    value = math.exp(above - below)
    if a is None or b is None:
        return Mean(value, None, None)
    if a + b == 0:
        return Mean(value, value, value)
    n, m = len(numerators), len(denominators)
    freedom = (a + b) ** 2 / (a**2 / (n - 1) + b**2 / (m - 1))
    return _within_factor(value, a + b, freedom, level)


def _log_moments(values: Sequence[float]) -> tuple[float, float | None]:
    """The mean of the logarithms and its squared standard error, None of one value."""
    if not values or min(values) <= 0:
        raise ValueError(
            f"{values!r:.80} cannot be averaged on the logarithm: expected one number "
            "above 0 or more"
        )
    logs, n = [math.log(value) for value in values], len(values)
    centre = math.fsum(logs) / n
    if n == 1:
        return centre, None
    return centre, math.fsum((x - centre) ** 2 for x in logs) / (n - 1) / n


def _within_factor(
    value: float, squared_error: float | None, freedom: float, level: float
) -> Mean:
    """A mean whose logarithm has this squared standard error, None: not known."""
    if squared_error is None:
        return Mean(value, None, None)
    quantile = float(special.stdtrit(freedom, (1 + level) / 2))
    factor = math.exp(quantile * math.sqrt(squared_error))
    return Mean(value, value / factor, value * factor)


def trimmed_mean(
    values: Sequence[float], left_out: int = 0, level: float = 0.95
) -> Mean:
    """The arithmetic mean of figures of at least 0 without the `left_out` smallest and
    as many largest, with an interval.

    The standard error is Yuen's, out of the winsorized sum of squares (The two-sample
    trimmed t for unequal population variances, Biometrika 61, 1974); with nothing left
    out it is the usual one. Its t interval is made on the logarithm by the delta
    method, so that it never reaches below 0.
    """
    kept = len(values) - 2 * left_out
    if kept < 1 or min(values) < 0:
        raise ValueError(
            f"{values!r:.80} without {left_out} at either end has no mean here: "
            f"expected {2 * left_out + 1} numbers or more, none below 0"
        )
    inner = sorted(values)[left_out : left_out + kept]
    value = math.fsum(inner) / kept
    if kept == 1:
        return Mean(value, None, None)
    if value == 0:
        return Mean(0.0, 0.0, 0.0)
    winsorized = [inner[0]] * left_out + inner + [inner[-1]] * left_out
    shares = [x / value for x in winsorized]
    centre = math.fsum(shares) / len(shares)
    squares = math.fsum((x - centre) ** 2 for x in shares)
    return _within_factor(value, squares / (kept * (kept - 1)), kept - 1, level)
