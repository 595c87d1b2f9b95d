"""Training after a compression: what it cost in accuracy is won back, or most of it.

Pruned models are pruned and trained in rounds, as M. Božić, "Development of efficient
deep learning models for speech separation", 2024, did: at most five, ended and rolled
back where the validation loss is worse by more than 5 %. Factorized models are trained
as they are, those of CP at a tenth of the rate, because gradients through its thin
layers explode. For int8, rounding is simulated.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from workloads.compression.compressing import pruning_recipe
from workloads.compression.factorization.factorize import (
    FINE_TUNE_RATE_FACTOR,
    factorize,
)
from workloads.compression.names import Compression, Factorization, Pruning
from workloads.compression.pruning.prune import Schedule, prune_in_rounds
from workloads.training.events import Event
from workloads.training.loop import Job, reached, train
from workloads.training.objective import ALONE
from workloads.training.recipe import LOSS, Recipe

CPU = torch.device("cpu")
GRADIENT_ITEMS = 64  # of which a pruning by gradients takes the loss


@dataclass(frozen=True)
class FineTuned:
    """A model in the shapes that it was trained in, and the best that its epochs
    reached, lower being better; where `warning` is not empty, less was done to it than
    was asked."""

    model: nn.Module
    reached: float
    warning: str = ""


@dataclass(frozen=True)
class FineTuning:
    """How to train on: `job` is a round of pruning, or the whole; `say` is given how
    far it is. Models are trained on `device`, and pruned and factorized on the CPU."""

    job: Job
    schedule: Schedule
    say: Callable[[str], None]
    device: str = "cpu"

    def of(self, model: nn.Module, compression: Compression) -> FineTuned:
        """A compressed copy of a trained model, trained on.

        Raises ValueError for a compression that leaves weights as they are or has
        nothing to change, and where training diverges.
        """
        if compression.pruning:
            return self._pruned(model, compression.pruning)
        if compression.factorization:
            return self._factorized(model, compression.factorization)
        if compression.base == "int8-qat":
            return self._quantized(model)
        raise ValueError(
            f"{compression.name} leaves weights as they are: there is nothing to "
            "fine-tune"
        )

    def _pruned(self, model: nn.Module, pruning: Pruning) -> FineTuned:
        task, data = self.job.task, self.job.data
        before = evaluation_loss(self.job, model)
        rounds = 0

        def train_round(masked: nn.Module) -> float:
            nonlocal rounds
            rounds += 1
            self.say(f"round {rounds} of {self.schedule.rounds}")
            return self._trained(masked, self.job.recipe)

        by_gradients = pruning.criterion == "gradient"
        sample = task.gradient_sample(data, GRADIENT_ITEMS) if by_gradients else ()
        choice = pruning_recipe(task, model, pruning, sample)
        pruned = prune_in_rounds(model, choice, train_round, before, self.schedule)
        kept = [before, *(one.loss for one in pruned.rounds if one.kept)]
        return FineTuned(pruned.model, kept[-1], pruned.warning)

    def _factorized(self, model: nn.Module, factorization: Factorization) -> FineTuned:
        method = factorization.method
        done = factorize(model, method, factorization.percent)
        if not done.changed:
            raise ValueError(
                f"{factorization.name} changes no layer of this model, the first "
                f"because {done.left[0].reason}: there is nothing to fine-tune"
            )
        chosen = self.job.recipe.optimizer
        rate = chosen.learning_rate * FINE_TUNE_RATE_FACTOR[method]
        slower = replace(chosen, learning_rate=rate)
        recipe = replace(self.job.recipe, optimizer=slower)
        return self._converged(done.model, recipe)

    def _quantized(self, model: nn.Module) -> FineTuned:
        from workloads.compression.qat import simulated_int8  # torchao, seconds

        with simulated_int8(copy.deepcopy(model)) as simulated:
            return self._converged(simulated, self.job.recipe)

    def _converged(self, model: nn.Module, recipe: Recipe) -> FineTuned:
        best = self._trained(model, recipe)
        if not math.isfinite(best):
            rate = recipe.optimizer.learning_rate
            raise ValueError(
                f"training diverged at a learning rate of {rate:g}: give a lower one"
            )
        return FineTuned(model, best)

    def _trained(self, model: nn.Module, recipe: Recipe) -> float:
        """Train in place; the state of the best epoch stays: what it reached, infinite
        where training diverged at once."""
        best: float = math.inf
        state: dict[str, Tensor] = {}
        job = replace(self.job, recipe=recipe, model=model)
        for event in train(job, self.device):
            if event.kind != "epoch":
                continue
            self.say(progress_line(event))
            found = reached(event, recipe.best_by or LOSS)
            if found < best:
                best = found
                state = {name: one.clone() for name, one in model.state_dict().items()}
        model.cpu()
        if state:
            model.load_state_dict(state)
        return best


def evaluation_loss(job: Job, model: nn.Module) -> float:
    """What a model reaches without training, by the measure that its recipe keeps
    epochs by, lower being better."""
    objective = job.task.objective(job.size, job.recipe, job.data, CPU, ALONE)
    found = objective.evaluate(model)
    event = Event(
        "epoch", "evaluate", 0, 0, validation_loss=found.loss, scores=found.scores
    )
    return reached(event, job.recipe.best_by or LOSS)


def progress_line(event: Event) -> str:
    """What a person reads of an epoch."""
    assert event.loss is not None
    assert event.validation_loss is not None
    assert event.scores is not None
    measures = ", ".join(
        f"{name} {score.value:.4g}" for name, score in event.scores.measures.items()
    )
    return (
        f"epoch {event.epoch}: loss {event.loss:.2f}, validation loss "
        f"{event.validation_loss:.2f}, {measures}, learning rate "
        f"{event.learning_rate:g}"
    )


def facts_of(event: Event) -> dict[str, Any]:
    """What stands beside the weights of an epoch."""
    assert event.scores is not None
    return {
        "epoch": str(event.epoch),
        "validation_loss": f"{event.validation_loss:.3f}",
        **{name: f"{one.value:.4f}" for name, one in event.scores.measures.items()},
        "torch": torch.__version__,
    }
