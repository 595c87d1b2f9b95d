"""Training after a compression: what it cost in accuracy is won back, or most of it.

Pruned models are pruned and trained in rounds, as in the document: at most five, ended
and rolled back where the validation loss is worse by more than 5 %. Factorized models
are trained as they are, those of CP at a tenth of the rate, because gradients through
its thin layers explode.
"""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from workloads.compression.factorization.factorize import (
    FINE_TUNE_RATE_FACTOR,
    factorize,
)
from workloads.compression.names import Compression, Factorization, Pruning
from workloads.compression.pruning.prune import Schedule, prune_in_rounds
from workloads.separation.compressing import pruning_recipe
from workloads.separation.dataset import Dataset
from workloads.separation.recipe import Recipe
from workloads.separation.training import Epoch, mean_loss, train

CPU = torch.device("cpu")
GRADIENT_MIXTURES = 64  # what gradients are taken of


@dataclass(frozen=True)
class Mended:
    """A model in the shapes that it was trained in, and its validation loss; where
    `warning` is not empty, less was done to it than was asked."""

    model: nn.Module
    validation_loss: float
    warning: str = ""


@dataclass(frozen=True)
class FineTuning:
    """How to train on: `recipe` is of a round of pruning, or of the whole; `tell` hears
    how far it is. Models are trained on `device`, and pruned and factorized on the CPU.
    """

    recipe: Recipe
    dataset: Dataset
    schedule: Schedule
    tell: Callable[[str], None]
    device: torch.device = CPU

    def of(self, model: nn.Module, compression: Compression) -> Mended:
        """A compressed copy of a trained model, trained on.

        Raises ValueError for a compression that leaves weights as they are or has
        nothing to change, and where training diverges.
        """
        if compression.pruning:
            return self._pruned(model, compression.pruning)
        if compression.factorization:
            return self._factorized(model, compression.factorization)
        if compression.base == "int8-qat":
            from workloads.compression.qat import simulated_int8  # torchao, seconds

            with simulated_int8(copy.deepcopy(model)) as simulated:
                return self._mended(simulated, self.recipe)
        raise ValueError(
            f"{compression.name} leaves weights as they are: there is nothing to "
            "fine-tune"
        )

    def _pruned(self, model: nn.Module, pruning: Pruning) -> Mended:
        heard = self.dataset.train.held[:GRADIENT_MIXTURES]
        losses = [mean_loss(model, self.dataset.validation, CPU)]

        def train_round(masked: nn.Module) -> float:
            self.tell(f"round {len(losses)} of {self.schedule.rounds}")
            losses.append(self._trained(masked, self.recipe))
            return losses[-1]

        recipe = pruning_recipe(model, pruning, heard)
        pruned = prune_in_rounds(model, recipe, train_round, losses[0], self.schedule)
        kept = [losses[0], *(one.loss for one in pruned.rounds if one.kept)]
        return Mended(pruned.model, kept[-1], pruned.warning)

    def _factorized(self, model: nn.Module, factorization: Factorization) -> Mended:
        method = factorization.method
        done = factorize(model, method, factorization.percent)
        if not done.changed:
            raise ValueError(
                f"{factorization.name} changes no layer of this model, the first "
                f"because {done.left[0].reason}: there is nothing to fine-tune"
            )
        rate = self.recipe.learning_rate * FINE_TUNE_RATE_FACTOR[method]
        recipe = replace(self.recipe, learning_rate=rate)
        return self._mended(done.model, recipe)

    def _mended(self, model: nn.Module, recipe: Recipe) -> Mended:
        loss = self._trained(model, recipe)
        if not math.isfinite(loss):
            raise ValueError(
                f"training diverged at a learning rate of {recipe.learning_rate:g}: "
                "give a lower one"
            )
        return Mended(model, loss)

    def _trained(self, model: nn.Module, recipe: Recipe) -> float:
        """Train in place; the state with the lowest validation loss stays: its loss,
        infinite where training diverged at once."""
        best: float = math.inf
        state: dict[str, Tensor] = {}
        for epoch in train(model, recipe, self.dataset, self.device):
            self.tell(told(epoch))
            if epoch.validation_loss < best:
                best = epoch.validation_loss
                state = {name: one.clone() for name, one in model.state_dict().items()}
        model.cpu()
        if state:
            model.load_state_dict(state)
        return best


def told(epoch: Epoch) -> str:
    return (
        f"epoch {epoch.number}: SI-SDR {-epoch.loss:.2f} dB in training, "
        f"{-epoch.validation_loss:.2f} dB in validation, learning rate "
        f"{epoch.learning_rate:g}"
    )
