"""What a classifier learns: cross entropy over sounds of one length.

Axes: `B` sounds, `T` frames, `F` features, `U` output frames, `K` classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from workloads.classification.data import LabelledSounds, Sounds
from workloads.metrics.scores import Scores
from workloads.training.objective import Evaluation, Objective, autocast
from workloads.training.recipe import Recipe

ScoresOf = Callable[[np.ndarray, np.ndarray], Scores]  # of outputs (N, U, K), labels


@dataclass(frozen=True, eq=False)
class LabelledBatch:
    """Features (B, T, F), and the classes (B,)."""

    features: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class ClassificationObjective(Objective):
    """Of a classifier on labelled sounds."""

    recipe: Recipe
    data: LabelledSounds
    device: torch.device
    scores_of: ScoresOf

    def batches(self, epoch: int, skip: int) -> Iterator[tuple[int, LabelledBatch]]:
        rng = np.random.default_rng((self.recipe.seed, epoch))
        order, size = rng.permutation(len(self.data.train)), self.recipe.batch_size
        for start in range(skip * size, len(order), size):
            batch = self.batch(order[start : start + size].tolist())
            yield len(batch), batch

    def batch(self, positions: Sequence[int]) -> LabelledBatch:
        chosen, train = list(positions), self.data.train
        return self._on_device(Sounds(train.features[chosen], train.labels[chosen]))

    def _on_device(self, sounds: Sounds) -> LabelledBatch:
        features, labels = map(torch.from_numpy, (sounds.features, sounds.labels))
        return LabelledBatch(features.to(self.device), labels.to(self.device))

    def forward(self, model: nn.Module, batch: LabelledBatch) -> Tensor:
        """Outputs (B, U, K)."""
        outputs: Tensor = model(batch.features)
        return outputs

    def loss(self, outputs: Tensor, batch: LabelledBatch) -> Tensor:
        """Of the means over frames, summed over sounds."""
        means = outputs.float().mean(1)
        return F.cross_entropy(means, batch.labels, reduction="sum")

    @torch.inference_mode()
    def evaluate(self, model: nn.Module) -> Evaluation:
        """The loss, a mean over validation sounds, and the task's measures."""
        model.eval()
        held_out, size = self.data.validation, self.recipe.batch_size
        found: list[np.ndarray] = []
        loss = 0.0
        for start in range(0, len(held_out), size):
            batch = self._on_device(held_out.cut(start, start + size))
            with autocast(self.recipe.precision, self.device):
                outputs = self.forward(model, batch)
            loss += float(self.loss(outputs, batch))
            found.append(outputs.float().cpu().numpy())
        scores = self.scores_of(np.concatenate(found), held_out.labels)
        return Evaluation(loss / len(held_out), scores)
