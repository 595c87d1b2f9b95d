"""Statistics derived from raw samples, each with the source of its formula."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache

import numpy as np
from scipy import special

CONFIDENCE = 0.99  # of a percentile's upper bound, as in MLPerf Inference
# A comparison is looked at after so many pairs, and may be ended at each look.
LOOKS = (8, 12, 18, 27, 40, 60)
# Pocock's two-sided 5 % critical value for six looks (Pocock, Group sequential methods
# in the design and analysis of clinical trials, Biometrika 64, 1977, table 1).
POCOCK_SIX_LOOKS = 2.453
Z_95 = float(special.ndtri(0.975))


def are_disjoint(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """
    >>> are_disjoint((4, 6), (10, 12)), are_disjoint((4, 6), (6, 8))
    (True, False)
    """
    return one[1] < other[0] or other[1] < one[0]


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
        while special.bdtr(over_limit, total + step, 1 - percentile) > 1 - CONFIDENCE:
            total += step
        step //= 2
    return total + 1


@dataclass(frozen=True)
class PercentileBound:
    """The estimate of a percentile and its 99 % upper bound, in the samples' unit;
    both None where there are fewer samples than `needed`, and the bound where they are
    of fewer `processes` than `processes_needed`."""

    value: float | None
    upper_bound: float | None
    n: int
    needed: int
    processes: int = 1
    processes_needed: int = 1


def percentile_bound(
    samples: Sequence[float] | np.ndarray, percentile: float
) -> PercentileBound:
    """A percentile with its 99 % upper bound, of samples that are independent: of one
    process, which is no matter of chance (`record.derive.latency_ms` has those of all).

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

    def plain(self) -> dict[str, float | int | None]:
        """For JSON, which cannot say an endless interval: its ends are null.

        >>> paired_ratio([2.0], [1.0]).plain()
        {'ratio': 2.0, 'low': None, 'high': None, 'n': 1}
        """
        return asdict(self) | ({"low": None, "high": None} if self.is_endless else {})


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
    tail = float(special.ndtr(-critical))
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

    @property
    def interval(self) -> tuple[float, float] | None:
        if self.low is None or self.high is None:
            return None
        return self.low, self.high


def _half_width(squared_error: float, freedom: float, level: float) -> float:
    quantile = float(special.stdtrit(freedom, (1 + level) / 2))
    return quantile * math.sqrt(squared_error)


def trimmed_mean(
    values: Sequence[float],
    left_out: int = 0,
    level: float = 0.95,
    least_deviation: float = 0.0,
) -> Mean:
    """The arithmetic mean of figures of at least 0 without the `left_out` smallest and
    as many largest, with an interval.

    The standard error is Yuen's, out of the winsorized sum of squares (The two-sample
    trimmed t for unequal population variances, Biometrika 61, 1974); with nothing left
    out it is the usual one. Its t interval is made on the logarithm by the delta
    method, so that it never reaches below 0; it is not narrower than values with a
    relative standard deviation of `least_deviation` make it.
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
    half_width = max(
        _half_width(squares / (kept * (kept - 1)), kept - 1, level),
        Z_95 * least_deviation / math.sqrt(kept),
    )
    return Mean(value, value / math.exp(half_width), value * math.exp(half_width))
