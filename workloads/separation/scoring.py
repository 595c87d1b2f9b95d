"""How good what a separator makes of held-out mixtures is.

Axes: `B` mixtures, `S` samples, `C` sources.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np

from workloads.corpora.mixtures.mixture import Signals
from workloads.metrics.kinds import SI_SDR_IMPROVEMENT
from workloads.metrics.scores import Scores
from workloads.metrics.separation import SeparationScores, no_scores, score
from workloads.separation.dataset import MixtureSet
from workloads.task import Run


def score_set(run: Run, mixtures: MixtureSet, batch_size: int = 1) -> SeparationScores:
    """Of every mixture, each whole, in batches of one length; `run` takes waveforms
    (B, S, 1) to sources (B, S, C)."""
    total = no_scores()
    for chosen in batches_of_one_length(mixtures.held, batch_size):
        waves = np.stack([one.mixture for one in chosen])[:, :, None]
        for one, estimates in zip(chosen, run(waves), strict=True):
            total = total + score(estimates.T, one.sources, one.mixture)
    return total


def batches_of_one_length(
    held: Sequence[Signals], batch_size: int
) -> Iterator[list[Signals]]:
    """In order; a batch ends where the length changes."""
    for _, neighbours in groupby(held, lambda one: len(one.mixture)):
        alike = list(neighbours)
        for start in range(0, len(alike), batch_size):
            yield alike[start : start + batch_size]


def scores_of(found: SeparationScores) -> Scores:
    """The measures; the improvement fails whatever its value where sources that speak
    are answered with silence."""
    faults = {}
    if found.silent_estimates:
        faults[SI_SDR_IMPROVEMENT.name] = (
            f"{found.silent_estimates} estimates of sources that speak are silent: "
            "look for an underflow, or for a layer that lost all its weights"
        )
    return Scores.of(*found.measures, faults=faults)
