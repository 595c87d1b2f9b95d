"""What all recognisers by CTC state alike: inputs, decoding, error rates.

Axes: `B` utterances, `T` frames, `F` features, `U` output frames, `N` outputs.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from workloads.feeding.batching import padding_percent, plan_epoch, sorted_batches
from workloads.feeding.choosing import full_batches
from workloads.feeding.normaliser import Normaliser
from workloads.metrics.scores import Scores
from workloads.recognition.data import (
    Decode,
    Part,
    Recordings,
    joined,
    normalised,
    padded_batch,
)
from workloads.task import Input, Run, S, Task

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch import device as Device

    from workloads.recognition.objective import RecognitionObjective
    from workloads.training.objective import Rank
    from workloads.training.recipe import Recipe

BATCHES = 8  # at most, evenly over the lengths of the validation set
CALIBRATION_UTTERANCES = 32


class RecognitionTask(Task[S, Recordings]):
    """`utterances` different ones are timed at most at batch size 1; `hop_s` is the
    time between two frames; `validation_batch` is the batch size of evaluations in a
    training, `search` the library that these search with: one that installs wherever
    the project does."""

    utterances: int
    hop_s: float
    search: str
    validation_batch: int = 32

    @abstractmethod
    def outputs(
        self, model: nn.Module, features: Tensor, lengths: Tensor
    ) -> tuple[Tensor, Tensor]:
        """What a model makes of features (B, T, F) of true `lengths` (B,), and the true
        lengths of that, on the host."""

    def log_probabilities(self, outputs: Tensor) -> Tensor:
        """Of outputs in fp32."""
        return outputs

    @abstractmethod
    def output_length(self, frames: int) -> int:
        """U of T frames."""

    @abstractmethod
    def decoder(
        self, train: Part, beam_width: int, search: str | None = None
    ) -> Decode:
        """Best path for a beam of 1, a search for a wider one, which may use the texts
        of the training part: by the library of that name, else by the task's `search`.
        ValueError for a library that it does not search with, ImportError for one that
        is not installed."""

    @abstractmethod
    def scores_of(self, part: Part, hypotheses: Sequence[str]) -> Scores:
        """The errors of what was understood of each utterance of a part."""

    def constants(self, data: Recordings) -> Mapping[str, np.ndarray]:
        return data.normaliser.to_arrays()

    def with_constants(
        self, data: Recordings, constants: Mapping[str, np.ndarray]
    ) -> Recordings:
        return replace(data, normaliser=Normaliser.taken_from(dict(constants)))

    def inputs(
        self, size: S, data: Recordings, batch_size: int, options: Mapping[str, str]
    ) -> list[Input]:
        """Batches of like length, evenly over the lengths of the validation set; with
        the option `frames`, stretches of joined utterances of that length."""
        part, normaliser = data.validation, data.normaliser
        if "frames" in options:
            frames = int(options["frames"])
            shape = BATCHES, batch_size, frames, -1
            stretches = joined(part, normaliser, frames, BATCHES * batch_size)
            lengths, audio_s = (frames,) * batch_size, batch_size * frames * self.hop_s
            return [Input(one, lengths, audio_s) for one in stretches.reshape(shape)]
        count = self.utterances if batch_size == 1 else BATCHES
        found = []
        for positions in full_batches(part.frames, batch_size, count):
            features, true = padded_batch(part.rows, normaliser, positions)
            audio_s = sum(part.durations_s[i] for i in positions)
            found.append(Input(features, tuple(true), audio_s))
        return found

    def only_shape(
        self, size: S, batch_size: int, options: Mapping[str, str]
    ) -> tuple[int, int, int] | None:
        """Without the option `frames`, inputs are as long as speech is: a service for
        all lengths has one model of any, too."""
        if "frames" not in options:
            return None
        return batch_size, int(options["frames"]), self.example(size)[1]

    def log_probs(
        self, run: Run, data: Recordings, batch_size: int
    ) -> list[np.ndarray]:
        """Log-probabilities (U, N) of every validation utterance, run in batches of
        like length. Raises ValueError where there are no utterances."""
        part = data.validation
        if not part.texts:
            raise ValueError(
                "no utterances to validate on: accuracy cannot be measured"
            )
        found: dict[int, np.ndarray] = {}
        for positions in sorted_batches(part.frames, batch_size):
            features, lengths = padded_batch(part.rows, data.normaliser, positions)
            rows = self.as_log_probs(run(features))
            for i, row, frames in zip(positions, rows, lengths, strict=True):
                found[i] = row[: self.output_length(frames)].copy()  # not the batch
        return [found[i] for i in range(len(found))]

    def as_log_probs(self, outputs: np.ndarray) -> np.ndarray:
        """Of a deployed model's outputs (B, U, N)."""
        return outputs

    def score(self, run: Run, data: Recordings, batch_size: int) -> Scores:
        best_path = self.decoder(data.train, 1)
        hypotheses = list(map(best_path, self.log_probs(run, data, batch_size)))
        return self.scores_of(data.validation, hypotheses)

    def calibration(self, data: Recordings) -> Sequence[np.ndarray]:
        """Utterances that lie evenly over the lengths of the training part."""
        part = data.train
        order = np.argsort(part.frames, kind="stable")
        count = min(CALIBRATION_UTTERANCES, len(order))
        chosen = order[np.linspace(0, len(order) - 1, count).astype(int)]
        return normalised(part.rows, data.normaliser, [int(i) for i in chosen])

    def objective(
        self, size: S, recipe: Recipe, data: Recordings, device: Device, rank: Rank
    ) -> RecognitionObjective:
        """CTC over the training part."""
        from workloads.recognition.objective import RecognitionObjective

        return RecognitionObjective(self, recipe, data, device, rank)

    def work_of(
        self, size: S, data: Recordings, places: Sequence[int] | None = None
    ) -> tuple[int, float, float]:
        part = data.train
        chosen = range(len(part.frames)) if places is None else places
        audio_s = sum(part.durations_s[i] for i in chosen)
        macs = sum(self.training_macs(size, part.frames[i]) for i in chosen)
        return len(chosen), audio_s, macs

    def batch_facts(
        self, data: Recordings, batches: Sequence[Sequence[int]]
    ) -> Mapping[str, float | str]:
        return {"padding_percent": padding_percent(data.train.frames, batches)}

    def epoch_facts(
        self, data: Recordings, recipe: Recipe
    ) -> Mapping[str, float | str]:
        frames = data.train.frames
        planned = plan_epoch(frames, recipe.batch_size, recipe.seed, epoch=2)
        return self.batch_facts(data, planned)

    def training_macs(self, size: S, frames: int) -> float:
        """Multiply-accumulates of learning from an utterance: one forward and two
        backward products."""
        return 3 * self.macs(size, frames, {})

    def typical_batches(
        self, data: Recordings, batch_size: int, count: int
    ) -> list[Any]:
        return list(full_batches(data.train.frames, batch_size, count))
