"""What all classifiers of sounds of one length state alike.

Axes: `N` sounds, `B` of a batch, `T` frames, `F` features, `U` output frames, `K`
classes. torch is loaded where a model learns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from workloads.classification.data import LabelledSounds
from workloads.feeding.choosing import evenly
from workloads.metrics.error_rates import ErrorRate
from workloads.metrics.kinds import ERROR_RATE
from workloads.metrics.scores import Scores
from workloads.task import Input, NotHereError, Run, S, Task

if TYPE_CHECKING:
    from torch import device as Device

    from workloads.classification.objective import ClassificationObjective
    from workloads.training.objective import Rank
    from workloads.training.recipe import Recipe

INPUTS = 16  # different ones at most, so that none stays in a cache
CALIBRATION_SOUNDS = 64


class ClassificationTask(Task[S, LabelledSounds]):
    """A model's outputs (B, U, K), in the mean over frames, are highest for the class
    that it takes a sound for. `shape` is (T, F) of every sound, `sound_s` its
    seconds."""

    shape: ClassVar[tuple[int, int]]
    sound_s: ClassVar[float]
    measures = (ERROR_RATE,)

    def scores_of(self, outputs: np.ndarray, labels: np.ndarray) -> Scores:
        """The measures of outputs (N, U, K)."""
        wrong = outputs.mean(1).argmax(1) != labels
        errors = tuple(int(one) for one in wrong)
        return Scores.of(ErrorRate(ERROR_RATE.name, errors, (1,) * len(errors)))

    def example(self, size: S) -> tuple[int, int]:
        return self.shape

    def inputs(
        self,
        size: S,
        data: LabelledSounds,
        batch_size: int,
        options: Mapping[str, str],
    ) -> list[Input]:
        """Validation sounds, again from the first where there are too few."""
        features = data.validation.features
        count = min(INPUTS, -(-len(features) // batch_size))
        order = np.resize(np.arange(len(features)), (count, batch_size))
        lengths = (self.shape[0],) * batch_size
        audio_s = self.sound_s * batch_size
        return [Input(features[places], lengths, audio_s) for places in order]

    def only_shape(
        self, size: S, batch_size: int, options: Mapping[str, str]
    ) -> tuple[int, int, int]:
        return batch_size, *self.shape

    def score(self, run: Run, data: LabelledSounds, batch_size: int) -> Scores:
        held_out = data.validation
        starts = range(0, len(held_out), batch_size)
        found = [run(held_out.features[i : i + batch_size]) for i in starts]
        return self.scores_of(np.concatenate(found), held_out.labels)

    def calibration(self, data: LabelledSounds) -> Sequence[np.ndarray]:
        return evenly(list(data.train.features), CALIBRATION_SOUNDS)

    def objective(
        self,
        size: S,
        recipe: Recipe,
        data: LabelledSounds,
        device: Device,
        rank: Rank,
    ) -> ClassificationObjective:
        """Cross entropy over the training part."""
        from workloads.classification.objective import ClassificationObjective

        if rank.count > 1:
            raise NotHereError("classifiers train on one device")
        return ClassificationObjective(recipe, data, device, self.scores_of)

    def work_of(
        self, size: S, data: LabelledSounds, places: Sequence[int] | None = None
    ) -> tuple[int, float, float]:
        count = len(data.train if places is None else places)
        macs = self.macs(size, self.shape[0], {})
        return count, count * self.sound_s, 3.0 * count * macs

    def typical_batches(
        self, data: LabelledSounds, batch_size: int, count: int
    ) -> list[Any]:
        places = range(len(data.train))
        size = min(batch_size, len(places))
        whole = [places[i : i + size] for i in places[: len(places) - size + 1 : size]]
        return evenly(whole, count)
