"""Physical removal of channels that are zero: the same function in smaller layers.

What goes is read off the zeros themselves. So the weights of a pruned model are stored
under the names and shapes of the dense one, and shrunk when they are loaded:

    model.load_state_dict(weights_of_the_pruned_model)
    small = shrink(model, channel_groups(model))

No description of the smaller layers is stored, that could disagree with the weights.
"""

import copy
from collections import defaultdict
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from workloads.compression.pruning.groups import (
    ChannelGroup,
    check_fit,
    zero_channels,
)

BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


def shrink(model: nn.Module, groups: Sequence[ChannelGroup]) -> nn.Module:
    """A copy without the channels that are zero; one of each group stays in any case.

    Of groups that are `alike`, each loses as many as the one with the fewest zeros. The
    copy's outputs are those of the model but for the order of sums. Modules that are
    not torch's own must read their sizes from their tensors or layers.

    Raises ValueError for groups that do not fit, and for layers that cannot be shrunk.
    """
    check_fit(model, groups)
    small = copy.deepcopy(model)
    changed = set()
    for (name, axis), gone in _gone(model, groups).items():
        _cut(small, name, axis, gone)
        changed.add(name.rpartition(".")[0])
    for path in sorted(changed):
        _resize(path, small.get_submodule(path))
    return small


def _gone(
    model: nn.Module, groups: Sequence[ChannelGroup]
) -> dict[tuple[str, int], Tensor]:
    """Positions to take out, of parameters' names and axes."""
    zeros = {
        group.name: zero_channels(model, group).nonzero()[:, 0] for group in groups
    }
    counts: dict[str, int] = {}
    for group in groups:
        family = group.alike or group.name
        count = min(len(zeros[group.name]), group.channels - 1)
        counts[family] = min(count, counts.get(family, count))
    found: dict[tuple[str, int], list[Tensor]] = defaultdict(list)
    for group in groups:
        channels = zeros[group.name][: counts[group.alike or group.name]]
        for member in group.members:
            positions = member.positions(channels)
            found[member.parameter, member.axis].append(positions)
    return {key: torch.cat(positions) for key, positions in found.items()}


def _cut(model: nn.Module, name: str, axis: int, gone: Tensor) -> None:
    path, _, parameter = name.rpartition(".")
    old = model.get_parameter(name)
    stay = torch.ones(old.shape[axis], dtype=torch.bool)
    stay[gone] = False
    kept = old.detach().index_select(axis, stay.nonzero()[:, 0].to(old.device))
    new = nn.Parameter(kept, requires_grad=old.requires_grad)
    layer = model.get_submodule(path)
    setattr(layer, parameter, new)
    if isinstance(layer, BATCH_NORMS) and parameter == "weight":
        for statistic in ("running_mean", "running_var"):
            layer.register_buffer(statistic, layer.get_buffer(statistic)[stay])


def _resize(path: str, layer: nn.Module) -> None:
    """Set the numbers of a layer to those of its tensors."""
    if isinstance(layer, nn.Conv1d | nn.Conv2d | nn.ConvTranspose1d):
        _resize_convolution(path, layer)
    elif isinstance(layer, BATCH_NORMS):
        layer.num_features = len(layer.weight)
    elif isinstance(layer, nn.Linear):
        layer.out_features, layer.in_features = layer.weight.shape
    elif isinstance(layer, nn.LSTM):
        layer.input_size = layer.get_parameter("weight_ih_l0").shape[1]
        layer.hidden_size = layer.get_parameter("weight_hh_l0").shape[1]
        layer.flatten_parameters()
    elif type(layer).__module__.startswith("torch."):
        raise ValueError(
            f"{path} is a {type(layer).__name__}, whose channels cannot be taken out: "
            "leave it out of the groups"
        )


def _resize_convolution(
    path: str, layer: nn.Conv1d | nn.Conv2d | nn.ConvTranspose1d
) -> None:
    first, second = layer.weight.shape[:2]
    if layer.groups == 1:
        transposed = isinstance(layer, nn.ConvTranspose1d)
        layer.in_channels = first if transposed else second
        layer.out_channels = second if transposed else first
    elif layer.groups == layer.in_channels == layer.out_channels:
        layer.groups = layer.in_channels = layer.out_channels = first
    else:
        raise ValueError(
            f"{path} has {layer.groups} groups of {layer.in_channels} channels: of "
            "convolutions in groups, only depth-wise ones can be shrunk"
        )
