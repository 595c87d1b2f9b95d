"""What all classifiers of sounds of one length state alike.

Axes: `N` sounds, `B` of a batch, `T` frames, `F` features, `U` output frames, `K`
classes. torch is loaded where a model learns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from workloads.classification.data import LabelledSounds
from workloads.feeding.choosing import evenly
from workloads.metrics.error_rates import ErrorRate
from workloads.metrics.kinds import ERROR_RATE
from workloads.metrics.scores import Scores
from workloads.one_length import OneLengthTask
from workloads.task import NotHereError, Run, S

if TYPE_CHECKING:
    from torch import device as Device

    from workloads.classification.objective import ClassificationObjective
    from workloads.training.objective import Rank
    from workloads.training.recipe import Recipe

CALIBRATION_SOUNDS = 64


class ClassificationTask(OneLengthTask[S, LabelledSounds]):
    """A model's outputs (B, U, K), in the mean over frames, are highest for the class
    that it takes a sound for. `shape` is (T, F) of every sound."""

    shape: ClassVar[tuple[int, int]]
    most_inputs = 16
    measures = (ERROR_RATE,)

    def scores_of(self, outputs: np.ndarray, labels: np.ndarray) -> Scores:
        """The measures of outputs (N, U, K)."""
        wrong = outputs.mean(1).argmax(1) != labels
        errors = tuple(int(one) for one in wrong)
        return Scores.of(ErrorRate(ERROR_RATE.name, errors, (1,) * len(errors)))

    def example(self, size: S) -> tuple[int, int]:
        return self.shape

    def item_shape(self, size: S) -> tuple[int, int]:
        return self.shape

    def held_out(self, size: S, data: LabelledSounds) -> Sequence[np.ndarray]:
        return list(data.validation.features)

    def training_count(self, data: LabelledSounds) -> int:
        return len(data.train)

    def score(self, run: Run, data: LabelledSounds, batch_size: int) -> Scores:
        held_out = data.validation
        starts = range(0, len(held_out), batch_size)
        found = [run(held_out.features[i : i + batch_size]) for i in starts]
        return self.scores_of(np.concatenate(found), held_out.labels)

    def calibration(self, data: LabelledSounds) -> Sequence[np.ndarray]:
        return evenly(list(data.train.features), CALIBRATION_SOUNDS)

    def objective(
        self, size: S, recipe: Recipe, data: LabelledSounds, device: Device, rank: Rank
    ) -> ClassificationObjective:
        """Cross entropy over the training part."""
        from workloads.classification.objective import ClassificationObjective

        if rank.count > 1:
            raise NotHereError("classifiers train on one device")
        return ClassificationObjective(recipe, data, device, self.scores_of)
