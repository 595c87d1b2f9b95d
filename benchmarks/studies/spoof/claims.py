"""The paper's claims, and what trainings say of each.

A claim is of a number with an interval: of error rates over trainings, attacks and
utterances, of all else over trainings. It holds where the whole interval lies on its
side of the level, fails where it lies on the other, and cannot be told where the level
lies within, or where there are fewer than three trainings.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from benchmarks.studies.spoof.filters import Displacement
from benchmarks.studies.spoof.trainings import TrainedFrontend
from workloads.metrics.bootstrap import Difference
from workloads.metrics.detection import mean_difference

Trainings = Mapping[str, Sequence[TrainedFrontend]]  # by front-end
Verdict = Literal["holds", "fails", "cannot tell", "no trainings"]
FEWEST = 3  # trainings of a kind, below which nothing is known of the next
NO_GAIN = -0.01  # of the EER: what would be worth sorting for
MOVES = 0.25  # of a filter's width: a centre that moves less hardly moves


@dataclass(frozen=True)
class Claim:
    """`measure` gives a number of trainings; the claim is that it is below `level`, or
    above where `is_above`. `unit` is "points" of the EER in percent, or ""."""

    text: str
    needs: tuple[str, ...]
    measure: Callable[[Trainings], Difference]
    level: float = 0.0
    is_above: bool = False
    unit: str = ""

    def judged(self, trainings: Trainings) -> JudgedClaim:
        fewest = min(len(trainings.get(name, ())) for name in self.needs)
        if not fewest:
            return JudgedClaim(self, None, "no trainings")
        found = self.measure(trainings)
        if fewest < FEWEST:
            return JudgedClaim(self, found, "cannot tell")
        below, above = found.high < self.level, found.low > self.level
        holds, fails = (above, below) if self.is_above else (below, above)
        verdict: Verdict = "holds" if holds else "fails" if fails else "cannot tell"
        return JudgedClaim(self, found, verdict)


@dataclass(frozen=True)
class JudgedClaim:
    claim: Claim
    found: Difference | None
    verdict: Verdict


def eer_below(ours: str, theirs: str) -> Callable[[Trainings], Difference]:
    """The EER of evaluation less theirs, in the means over trainings."""

    def measure(trainings: Trainings) -> Difference:
        return mean_difference(
            *([one.evaluation for one in trainings[name]] for name in (ours, theirs))
        )

    return measure


def of_means(
    value: Callable[[TrainedFrontend], float], name: str, beside: str | None = None
) -> Callable[[Trainings], Difference]:
    """The mean of a number over trainings, less that of others where some are named."""

    def measure(trainings: Trainings) -> Difference:
        ours = [value(one) for one in trainings[name]]
        theirs = [value(one) for one in trainings[beside]] if beside else None
        return difference_of_means(ours, theirs)

    return measure


def slower(name: str, beside: str) -> Callable[[Trainings], Difference]:
    """How many times as long an epoch takes."""

    def measure(trainings: Trainings) -> Difference:
        ours, theirs = (
            [one.s_per_epoch for one in trainings[which]] for which in (name, beside)
        )
        logs = difference_of_means(np.log(ours), np.log(theirs))
        return Difference(*np.exp([logs.value, logs.low, logs.high]).tolist())

    return measure


def difference_of_means(
    ours: Sequence[float] | np.ndarray, theirs: Sequence[float] | np.ndarray | None
) -> Difference:
    """With the 95 % interval of Welch's t, or the mean of ours alone with that of
    Student's; infinite where either kind has one value."""
    value = float(np.mean(ours) - (0.0 if theirs is None else np.mean(theirs)))
    if len(ours) < 2 or (theirs is not None and len(theirs) < 2):
        return Difference(value, -math.inf, math.inf)
    if theirs is None:
        found = stats.ttest_1samp(ours, 0.0)
    else:
        found = stats.ttest_ind(ours, theirs, equal_var=False)
    interval = found.confidence_interval(0.95)
    if math.isnan(interval.low):  # all alike
        return Difference(value, value, value)
    return Difference(value, float(interval.low), float(interval.high))


def moved(training: TrainedFrontend) -> float:
    """Median move of a centre, as a share of the filter's width."""
    before, after = (np.array(one) for one in (training.before, training.after))
    return Displacement.between(before, after).relative


CLAIMS = (
    *(
        Claim(
            f"FastAudio ({ours}) has a lower EER than {theirs}",
            (ours, theirs),
            eer_below(ours, theirs),
            unit="points",
        )
        for ours in ("fastaudio-tri", "fastaudio-gauss")
        for theirs in ("fbank", "cqt")
    ),
    Claim(
        "a shape constraint helps: fastaudio-tri has a lower EER than nnaudio",
        ("fastaudio-tri", "nnaudio"),
        eer_below("fastaudio-tri", "nnaudio"),
        unit="points",
    ),
    Claim(
        "sorting does not help: it lowers the EER by less than a point",
        ("fastaudio-sort", "fastaudio-tri"),
        eer_below("fastaudio-sort", "fastaudio-tri"),
        level=NO_GAIN,
        is_above=True,
        unit="points",
    ),
    Claim(
        "what is not constrained overfits: from training to evaluation, the EER of "
        "nnaudio rises more than that of fastaudio-tri",
        ("nnaudio", "fastaudio-tri"),
        of_means(lambda one: one.overfit, "nnaudio", "fastaudio-tri"),
        is_above=True,
        unit="points",
    ),
    *(
        Claim(
            f"{name}, which filters samples, trains slower than fbank",
            (name, "fbank"),
            slower(name, "fbank"),
            level=1.0,
            is_above=True,
        )
        for name in ("leaf", "td-filterbanks")
    ),
    *(
        Claim(
            f"filters of {name} move: centres by a quarter of their width and more",
            (name,),
            of_means(moved, name),
            level=MOVES,
            is_above=True,
        )
        for name in ("fastaudio-tri", "fastaudio-gauss", "leaf", "sincnet")
    ),
)
