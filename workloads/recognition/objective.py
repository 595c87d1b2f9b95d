"""What a recogniser learns: CTC over batches of utterances of like length.

A. Graves, S. Fernández, F. Gomez, J. Schmidhuber, "Connectionist Temporal
Classification", ICML 2006.
Axes: `B` utterances, `T` frames, `F` features, `U` output frames, `N` outputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from workloads.corpora.faults import DataError
from workloads.feeding.batching import plan_epoch, share_of_rank, sorted_batches
from workloads.metrics.scores import Scores
from workloads.recognition.batches import Batch, load_batch, stream
from workloads.recognition.data import Decode, Part, Recordings
from workloads.recognition.recipe import Recognition, SpecAugment
from workloads.training.objective import Evaluation, Objective, Rank, autocast
from workloads.training.recipe import Recipe

DECODED_SENTENCES = 4  # of the batch at hand


class Recogniser(Protocol):
    """What the objective asks of its task, which imports this module."""

    @property
    def validation_batch(self) -> int: ...
    def outputs(
        self, model: nn.Module, features: Tensor, lengths: Tensor
    ) -> tuple[Tensor, Tensor]: ...
    def log_probabilities(self, outputs: Tensor) -> Tensor: ...
    def decoder(self, train: Part, beam_width: int) -> Decode: ...
    def scores_of(self, part: Part, hypotheses: Sequence[str]) -> Scores: ...


class RecognitionObjective(Objective):
    """Of a recogniser on recordings."""

    def __init__(
        self,
        task: Recogniser,
        recipe: Recipe,
        data: Recordings,
        device: torch.device,
        rank: Rank,
    ) -> None:
        assert isinstance(recipe.own, Recognition)
        self.task, self.recipe, self.own = task, recipe, recipe.own
        self.data, self.device, self.rank = data, device, rank
        self._decode = task.decoder(data.train, recipe.own.beam_width)

    def batches(self, epoch: int, skip: int) -> Iterator[tuple[int, Batch]]:
        planned = plan_epoch(
            self.data.train.frames,
            self.recipe.batch_size,
            self.recipe.seed,
            epoch,
            shortest_first=self.own.shortest_first and epoch == 1,
        )
        # Every rank needs an utterance, or its partners would wait for ever.
        whole = [batch for batch in planned if len(batch) >= self.rank.count]
        left = whole[skip:]
        number, count = self.rank.number, self.rank.count
        mine = [share_of_rank(batch, number, count) for batch in left]
        read = stream(self.data.train, self.data, mine, self.device)
        for place, (positions, batch) in enumerate(zip(left, read, strict=True), skip):
            if self.own.augment is not None:
                rng = np.random.default_rng((self.recipe.seed, epoch, place))
                mask(batch.features, batch.lengths.tolist(), self.own.augment, rng)
            yield len(positions), batch

    def batch(self, positions: Sequence[int]) -> Batch:
        loaded = load_batch(self.data.train, self.data.normaliser, positions)
        return loaded.to(self.device)

    def forward(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        """Outputs (B, U, N) and their true lengths (B,), on the host."""
        return self.task.outputs(model, batch.features, batch.lengths)

    def loss(self, outputs: tuple[Tensor, Tensor], batch: Batch) -> Tensor:
        """CTC, summed over utterances, in fp32: a bf16 loss is known to lose accuracy.

        An utterance with too few frames for its labels counts zero instead of infinity.
        """
        found, lengths = outputs
        return F.ctc_loss(
            self.task.log_probabilities(found.float()).transpose(0, 1),
            batch.targets,
            lengths,
            batch.target_lengths,
            blank=self.data.train.alphabet.blank,
            reduction="sum",
            zero_infinity=True,
        )

    @torch.inference_mode()
    def evaluate(self, model: nn.Module) -> Evaluation:
        """CTC, the mean over validation utterances, and the task's measures of what is
        decoded with the recipe's beam."""
        part = self.data.validation
        if not part.texts:
            raise DataError("no validation utterances: accuracy cannot be measured")
        model.eval()
        texts: dict[int, str] = {}
        total = torch.zeros((), dtype=torch.float64, device=self.device)
        batches = sorted_batches(part.frames, self.task.validation_batch)
        for batch in stream(part, self.data, batches, self.device):
            with autocast(self.recipe.precision, self.device):
                outputs = self.forward(model, batch)
            total += self.loss(outputs, batch)
            found = self._texts(outputs, self._decode)
            texts.update(zip(batch.positions, found, strict=True))
        hypotheses = [texts[i] for i in range(len(texts))]
        scores = self.task.scores_of(part, hypotheses)
        return Evaluation(float(total) / len(texts), scores)

    def _texts(self, outputs: tuple[Tensor, Tensor], decode: Decode) -> list[str]:
        found, lengths = outputs
        log_probs = self.task.log_probabilities(found.float()).cpu().numpy()
        rows = zip(log_probs, lengths.tolist(), strict=True)
        return [decode(row[:length]) for row, length in rows]

    @torch.no_grad()
    def samples(self, model: nn.Module, batch: Batch) -> tuple[tuple[str, str], ...]:
        """The best paths of the batch's first utterances, beside their texts."""
        model.eval()
        few = slice(DECODED_SENTENCES)
        with autocast(self.recipe.precision, self.device):
            outputs = self.task.outputs(model, batch.features[few], batch.lengths[few])
        found = self._texts(outputs, self.task.decoder(self.data.train, 1))
        references = (self.data.train.texts[i] for i in batch.positions[few])
        return tuple(zip(references, found, strict=True))


def mask(
    features: Tensor,
    lengths: Sequence[int],
    augment: SpecAugment,
    rng: np.random.Generator,
) -> None:
    """Set stretches of `features` (B, T, F), of true `lengths`, to their mean, 0."""
    bands = features.shape[2]
    for row, length in zip(features, lengths, strict=True):
        for _ in range(augment.frequency_masks):
            row[:, _stretch(rng, bands, augment.frequency_bands)] = 0.0
        for _ in range(augment.time_masks):
            longest = min(augment.time_frames, length // 5)
            row[_stretch(rng, length, longest)] = 0.0


def _stretch(rng: np.random.Generator, extent: int, longest: int) -> slice:
    width = int(rng.integers(min(longest, extent) + 1))
    start = int(rng.integers(extent - width + 1))
    return slice(start, start + width)
