"""How well a detector's logits tell bona fide speech of evaluation from spoofed.

Axes: `N` utterances.
"""

from __future__ import annotations

import numpy as np

from workloads.metrics.detection import EqualErrorRate
from workloads.metrics.detection_costs import DetectionCosts, TandemCosts
from workloads.metrics.kinds import EER, MIN_DCF, MIN_T_DCF
from workloads.metrics.scores import Scores
from workloads.spoof.data import SpoofDataset

TANDEM, ALONE = TandemCosts(), DetectionCosts()
LOWEST = -1e30  # what a logit that is no number counts as: spoofed


def scores_of(logits: np.ndarray, data: SpoofDataset) -> Scores:
    """The measures of logits (N,), higher for bona fide; with a fault where some are no
    numbers."""
    finite = np.isfinite(logits)
    faults = {}
    if wrong := int((~finite).sum()):
        faults[EER.name] = (
            f"{wrong} of {len(logits)} logits are NaN or infinite: look for an overflow"
        )
    scores = tuple(np.where(finite, logits, LOWEST).tolist())
    attacks = data.evaluation.attacks
    return Scores.of(
        EqualErrorRate(EER.name, scores, attacks),
        TANDEM.of(data.verifier, scores, attacks, MIN_T_DCF.name),
        ALONE.of(scores, attacks, MIN_DCF.name),
        faults=faults,
    )
