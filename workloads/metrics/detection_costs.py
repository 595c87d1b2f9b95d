"""What errors of a detector cost: alone, and before a speaker verifier.

Axes: `N` utterances.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workloads.metrics.detection import (
    BONA_FIDE,
    EqualErrorRate,
    MinimumCost,
    check,
)


@dataclass(frozen=True)
class DetectionCosts:
    """Of a detector alone: what a miss and a false alarm cost, and how likely an attack
    is. By default those of ASVspoof 5 (X. Wang et al., "ASVspoof 5", 2024, section 5),
    whose normalised detection cost function is
    min(beta P_miss + P_fa), beta = 1.9.

    >>> DetectionCosts().of((1.0, 0.0), ("", "A")).value
    0.0
    """

    prior_spoof: float = 0.05
    miss: float = 1.0
    false_alarm: float = 10.0

    def __post_init__(self) -> None:
        _check_prior(self.prior_spoof)

    def of(
        self, scores: tuple[float, ...], attacks: tuple[str, ...], name: str = "min_dcf"
    ) -> MinimumCost:
        miss_cost = self.miss * (1 - self.prior_spoof)
        false_alarm_cost = self.false_alarm * self.prior_spoof
        return MinimumCost(name, scores, attacks, miss_cost, false_alarm_cost)


@dataclass(frozen=True)
class SpeakerVerifier:
    """The error rates of a speaker verifier at its fixed threshold: targets that it
    rejects, other speakers and attacks that it takes for the target."""

    miss: float
    false_alarm: float
    spoof_false_alarm: float

    def __post_init__(self) -> None:
        for name in ("miss", "false_alarm", "spoof_false_alarm"):
            if not 0 <= (found := getattr(self, name)) <= 1:
                raise ValueError(f"{name} is {found}: give a share from 0 to 1")

    @classmethod
    def of_scores(
        cls, target: np.ndarray, nontarget: np.ndarray, spoof: np.ndarray
    ) -> SpeakerVerifier:
        """Where its equal error rate between speakers lies, as the scorer of ASVspoof
        2019 sets it: at the highest score that is rejected there, which is then
        accepted. The scores are (N,) each. ValueError as `check`."""
        between = np.concatenate([target, nontarget])
        kinds = (BONA_FIDE,) * len(target) + ("nontarget",) * len(nontarget)
        rate = EqualErrorRate("EER of speakers", tuple(between.tolist()), kinds)
        check("scores of attacks", [*spoof.tolist(), 0.0], ["A"] * len(spoof) + [""])
        rejected = between[between < rate.threshold]
        at = rejected.max() if len(rejected) else -np.inf
        return cls(
            float((target < at).mean()),
            float((nontarget >= at).mean()),
            float((spoof >= at).mean()),
        )


# That of ASVspoof 2019 LA's evaluation: what `of_scores` gives for the scores that come
# with it (5,370 targets, 33,327 other speakers, 63,882 attacks).
ASVSPOOF_2019 = SpeakerVerifier(
    miss=0.024581005586592177,
    false_alarm=0.024604674888228765,
    spoof_false_alarm=0.7606524529601453,
)


@dataclass(frozen=True)
class TandemCosts:
    """Of a detector before a speaker verifier: the tandem detection cost function as
    ASVspoof 2019 had it, min(beta P_miss + P_fa) where a false alarm costs less
    (T. Kinnunen et al., "t-DCF: a detection cost function for the tandem assessment of
    spoofing countermeasures and automatic speaker verification", 2018, eq. 10; its
    constants are those of M. Todisco et al., "ASVspoof 2019", 2019).
    """

    prior_target: float = 0.9405
    prior_nontarget: float = 0.0095
    prior_spoof: float = 0.05
    verifier_miss: float = 1.0
    verifier_false_alarm: float = 10.0
    miss: float = 1.0
    false_alarm: float = 10.0

    def __post_init__(self) -> None:
        for name in ("prior_target", "prior_nontarget", "prior_spoof"):
            _check_prior(getattr(self, name))
        total = self.prior_target + self.prior_nontarget + self.prior_spoof
        if abs(total - 1) > 1e-9:
            raise ValueError(f"the three priors sum to {total:g}: give a sum of 1")

    def of(
        self,
        verifier: SpeakerVerifier,
        scores: tuple[float, ...],
        attacks: tuple[str, ...],
        name: str = "min_t_dcf",
    ) -> MinimumCost:
        """ValueError where the verifier errs so much that a miss would cost nothing."""
        miss_cost = (
            self.prior_target * (self.miss - self.verifier_miss * verifier.miss)
            - self.prior_nontarget * self.verifier_false_alarm * verifier.false_alarm
        )
        false_alarm_cost = (
            self.false_alarm * self.prior_spoof * verifier.spoof_false_alarm
        )
        return MinimumCost(name, scores, attacks, miss_cost, false_alarm_cost)


def _check_prior(prior: float) -> None:
    if not 0 < prior < 1:
        raise ValueError(f"a prior is {prior}: give a probability between 0 and 1")
