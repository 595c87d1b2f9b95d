"""How much each weight matters: what the seven strategies choose by.

M. Božić, "Development of efficient deep learning models for speech separation", 2024,
5.2.2 and 6: at random; by magnitude; by the magnitude of the gradient ("gradient
change", its gradient-based pruning: like pruning by magnitude, "but ... we will focus
on the weight gradient's magnitude"), which training yields anyway. Whole channels: the
L1 or L2 norm of their weights, or the L1 norm of their gradients (H. Li et al.,
"Pruning Filters for Efficient ConvNets", 2017).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import torch
from torch import Tensor, nn

from workloads.compression.pruning.criteria import Pruning
from workloads.compression.pruning.groups import ChannelGroup

Batch = TypeVar("Batch")
Gradients = Callable[[nn.Module], Mapping[str, Tensor]]
Importance = Callable[[str, Tensor], Tensor]  # of a parameter's name and its weights


@dataclass(frozen=True)
class PruningChoice:
    """A pruning, and what it needs: channel `groups` if it is structured; `gradients`
    if it goes by them, the magnitudes of each parameter's; a `seed` if at random."""

    pruning: Pruning
    groups: Sequence[ChannelGroup] = field(default=(), repr=False)
    gradients: Gradients | None = None
    seed: int = 0


def importance(model: nn.Module, recipe: PruningChoice) -> Importance:
    """What tells the importance of weights by name: a tensor of their shape, 0 or more.

    A channel's importance is the sum over its weights: squares in place of magnitudes
    order channels as their L2 norms do, and sums of random numbers are random.
    At random, the same calls in the same order get the same answers.
    """
    criterion = recipe.pruning.criterion
    if criterion == "random":
        generator = torch.Generator().manual_seed(recipe.seed)
        return lambda _, weights: torch.rand(weights.shape, generator=generator)
    if criterion == "l1":
        return lambda _, weights: weights.abs()
    if criterion == "l2":
        return lambda _, weights: weights.square()
    return _by_gradients(model, recipe)


def _by_gradients(model: nn.Module, recipe: PruningChoice) -> Importance:
    if recipe.gradients is None:
        raise ValueError(
            f"{recipe.pruning.name} needs gradients: give the recipe a function that "
            "returns those of a model's parameters (gradient_magnitudes makes them)"
        )
    found = recipe.gradients(model)
    return lambda name, _: found[name].abs()


def gradient_magnitudes(
    model: nn.Module,
    batches: Iterable[Batch],
    loss: Callable[[nn.Module, Batch], Tensor],
) -> dict[str, Tensor]:
    """The sum over batches of each gradient's magnitude, in the model's present mode.

    Magnitudes are summed and not gradients, whose sum is near zero for all weights of
    a model that has been trained. A parameter that the loss does not depend on has
    zeros.
    """
    names, parameters = zip(*model.named_parameters(), strict=True)
    sums = [torch.zeros_like(parameter) for parameter in parameters]
    for batch in batches:
        gradients = torch.autograd.grad(
            loss(model, batch), parameters, allow_unused=True
        )
        for total, gradient in zip(sums, gradients, strict=True):
            if gradient is not None:
                total += gradient.abs()
    return dict(zip(names, sums, strict=True))
