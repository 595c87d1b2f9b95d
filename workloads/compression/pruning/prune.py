"""Pruning at once, and in rounds with fine-tuning between them.

S. Han, J. Pool, J. Tran, W. J. Dally, "Learning both Weights and Connections for
Efficient Neural Networks", NeurIPS 2015: prune a little, train the rest, again. Božić
(2024) allows five rounds and stops where validation gets worse by more than 5 %. His
loop took the whole amount of what was left in every round, so that 10, 20, 30 % became
41, 67, 83 %; here each round takes the same share of what is left, and the last one
ends at the amount itself.
"""

import copy
import logging
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from workloads.compression.pruning.importance import PruningChoice
from workloads.compression.pruning.masks import (
    apply_masks,
    make_permanent,
    masks,
)
from workloads.compression.step import CompressionError

_log = logging.getLogger("speechmark")


@dataclass(frozen=True)
class Round:
    """One amount tried: the validation loss after fine-tuning, and whether its state
    was `kept`."""

    percent: float
    loss: float
    kept: bool


@dataclass(frozen=True)
class Pruned:
    """A pruned copy of a model, its masks made permanent. Where `warning` is not empty,
    less was pruned than was asked."""

    model: nn.Module
    rounds: tuple[Round, ...]
    warning: str = ""


@dataclass(frozen=True)
class Schedule:
    """At most so many `rounds`, as long as the loss is `worst` at most above the
    unpruned model's, as a share of its magnitude."""

    rounds: int = 5
    worst: float = 0.05

    def __post_init__(self) -> None:
        if self.rounds < 1 or not self.worst >= 0:
            raise ValueError(
                f"a schedule of {self.rounds} rounds that may be {self.worst} worse "
                "cannot be followed: give one round or more, and 0 or more"
            )

    def percents(self, percent: float) -> list[float]:
        """Of all weights, after each round.

        >>> [round(p, 2) for p in Schedule().percents(30)]
        [6.89, 13.3, 19.27, 24.82, 30]
        """
        kept = 1 - percent / 100
        before = [100 * (1 - kept ** (r / self.rounds)) for r in range(1, self.rounds)]
        return [*before, percent]


def prune(model: nn.Module, recipe: PruningChoice) -> nn.Module:
    """A copy with zeros, without fine-tuning. Raises as `masks` does."""
    model = copy.deepcopy(model)
    chosen = masks(model, recipe, recipe.pruning.percent)
    apply_masks(model, chosen)
    make_permanent(model, chosen)
    return model


def prune_in_rounds(
    model: nn.Module,
    recipe: PruningChoice,
    fine_tune: Callable[[nn.Module], float],
    baseline_loss: float,
    schedule: Schedule | None = None,
) -> Pruned:
    """Prune and fine-tune, ever more, until the amount is reached or the loss is worse.

    `fine_tune` trains the model that it is given, in place, and returns its validation
    loss; masks hold meanwhile. `baseline_loss` is the unpruned model's. A loss is worse
    where it is above baseline + worst * |baseline|: the magnitude, because losses such
    as the negative SI-SDR are below zero (from -10 dB to -9.4 dB is worse by 6 %). A
    loss that is not a number is worse. The last state that was not worse is kept, and a
    warning tells of it.

    Raises CompressionError for a baseline that is not finite, and as `masks` does.
    """
    if not math.isfinite(baseline_loss):
        raise CompressionError(
            f"the baseline's loss is {baseline_loss}, expected a finite number: "
            "validate the model that is to be pruned first"
        )
    schedule = schedule or Schedule()
    limit = baseline_loss + schedule.worst * abs(baseline_loss)
    model = copy.deepcopy(model)
    rounds: list[Round] = []
    for percent in schedule.percents(recipe.pruning.percent):
        good = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        chosen = masks(model, recipe, percent)
        apply_masks(model, chosen)
        loss = float(fine_tune(model))
        make_permanent(model, chosen)
        rounds.append(Round(percent, loss, kept=loss <= limit))
        if not rounds[-1].kept:
            model.load_state_dict(good)
            warning = _rolled_back(recipe, rounds, limit, _zeros_percent(model, chosen))
            _log.warning(warning)
            return Pruned(model, tuple(rounds), warning)
    return Pruned(model, tuple(rounds))


def _zeros_percent(model: nn.Module, changed: Iterable[str]) -> float:
    """Of the weights in the tensors that pruning changes."""
    tensors = [model.get_parameter(name).detach() for name in changed]
    weights = torch.cat([one.flatten() for one in tensors if one.ndim >= 2])
    return 100 * float((weights == 0).double().mean())


def _rolled_back(
    recipe: PruningChoice, rounds: Sequence[Round], limit: float, reached: float
) -> str:
    last = rounds[-1]
    before = f"round {len(rounds) - 1}" if len(rounds) > 1 else "the unpruned model"
    return (
        f"{recipe.pruning.name} reached {reached:.1f} % of zeros in place of "
        f"{recipe.pruning.percent} %: round {len(rounds)}, at {last.percent:.1f} %, "
        f"had a validation loss of {last.loss:.4g}, above the {limit:.4g} allowed; the "
        f"state of {before} was kept"
    )
