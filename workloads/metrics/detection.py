"""How well scores tell bona fide speech from spoofed: EER, minimum costs, DET points.

Axes: `N` utterances, `K` different scores, `R` bootstrap resamples.

An utterance is taken for bona fide where its score is at a threshold or above. A miss
is bona fide speech that is not, a false alarm spoofed speech that is; equal scores are
always on the same side. Thresholds are the scores themselves, and one above all.

Intervals are a bootstrap in two stages (A. C. Davison, D. V. Hinkley, "Bootstrap
Methods and their Application", 1997, section 3.8): attacks are drawn, then utterances
of each, and bona fide utterances for themselves. So an interval is also of attacks that
were not tried, where there are several.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np

from basics.metric_kinds import Better
from workloads.metrics.bootstrap import RESAMPLES, Difference, middle

BONA_FIDE = ""  # in the place of an attack's name


@dataclass(frozen=True)
class Rates:
    """How many `bona_fide` utterances are `missed` and how many `spoofed` ones are
    `taken` for them, at each of the thresholds, which rise: (K + 1,) each."""

    thresholds: np.ndarray
    missed: np.ndarray
    taken: np.ndarray
    bona_fide: int
    spoofed: int

    @property
    def miss(self) -> np.ndarray:
        return self.missed / self.bona_fide

    @property
    def false_alarm(self) -> np.ndarray:
        return self.taken / self.spoofed


@dataclass(frozen=True)
class Detection:
    """A measure of N scores; `attacks` are the names of what made each utterance,
    BONA_FIDE where nothing did. ValueError where either kind has none, or a score is no
    finite number."""

    better: ClassVar[Better] = "lower"
    name: str
    scores: tuple[float, ...]
    attacks: tuple[str, ...]

    def __post_init__(self) -> None:
        check(self.name, self.scores, self.attacks)

    def of_rates(self, rates: Rates) -> tuple[float, int]:
        """The value, and the place of its threshold."""
        raise NotImplementedError

    def shares(self) -> tuple[float, float]:
        """What the value counts of the miss rate, and of the rate of false alarms."""
        raise NotImplementedError

    @property
    def alike(self) -> tuple[Any, ...]:
        """What two have in common that can be paired."""
        return type(self), self.name, self.attacks

    @property
    def n(self) -> int:
        """How many utterances were scored."""
        return len(self.scores)

    @property
    def value(self) -> float:
        return self.of_rates(self._ranked.rates())[0]

    @property
    def threshold(self) -> float:
        """At which the value is reached: the lowest where several are; infinite where
        all is taken for spoofed."""
        rates = self._ranked.rates()
        return float(rates.thresholds[self.of_rates(rates)[1]])

    @property
    def per_item(self) -> list[tuple[float, float]]:
        """What each utterance adds to the value at its threshold, whose mean it is."""
        scores, is_bona_fide = np.asarray(self.scores), self._ranked.is_bona_fide
        wrong = (scores >= self.threshold) != is_bona_fide
        counts = np.where(is_bona_fide, is_bona_fide.sum(), (~is_bona_fide).sum())
        of_miss, of_false_alarm = self.shares()
        shares = np.where(is_bona_fide, of_miss, of_false_alarm)
        added = wrong * shares * self.n / counts
        return [(float(one), 1.0) for one in added]

    def interval(self) -> tuple[float, float]:
        """The 95 % percentile bootstrap interval, over attacks and utterances."""
        return middle(_resampled([self])[0])

    def minus(self, baseline: Self) -> Difference:
        """The value less the baseline's, with the interval of the same resamples of
        both. ValueError where they are not of the same utterances."""
        if baseline.alike != self.alike:
            raise ValueError(
                f"{self.name} over {self.n} utterances and {baseline.name} over "
                f"{baseline.n} cannot be paired: score both systems by the same "
                "measure on the same utterances"
            )
        before, after = _resampled([baseline, self])
        return Difference(self.value - baseline.value, *middle(after - before))

    def by_attack(self) -> dict[str, float]:
        """The value where each attack is the only one."""
        names = sorted(set(self.attacks) - {BONA_FIDE})
        ranked = self._ranked
        return {
            name: self.of_rates(ranked.rates(ranked.only(name)))[0] for name in names
        }

    @cached_property
    def _ranked(self) -> _Ranked:
        return _Ranked(np.asarray(self.scores), np.asarray(self.attacks))


@dataclass(frozen=True)
class EqualErrorRate(Detection):
    """The mean of both rates where they lie closest, at the lowest such threshold, as
    the scorer of ASVspoof 2019 takes it, but that equal scores are never parted.

    >>> EqualErrorRate("eer", (1.0, 3.0, 0.0, 2.0), ("", "", "A", "A")).value
    0.5
    """

    def of_rates(self, rates: Rates) -> tuple[float, int]:
        # In whole numbers: of two that are as close, rounding would take either.
        apart = rates.missed * rates.spoofed - rates.taken * rates.bona_fide
        place = int(np.abs(apart).argmin())
        return float(rates.miss[place] + rates.false_alarm[place]) / 2, place

    def shares(self) -> tuple[float, float]:
        return 0.5, 0.5


@dataclass(frozen=True)
class MinimumCost(Detection):
    """The least sum of both rates times their costs over all thresholds, over what a
    detector has that takes everything for bona fide, or everything for spoofed: 1 says
    that the scores are worth nothing."""

    miss_cost: float
    false_alarm_cost: float

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("miss_cost", "false_alarm_cost"):
            if not 0 < (found := getattr(self, name)) < float("inf"):
                raise ValueError(
                    f"{name} is {found}, expected a number above 0: give other priors, "
                    "costs or error rates of the speaker verifier"
                )

    @property
    def alike(self) -> tuple[Any, ...]:
        return (*super().alike, self.miss_cost, self.false_alarm_cost)

    def of_rates(self, rates: Rates) -> tuple[float, int]:
        of_miss, of_false_alarm = self.shares()
        costs = of_miss * rates.miss + of_false_alarm * rates.false_alarm
        place = int(costs.argmin())
        return float(costs[place]), place

    def shares(self) -> tuple[float, float]:
        least = min(self.miss_cost, self.false_alarm_cost)
        return self.miss_cost / least, self.false_alarm_cost / least


def mean_difference(
    ours: Sequence[Detection], theirs: Sequence[Detection] = ()
) -> Difference:
    """The mean value of trainings of ours less that of theirs, or their mean alone,
    with an interval that is of other trainings, attacks and utterances.

    All are of the same utterances. Each resample draws attacks and utterances for all,
    and trainings of each kind. ValueError where they cannot be paired.
    """
    measures = [*ours, *theirs]
    if not ours or {one.alike for one in measures} != {measures[0].alike}:
        raise ValueError(
            "trainings are compared by the same measure on the same utterances, one or "
            "more of each kind"
        )
    values, rng = _resampled(measures), np.random.default_rng(1)

    def drawn(rows: np.ndarray) -> np.ndarray:
        if not len(rows):
            return np.zeros(RESAMPLES)
        chosen = rng.integers(len(rows), size=(len(rows), RESAMPLES))
        return np.take_along_axis(rows, chosen, 0).mean(0)

    split = len(ours)
    change = drawn(values[:split]) - drawn(values[split:])
    mean = [
        float(np.mean([one.value for one in some] or [0])) for some in (ours, theirs)
    ]
    return Difference(mean[0] - mean[1], *middle(change))


def det_points(scores: np.ndarray, attacks: np.ndarray) -> Rates:
    """Both rates (K + 1,) of scores (N,) at every threshold: the points of a detection
    error trade-off curve. ValueError as `check`."""
    check("det", scores.tolist(), attacks.tolist())
    return _Ranked(scores, attacks).rates()


def check(
    name: str,
    scores: list[float] | tuple[float, ...],
    attacks: list[str] | tuple[str, ...],
) -> None:
    """ValueError where scores cannot be told apart, or have no names."""
    if len(scores) != len(attacks):
        raise ValueError(
            f"{name}: {len(scores)} scores for {len(attacks)} names of attacks: give "
            "one for each"
        )
    faulty = [place for place, one in enumerate(scores) if not np.isfinite(one)]
    if faulty:
        raise ValueError(
            f"{name}: {len(faulty)} of {len(scores)} scores are NaN or infinite, the "
            f"first at position {faulty[0]}: look for an overflow in the model"
        )
    bona_fide = sum(attack == BONA_FIDE for attack in attacks)
    if not 0 < bona_fide < len(attacks):
        missing = "spoofed" if bona_fide else "bona fide"
        raise ValueError(
            f"{name}: none of {len(attacks)} utterances is {missing}, so that it is "
            "undefined: score both kinds"
        )


def _resampled(measures: Sequence[Detection]) -> np.ndarray:
    """Values of the same resamples of attacks and utterances for each measure, all of
    the same utterances: (measures, R)."""
    rng, ranks = np.random.default_rng(0), [one._ranked for one in measures]
    found = np.empty((len(measures), RESAMPLES))
    for column in range(RESAMPLES):
        weights = ranks[0].drawn(rng)
        for row, (measure, ranked) in enumerate(zip(measures, ranks, strict=True)):
            found[row, column] = measure.of_rates(ranked.rates(weights))[0]
    return found


class _Ranked:
    """Scores in their order, so that rates of any weights of utterances are sums."""

    def __init__(self, scores: np.ndarray, attacks: np.ndarray) -> None:
        self.is_bona_fide = attacks == BONA_FIDE
        self.attacks = attacks
        names = sorted(set(attacks.tolist()) - {BONA_FIDE})
        self._members = [np.flatnonzero(attacks == name) for name in names]
        self._bona_fide = np.flatnonzero(self.is_bona_fide)
        self._order = np.argsort(scores, kind="stable")
        ranked = scores[self._order]
        is_last = np.append(ranked[1:] != ranked[:-1], True)  # of equal ones
        self._last = np.flatnonzero(is_last)
        self._thresholds = np.append(ranked[self._last], np.inf)

    def rates(self, weights: np.ndarray | None = None) -> Rates:
        """Of utterances that count so often (N,), once where nothing is said."""
        if weights is None:
            weights = np.ones(len(self._order), int)
        missed, rejected = (
            np.append(0, np.cumsum((weights * of_kind)[self._order])[self._last])
            for of_kind in (self.is_bona_fide, ~self.is_bona_fide)
        )
        bona_fide, spoofed = int(missed[-1]), int(rejected[-1])
        return Rates(self._thresholds, missed, spoofed - rejected, bona_fide, spoofed)

    def drawn(self, rng: np.random.Generator) -> np.ndarray:
        """How often each utterance is in a resample (N,)."""
        attacks = rng.integers(len(self._members), size=len(self._members))
        groups = [self._bona_fide, *(self._members[i] for i in attacks)]
        places = [group[rng.integers(len(group), size=len(group))] for group in groups]
        return np.bincount(np.concatenate(places), minlength=len(self._order))

    def only(self, attack: str) -> np.ndarray:
        """Weights that leave out all other attacks (N,)."""
        return (self.is_bona_fide | (self.attacks == attack)).astype(int)
