"""Training with permutation invariant SI-SDR, an epoch at a time.

Axes: `B` mixtures, `C` sources, `S` samples.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import CosineAnnealingLR, ReduceLROnPlateau

from workloads.separation.dataset import Batch, Dataset, Part, batches
from workloads.separation.loss import pit_loss
from workloads.separation.recipe import Recipe


@dataclass(frozen=True)
class Epoch:
    """What an epoch reached; losses are negative SI-SDR in dB."""

    number: int
    loss: float
    validation_loss: float
    learning_rate: float


def train(
    model: nn.Module, recipe: Recipe, dataset: Dataset, device: torch.device
) -> Iterator[Epoch]:
    """Train `model` in place, until the recipe's epochs or its patience are over or the
    validation loss is not finite; where it starts from is the caller's matter."""
    training = _Training(model.to(device), recipe, dataset, device)
    best, since = float("inf"), 0
    for number in range(1, recipe.epochs + 1):
        epoch = training.epoch(number)
        since = 0 if epoch.validation_loss < best else since + 1
        best = min(best, epoch.validation_loss)
        yield epoch
        if since >= recipe.stop_after or not math.isfinite(epoch.validation_loss):
            return


class _Training:
    def __init__(
        self, model: nn.Module, recipe: Recipe, dataset: Dataset, device: torch.device
    ) -> None:
        torch.manual_seed(recipe.seed)
        self.model, self.recipe = model, recipe
        self.dataset, self.device = dataset, device
        self.samples = round(recipe.segment_s * dataset.train.sample_rate_hz)
        self.random = np.random.default_rng(recipe.seed)
        self.optimizer = torch.optim.Adam(model.parameters(), recipe.learning_rate)
        self.next_rate = _schedule(self.optimizer, recipe)

    def epoch(self, number: int) -> Epoch:
        """One pass over the training set, then the validation set."""
        self.model.train()
        recipe = self.recipe
        losses = [
            self._update(batch)
            for batch in batches(
                self.dataset.train.held,
                recipe.batch_size,
                self.samples,
                self.random,
                recipe.remix,
            )
        ]
        rate = self.optimizer.param_groups[0]["lr"]
        validation_loss = mean_loss(self.model, self.dataset.validation, self.device)
        self.next_rate(validation_loss)
        return Epoch(number, float(np.mean(losses)), validation_loss, rate)

    def _update(self, batch: Batch) -> float:
        """An optimizer step; the loss before it."""
        bf16 = self.recipe.precision == "bf16"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=bf16):
            estimates = self.model(on(self.device, batch.mixtures))
        loss = pit_loss(estimates.float(), on(self.device, batch.sources))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip_norm)
        self.optimizer.step()
        return float(loss.detach())


def _schedule(
    optimizer: torch.optim.Optimizer, recipe: Recipe
) -> Callable[[float], None]:
    """What sets the learning rate of the next epoch, given this one's validation
    loss."""
    if recipe.annealed:
        cosine = CosineAnnealingLR(optimizer, recipe.epochs)
        return lambda _: cosine.step()
    plateau = ReduceLROnPlateau(
        optimizer,
        factor=0.5,
        patience=recipe.patience - 1,  # torch waits for one epoch more
        threshold=0.0,  # a share of a negative loss would pass higher ones
    )
    return plateau.step


def on(device: torch.device, array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, np.float32)).to(device)


@torch.inference_mode()
def mean_loss(model: nn.Module, part: Part, device: torch.device) -> float:
    """Over the mixtures of a part, each whole; the model is left in evaluation mode."""
    model.eval()
    losses = [
        float(pit_loss(model(on(device, one.mixture[None])), sources[None]))
        for one in part.held
        for sources in [on(device, one.sources)]
    ]
    return sum(losses) / len(losses)
