"""What a detector learns: to tell bona fide speech from spoofed, one logit each.

Axes: `B` utterances, `S` samples.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from workloads.spoof.data import SpoofDataset
from workloads.spoof.recipe import Spoofing
from workloads.spoof.scoring import scores_of
from workloads.training.objective import Evaluation, Objective, autocast
from workloads.training.recipe import Recipe


@dataclass(frozen=True, eq=False)
class WaveBatch:
    """Waveforms (B, S), and 1 where they are bona fide (B,)."""

    waves: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)


class SpoofObjective(Objective):
    """Of a detector on utterances. Both kinds count alike, however many there are."""

    def __init__(
        self, recipe: Recipe, data: SpoofDataset, device: torch.device
    ) -> None:
        assert isinstance(recipe.own, Spoofing)
        if recipe.batch_size < 2:
            raise ValueError(
                f"batches of {recipe.batch_size}: give 2 or more, for batch norms of "
                "embeddings have nothing to compare a single one with"
            )
        self.recipe, self.own, self.data, self.device = recipe, recipe.own, data, device
        share = float(data.train.labels.mean())
        self._weights = torch.tensor([0.5 / (1 - share), 0.5 / share], device=device)

    def batches(self, epoch: int, skip: int) -> Iterator[tuple[int, WaveBatch]]:
        """Each is made by another thread while the one before it is learned from."""
        # Numbers of its own: a seed of two parts is that of three whose last is 0.
        rng = np.random.default_rng((self.recipe.seed, epoch, 0))
        order, size = rng.permutation(len(self.data.train)), self.recipe.batch_size
        starts = range(0, len(order), size)
        chosen = [order[i : i + size].tolist() for i in starts]
        if len(chosen) > 1 and len(chosen[-1]) == 1:  # too few for a batch norm
            last = chosen.pop()
            chosen[-1] += last
        made = [
            partial(self._drawn, one, (self.recipe.seed, epoch, 1 + place))
            for place, one in enumerate(chosen)
        ]
        with ThreadPoolExecutor(1) as pool:
            waiting: deque[Future[tuple[np.ndarray, np.ndarray]]] = deque()
            for make in made[skip:]:
                waiting.append(pool.submit(make))
                if len(waiting) > 1:
                    yield self._next(waiting)
            while waiting:
                yield self._next(waiting)

    def _next(
        self, waiting: deque[Future[tuple[np.ndarray, np.ndarray]]]
    ) -> tuple[int, WaveBatch]:
        waves, labels = waiting.popleft().result()
        return len(labels), self._on_device(waves, labels)

    def _drawn(
        self, positions: Sequence[int], seed: tuple[int, ...]
    ) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(seed)
        waves = self.data.train.waves(positions, rng)
        noise = rng.standard_normal(waves.shape, np.float32)
        below_db = rng.uniform(*self.own.noise_db, (len(waves), 1))
        level = waves.std(1, keepdims=True) * 10 ** (-below_db / 20)
        return waves + noise * level.astype(np.float32), self.data.train.labels[
            positions
        ]

    def batch(self, positions: Sequence[int]) -> WaveBatch:
        """The beginnings of these training utterances, as they are."""
        train, chosen = self.data.train, list(positions)
        return self._on_device(train.waves(chosen), train.labels[chosen])

    def _on_device(self, waves: np.ndarray, labels: np.ndarray) -> WaveBatch:
        both = (torch.from_numpy(one).to(self.device) for one in (waves, labels))
        return WaveBatch(*both)

    def forward(self, model: nn.Module, batch: WaveBatch) -> Tensor:
        """Logits (B, 1)."""
        return cast(Tensor, model(batch.waves))

    def loss(self, outputs: Tensor, batch: WaveBatch) -> Tensor:
        """Binary cross entropy, summed over utterances."""
        weights = self._weights[batch.labels.long()]
        logits = outputs.float().squeeze(1)
        return F.binary_cross_entropy_with_logits(
            logits, batch.labels, weights, reduction="sum"
        )

    @torch.inference_mode()
    def evaluate(self, model: nn.Module) -> Evaluation:
        """The loss, a mean over utterances of evaluation, and the task's measures."""
        model.eval()
        part, size = self.data.evaluation, self.recipe.batch_size
        found: list[np.ndarray] = []
        loss = 0.0
        for start in range(0, len(part), size):
            positions = range(start, min(start + size, len(part)))
            labels = part.labels[start : start + size]
            batch = self._on_device(part.waves(positions), labels)
            with autocast(self.recipe.precision, self.device):
                outputs = self.forward(model, batch)
            loss += float(self.loss(outputs, batch))
            found.append(outputs.float().cpu().numpy()[:, 0])
        return Evaluation(loss / len(part), scores_of(np.concatenate(found), self.data))
