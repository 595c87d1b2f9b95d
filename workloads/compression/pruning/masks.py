"""Masks: which weights of a model go, exact to one weight or one channel.

`torch.nn.utils.prune` multiplies a parameter with its mask before each forward pass, so
that masked weights stay zero while the others are trained. It works for nn.LSTM too:
the layer keeps its list of weights up to date whenever one of them is set.
"""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn
from torch.nn.utils import prune as torch_prune

from workloads.compression.pruning.groups import (
    ChannelGroup,
    check_fit,
    zero_channels,
)
from workloads.compression.pruning.importance import (
    Importance,
    PruningChoice,
    importance,
)
from workloads.compression.skipped import SkippedLayer
from workloads.compression.step import CompressionError

Masks = dict[str, Tensor]  # of parameters' names; 1 stays, 0 goes

PRUNABLE = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.ConvTranspose1d, nn.LSTM)


def masks(model: nn.Module, recipe: PruningChoice, percent: float) -> Masks:
    """What goes so that `percent` of the weights of each tensor are zero in the end, or
    of the channels of each group, with those that are zero already.

    Of n weights round(percent / 100 * n) go, of n channels as many but at most n - 1:
    those that are zero first, then the least important, of equals the first ones.
    Biases stay, but for those of channels that go. Layers share no weights.

    Raises CompressionError for weights or gradients that are not finite, ValueError for
    missing gradients, and for groups that are missing or do not fit.
    """
    matters = importance(model, recipe)
    if not recipe.pruning.structured:
        return {
            name: _mask(name, weights, matters(name, weights), percent)
            for name, weights in prunable_weights(model)
        }
    check_fit(model, recipe.groups)
    found: Masks = {}
    for group in recipe.groups:
        gone = _least(model, group, matters, percent)
        for member in group.producers:
            tensor = model.get_parameter(member.parameter).detach()
            mask = found.setdefault(member.parameter, torch.ones_like(tensor))
            mask.index_fill_(member.axis, member.positions(gone).to(tensor.device), 0)
    return found


def prunable_weights(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Names and values of weight tensors that unstructured pruning may change."""
    for path, module in model.named_modules():
        if not _left_reason(path, module, model):
            # Sorted, because torch's masks leave the names in another order.
            for name, weights in sorted(module.named_parameters(recurse=False)):
                if weights.ndim >= 2:
                    yield _full(path, name), weights.detach()


def left(model: nn.Module, recipe: PruningChoice) -> tuple[SkippedLayer, ...]:
    """The layers with weights that the recipe's pruning does not change."""
    producing = {m.parameter for group in recipe.groups for m in group.producers}
    found = []
    for path, module in model.named_modules():
        own = [n for n, p in module.named_parameters(recurse=False) if p.ndim >= 2]
        if recipe.pruning.structured:
            reason = _no_group(module, {_full(path, n) for n in own} & producing)
        else:
            reason = _left_reason(path, module, model)
        if own and reason:
            found.append(SkippedLayer(path, type(module).__name__, reason))
    return tuple(found)


def _full(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _left_reason(path: str, module: nn.Module, model: nn.Module) -> str:
    parent = model.get_submodule(path.rpartition(".")[0])
    if isinstance(module, nn.MultiheadAttention) or (
        isinstance(parent, nn.MultiheadAttention) and parent is not module
    ):
        return "nn.MultiheadAttention reads weights past the hook that masks them"
    if not isinstance(module, PRUNABLE):
        kinds = ", ".join(kind.__name__ for kind in PRUNABLE)
        return f"only {kinds} are pruned"
    return ""


def _no_group(module: nn.Module, producing: set[str]) -> str:
    if producing:
        return ""
    if getattr(module, "out_channels", None) == 1:
        return "it has one output channel, which must stay"
    return "no group of channels holds its outputs"


def _mask(name: str, weights: Tensor, scores: Tensor, percent: float) -> Tensor:
    _check_finite(name, weights, scores)
    count = round(percent * weights.numel() / 100)
    scores = scores.to(weights.device).masked_fill(weights == 0, -1)
    mask = torch.ones(weights.shape, dtype=weights.dtype, device=weights.device)
    mask.view(-1)[scores.flatten().argsort(stable=True)[:count]] = 0
    return mask


def _check_finite(name: str, weights: Tensor, scores: Tensor) -> None:
    for what, values in (("weights", weights), ("gradients", scores)):
        if not values.isfinite().all():
            raise CompressionError(
                f"{name} holds {what} that are not finite: they cannot be "
                "ordered by magnitude; use weights of a training that converged"
            )


def _least(
    model: nn.Module, group: ChannelGroup, matters: Importance, percent: float
) -> Tensor:
    """The channels to go: their numbers."""
    scores = torch.zeros(group.channels, dtype=torch.float64)
    for member in group.producers:
        weights = model.get_parameter(member.parameter).detach()
        if weights.ndim >= 2:
            own = matters(member.parameter, weights)
            _check_finite(member.parameter, weights, own)
            scores += member.per_channel(own.double(), group.channels).cpu()
    scores[zero_channels(model, group)] = -1
    count = min(round(percent * group.channels / 100), group.channels - 1)
    return scores.argsort(stable=True)[:count]


def apply_masks(model: nn.Module, chosen: Masks) -> None:
    """From now on, whatever the weights become, those that go are zero."""
    for name, mask in chosen.items():
        path, _, parameter = name.rpartition(".")
        torch_prune.custom_from_mask(model.get_submodule(path), parameter, mask)


def make_permanent(model: nn.Module, names: Iterable[str]) -> None:
    """Leave the zeros in the parameters of these names, and take their masks away."""
    for name in names:
        path, _, parameter = name.rpartition(".")
        torch_prune.remove(model.get_submodule(path), parameter)
        # Products of negative weights and zeros are -0.0, which no format for sparse
        # weights takes for a zero: their bits are not.
        model.get_parameter(name).data.add_(0.0)
