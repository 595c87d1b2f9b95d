"""Training with CTC, an epoch at a time.

Axes: `B` utterances, `T` frames, `F` = 40 features, `U` output frames, `N` outputs.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LinearLR, ReduceLROnPlateau

from workloads.feeding.batching import plan_epoch
from workloads.metrics.error_rates import ErrorRate
from workloads.wav2letter.dataset import Dataset, padded_batch
from workloads.wav2letter.evaluation import (
    ctc_loss_sum,
    error_rates,
    log_probs_of,
    mean_ctc_loss,
    transcripts,
)
from workloads.wav2letter.recipe import Recipe, SpecAugment
from workloads.wav2letter.sizes import output_length

EVALUATION_BATCH = 32
SLOWEST = 1e-3  # of the learning rate, where it begins to rise


@dataclass(frozen=True)
class Epoch:
    """What an epoch reached; losses are means over utterances."""

    number: int
    loss: float
    validation_loss: float
    errors: Mapping[str, ErrorRate]
    learning_rate: float


def initialise(model: nn.Module) -> None:
    """Start such that a signal passes all layers, in time as it came.

    He's scale (2015) with a random rotation at the middle of each kernel and little
    beside it (L. Xiao et al., "Dynamical Isometry and a Mean Field Theory of CNNs",
    2018): without norms or shortcuts, eleven layers of torch's own initialisation fade.
    """
    layers = [m for m in model.modules() if isinstance(m, nn.Conv1d)]
    for layer in layers:
        assert layer.bias is not None
        nn.init.zeros_(layer.bias)
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        if layer.in_channels == layer.out_channels:
            _rotate(layer)


@torch.no_grad()
def _rotate(layer: nn.Conv1d) -> None:
    rotation = torch.empty(layer.out_channels, layer.in_channels)
    nn.init.orthogonal_(rotation, nn.init.calculate_gain("relu"))
    layer.weight *= 0.1
    layer.weight[:, :, layer.kernel_size[0] // 2] += rotation


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


def train(
    model: nn.Module, recipe: Recipe, dataset: Dataset, device: torch.device
) -> Iterator[Epoch]:
    """Train `model` in place; where it starts from is the caller's matter."""
    training = _Training(model.to(device), recipe, dataset, device)
    for number in range(1, recipe.epochs + 1):
        yield training.epoch(number)


def errors_before(
    model: nn.Module, recipe: Recipe, dataset: Dataset, device: torch.device
) -> dict[str, ErrorRate]:
    """Of a model that is to be trained on, on the validation set."""
    return _Training(model.to(device), recipe, dataset, device).validate()[1]


class _Training:
    def __init__(
        self, model: nn.Module, recipe: Recipe, dataset: Dataset, device: torch.device
    ) -> None:
        torch.manual_seed(recipe.seed)
        self.model, self.recipe = model, recipe
        self.dataset, self.device = dataset, device
        self.random = np.random.default_rng(recipe.seed)
        self.optimizer = torch.optim.Adam(
            model.parameters(),
            lr=recipe.learning_rate,
            weight_decay=recipe.weight_decay,
        )
        # LinearLR scales the rate once even where it is to end at once.
        self.warmup = (
            LinearLR(self.optimizer, SLOWEST, total_iters=recipe.warmup_steps)
            if recipe.warmup_steps
            else None
        )
        self.plateau = ReduceLROnPlateau(
            self.optimizer, factor=0.1, patience=recipe.patience
        )

    def epoch(self, number: int) -> Epoch:
        """One pass over the training set, then the validation set."""
        self.model.train()
        frames, recipe = self.dataset.train.frames, self.recipe
        plan = plan_epoch(frames, recipe.batch_size, recipe.seed, number)
        loss = sum(map(self._update, plan.batches)) / len(frames)
        rate = self.optimizer.param_groups[0]["lr"]
        found, errors = self.validate()
        self.plateau.step(errors["levenshtein"].rate)
        validation_loss = mean_ctc_loss(found, self.dataset.validation)
        return Epoch(number, loss, validation_loss, errors, rate)

    def validate(self) -> tuple[list[np.ndarray], dict[str, ErrorRate]]:
        """Log-probabilities of the validation set, and the errors of their best paths;
        the model is left in evaluation mode."""
        self.model.eval()
        part = self.dataset.validation
        found = log_probs_of(self._run, part, self.dataset.normaliser, EVALUATION_BATCH)
        return found, error_rates(part, transcripts(found, part))

    def _update(self, positions: Sequence[int]) -> float:
        """An optimizer step; the summed loss before it."""
        part = self.dataset.train
        padded, lengths = padded_batch(part, self.dataset.normaliser, positions)
        features = torch.from_numpy(padded)
        mask(features, lengths, self.recipe.augment, self.random)
        loss = ctc_loss_sum(
            self._forward(features),
            [output_length(length) for length in lengths],
            [part.labels[i] for i in positions],
        )
        self.optimizer.zero_grad(set_to_none=True)
        (loss / len(positions)).backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip_norm)
        self.optimizer.step()
        if self.warmup and self.warmup.last_epoch < self.recipe.warmup_steps:
            self.warmup.step()
        return float(loss.detach())

    def _forward(self, features: Tensor) -> Tensor:
        """`features` (B, T, 40); log-probabilities (B, U, N) in fp32."""
        bf16 = self.recipe.precision == "bf16"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=bf16):
            return self.model(features.to(self.device)).float()

    @torch.inference_mode()
    def _run(self, features: np.ndarray) -> np.ndarray:
        return self._forward(torch.from_numpy(features)).cpu().numpy()
