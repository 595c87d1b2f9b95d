"""How well estimated sources match the true ones: SI-SDR, its improvement, and SNR.

Axes: `C` sources, `S` samples, `N` mixtures, `R` bootstrap resamples.

SI-SDR is that of J. Le Roux, S. Wisdom, H. Erdogan, J. R. Hershey, "SDR – half-baked
or well done?", 2019, eq. 5, of signals without their mean. Which estimate stands for
which source is the assignment with the highest sum of SI-SDR; SNR is taken under the
same one, so that all three measures judge the same estimate of a source.

Separators trained for SI-SDR are free in their output's gain, which plain SNR would
show in place of the noise: `snr_rescaled` is that of the estimate times the factor that
fits the target best by least squares. It still shows an offset, which SI-SDR does not.

SI-SDR of a silent target is undefined: such targets are left out of the mean, and their
estimates with them. A silent estimate of a target is worse than any
noise: it has the least that float64 can tell, `SILENT_DB`, and `silent_estimates`
counts them. A perfect estimate of energy E (a sum of squares) has 10 log10(E / 2.2e-16)
dB, which is 157 dB at E = 1 and the most that float64 can tell.
"""

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torchmetrics.functional.audio import (
    scale_invariant_signal_distortion_ratio,
    signal_noise_ratio,
)

from basics.metric_kinds import Better
from workloads.metrics.bootstrap import Difference, Pooled

NAMES = ("si_sdr", "si_sdr_improvement", "snr_rescaled")
SILENT_PEAK = 0.5 / 32_768  # half a step of 16-bit audio
TINY = float(np.finfo(np.float64).tiny)
SILENT_DB = 10 * float(np.log10(np.finfo(np.float64).eps))


@dataclass(frozen=True)
class Measure(Pooled):
    """One value in dB for each mixture, whatever its length; higher is better.

    >>> Measure("si_sdr", (10.0, 13.0)).value
    11.5
    """

    better: ClassVar[Better] = "higher"
    items = "mixtures"
    none_left = (
        "mixtures is undefined: score at least one mixture with a target that is not "
        "silent"
    )
    values: tuple[float, ...]

    @property
    def per_item(self) -> list[tuple[float, float]]:
        """The value of each mixture, which counts once."""
        return [(value, 1.0) for value in self.values]

    def __add__(self, other: Self) -> Self:
        self.check_same_measure(other)
        return replace(self, values=self.values + other.values)

    def minus(self, baseline: Pooled) -> Difference:
        pairs = zip(self.paired(baseline).values, self.values, strict=True)
        gained = Measure(self.name, tuple(after - before for before, after in pairs))
        return Difference(gained.value, *gained.interval())


@dataclass(frozen=True)
class SeparationScores:
    """The measures of N mixtures: SI-SDR, SI-SDR of the estimate less that of the
    mixture in its place, and SNR of the estimate at its best gain. Adding two joins
    their mixtures. `silent_estimates` stand for a target that is not silent.
    """

    si_sdr: Measure
    si_sdr_improvement: Measure
    snr_rescaled: Measure
    silent_estimates: int = 0

    @property
    def measures(self) -> tuple[Measure, ...]:
        return self.si_sdr, self.si_sdr_improvement, self.snr_rescaled

    def __add__(self, other: "SeparationScores") -> "SeparationScores":
        return SeparationScores(
            self.si_sdr + other.si_sdr,
            self.si_sdr_improvement + other.si_sdr_improvement,
            self.snr_rescaled + other.snr_rescaled,
            self.silent_estimates + other.silent_estimates,
        )


def no_scores() -> SeparationScores:
    """The sum of none, to start a sum with."""
    return _measured((), (), ())


def score(
    estimates: np.ndarray,
    sources: np.ndarray,
    mixture: np.ndarray,
    name: str = "the mixture",
) -> SeparationScores:
    """Of one mixture (S,), its estimates (C, S) and true sources (C, S).

    Means are over the sources that are not silent. Raises ValueError, with `name`,
    where shapes do not fit or values are NaN or infinite.
    """
    _check(estimates, sources, mixture, name)
    spoken = ~silent_rows(sources)
    if not spoken.any():
        return no_scores()
    targets = sources[spoken]
    matrix = si_sdr_matrix(estimates, targets)
    chosen = best_assignment(-matrix.T)  # an estimate for each target
    si_sdr = matrix[chosen, np.arange(len(chosen))]
    unseparated = si_sdr_matrix(mixture[None], targets)[0]
    snr = snr_rescaled(estimates[chosen], targets)
    quiet = silent_rows(estimates[chosen])
    si_sdr, snr = (np.where(quiet, SILENT_DB, found) for found in (si_sdr, snr))
    means = ((float(v.mean()),) for v in (si_sdr, si_sdr - unseparated, snr))
    return replace(_measured(*means), silent_estimates=int(quiet.sum()))


def _measured(*values_db: tuple[float, ...]) -> SeparationScores:
    """Each measure's values, in the order of NAMES."""
    si_sdr, improvement, rescaled = map(Measure, NAMES, values_db)
    return SeparationScores(si_sdr, improvement, rescaled)


def snr_rescaled(estimates: np.ndarray, sources: np.ndarray) -> np.ndarray:
    """SNR in dB of each estimate (C, S) against the source in its place, after the gain
    <estimate, source> / <estimate, estimate>, which leaves the least noise: (C,)."""
    estimate, target = _tensor(estimates), _tensor(sources)
    energy = estimate.square().sum(1, keepdim=True)
    gain = (estimate * target).sum(1, keepdim=True) / energy.clamp(min=TINY)
    return signal_noise_ratio(gain * estimate, target).numpy()


def si_sdr_matrix(estimates: np.ndarray, sources: np.ndarray) -> np.ndarray:
    """SI-SDR in dB of each estimate (rows) against each source (columns)."""
    targets = _tensor(sources)
    # A row at a time: all pairs of 8 sources of 24 s at once would take 1 GB.
    rows = [
        scale_invariant_signal_distortion_ratio(
            estimate.expand_as(targets), targets, zero_mean=True
        )
        for estimate in _tensor(estimates)
    ]
    return torch.stack(rows).numpy()


def best_assignment(costs: np.ndarray) -> np.ndarray:
    """Which column each row takes, no two the same, so that the sum is least.

    H. W. Kuhn, "The Hungarian method for the assignment problem", 1955. There may be
    more columns than rows.

    >>> best_assignment(np.array([[1, 5], [0, 9]])).tolist()
    [1, 0]
    """
    _, columns = linear_sum_assignment(costs)
    return np.asarray(columns)


def silent_rows(signals: np.ndarray) -> np.ndarray:
    """Which of (C, S) never leave their mean by half a step of 16-bit audio: (C,)."""
    centred = signals - signals.mean(axis=1, keepdims=True, dtype=np.float64)
    return np.asarray(np.abs(centred).max(axis=1) < SILENT_PEAK)


def _tensor(signals: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(signals, np.float64))


def _check(
    estimates: np.ndarray, sources: np.ndarray, mixture: np.ndarray, name: str
) -> None:
    shape = len(sources), mixture.size
    fits = estimates.shape == sources.shape == shape and mixture.ndim == 1
    if not (mixture.size and fits):
        raise ValueError(
            f"{name}: estimates {estimates.shape}, sources {sources.shape}, mixture "
            f"{mixture.shape}: give (sources, samples) twice and (samples,), of the "
            "same number of samples, 1 or more, and a model that separates as many as "
            "the corpus mixes"
        )
    for kind, signal, advice in (
        ("estimates", estimates, "look for an overflow in the model"),
        ("sources", sources, "replace their audio"),
        ("mixture", mixture, "replace its audio"),
    ):
        if faulty := int((~np.isfinite(signal)).sum()):
            raise ValueError(
                f"{name}: {faulty} of {signal.size} samples of the {kind} are NaN or "
                f"infinite and cannot be scored: {advice}"
            )
