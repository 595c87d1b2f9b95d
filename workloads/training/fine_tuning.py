"""Training after a compression: what it cost in accuracy is won back, or most of it.

Pruned models are pruned and trained in rounds, as M. Božić, "Development of efficient
deep learning models for speech separation", 2024, did: at most five, ended and rolled
back where the validation loss is worse by more than 5 %. Factorized models are trained
as they are, those of CP at a tenth of the rate, because gradients through its thin
layers explode. For int8, rounding is simulated.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from torch import Tensor, nn

from workloads.compression.pruning.importance import PruningChoice
from workloads.compression.pruning.prune import Schedule, prune_in_rounds
from workloads.compression.step import Compression, CompressionError, TrainedStep
from workloads.training.loop import Job, epochs_of, evaluation_loss
from workloads.training.recipe import Recipe

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

        Raises CompressionError for a compression that leaves weights as they are or
        has nothing to change, and where training diverges.
        """
        if step := compression.step_of(TrainedStep):
            found: FineTuned = step.fine_tuned(self, model)
            return found
        raise CompressionError(
            f"{compression.name} leaves weights as they are: there is nothing to "
            "fine-tune"
        )

    def in_rounds(
        self, model: nn.Module, choose: Callable[..., PruningChoice], by_gradients: bool
    ) -> FineTuned:
        """A copy that is pruned ever more and trained in between."""
        task, data = self.job.task, self.job.data
        before = evaluation_loss(self.job, model)
        rounds = 0

        def train_round(masked: nn.Module) -> float:
            nonlocal rounds
            rounds += 1
            self.say(f"round {rounds} of {self.schedule.rounds}")
            return self._trained(masked, self.job.recipe)

        sample = task.gradient_sample(data, GRADIENT_ITEMS) if by_gradients else ()
        choice = choose(task, model, sample)
        pruned = prune_in_rounds(model, choice, train_round, before, self.schedule)
        kept = [before, *(one.loss for one in pruned.rounds if one.kept)]
        return FineTuned(pruned.model, kept[-1], pruned.warning)

    def converged(self, model: nn.Module, rate_factor: float = 1.0) -> FineTuned:
        """The model, trained in place at such a share of the recipe's rate."""
        chosen = self.job.recipe.optimizer
        rate = chosen.learning_rate * rate_factor
        slower = replace(chosen, learning_rate=rate)
        best = self._trained(model, replace(self.job.recipe, optimizer=slower))
        if not math.isfinite(best):
            raise CompressionError(
                f"training diverged at a learning rate of {rate:g}: give a lower one"
            )
        return FineTuned(model, best)

    def _trained(self, model: nn.Module, recipe: Recipe) -> float:
        """Train in place; the state of the best epoch stays: what it reached, infinite
        where training diverged at once."""
        best: float = math.inf
        state: dict[str, Tensor] = {}
        job = replace(self.job, recipe=recipe, model=model)
        for found, _ in epochs_of(job, self.device, self.say):
            if found < best:
                best = found
                state = {name: one.clone() for name, one in model.state_dict().items()}
        model.cpu()
        if state:
            model.load_state_dict(state)
        return best
