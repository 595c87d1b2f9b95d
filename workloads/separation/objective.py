"""What a separator learns: permutation invariant SI-SDR over stretches of mixtures.

Axes: `B` mixtures, `C` sources, `S` samples.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from workloads.corpora.mixtures.mixture import Signals
from workloads.metrics.separation import no_scores, score
from workloads.separation.dataset import Dataset, Separation, batches
from workloads.separation.loss import pit_loss
from workloads.separation.scoring import scores_of
from workloads.task import Task
from workloads.training.objective import Evaluation, Objective
from workloads.training.recipe import Recipe


@dataclass(frozen=True, eq=False)
class Stretches:
    """Mixtures (B, S) of one length, and their sources (B, C, S)."""

    mixtures: Tensor
    sources: Tensor

    def __len__(self) -> int:
        return len(self.mixtures)


class SeparationObjective(Objective):
    """Of a separator on mixtures."""

    def __init__(
        self,
        task: Task[Any, Dataset],
        recipe: Recipe,
        data: Dataset,
        device: torch.device,
    ) -> None:
        assert isinstance(recipe.own, Separation)
        self.task, self.recipe, self.own = task, recipe, recipe.own
        self.data, self.device = data, device
        self.samples_each = round(self.own.segment_s * data.train.sample_rate_hz)

    def batches(self, epoch: int, skip: int) -> Iterator[tuple[int, Stretches]]:
        rng = np.random.default_rng((self.recipe.seed, epoch))
        held, size = self.data.train.held, self.recipe.batch_size
        made = batches(held, size, self.samples_each, rng, self.own.remix)
        for batch in islice(made, skip, None):
            yield len(batch), self._on_device(batch)

    def batch(self, positions: Sequence[int]) -> Stretches:
        """The beginnings of the training mixtures at these positions."""
        samples = np.arange(self.samples_each)
        held = [self.data.train.held[i] for i in positions]
        wrapped = [(one, samples % len(one.mixture)) for one in held]
        return self._on_device(
            [Signals(one.mixture[at], one.sources[:, at]) for one, at in wrapped]
        )

    def _on_device(self, cut: Sequence[Signals]) -> Stretches:
        return Stretches(
            on(self.device, np.stack([one.mixture for one in cut])),
            on(self.device, np.stack([one.sources for one in cut])),
        )

    def forward(self, model: nn.Module, batch: Stretches) -> Tensor:
        """Estimates (B, C, S)."""
        return cast(Tensor, model(batch.mixtures))

    def loss(self, outputs: Tensor, batch: Stretches) -> Tensor:
        """Negative SI-SDR in dB, summed over mixtures."""
        return len(batch) * pit_loss(outputs.float(), batch.sources)

    @torch.inference_mode()
    def evaluate(self, model: nn.Module) -> Evaluation:
        """The loss, a mean over mixtures, each whole, and the task's measures, of the
        same estimates: a training's clock runs meanwhile. What diverged, so that it has
        no loss, is scored as silence."""
        model.eval()
        losses, total = [], no_scores()
        for one in self.data.validation.held:
            found = model(on(self.device, one.mixture[None]))
            losses.append(float(pit_loss(found, on(self.device, one.sources[None]))))
            estimates = found[0].cpu().numpy()
            if not math.isfinite(losses[-1]):
                estimates = np.zeros_like(estimates)
            total = total + score(estimates, one.sources, one.mixture)
        return Evaluation(sum(losses) / len(losses), scores_of(total))


def on(device: torch.device, array: np.ndarray) -> Tensor:
    """In fp32, on a device."""
    return torch.from_numpy(np.ascontiguousarray(array, np.float32)).to(device)
