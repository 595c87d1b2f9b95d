"""Groups of channels that live or die together through a model.

A channel runs through several layers: one makes it, others pass it on, add to it or
read it. A group names all their parameters, so that a channel can be set to zero, or
taken out, everywhere at once. The groups of an architecture are its own to tell.

torch-pruning (1.6) finds such groups by tracing, and is not used: it leaves LSTMs as
they are (its open issues 44, 276, 404), which two separators of three live on; it has
to be told of reshapes that split sources or heads; and it takes channels out without
remembering how many a global norm goes on counting, or what attention was scaled by.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Member:
    """What one parameter holds of a group's channels.

    Channel i lies at `offset + i` along `axis`, for each of `offsets`. A parameter that
    `produces` has to be zero there for the channel to be zero; one that does not is
    only multiplied with the channel.
    """

    parameter: str
    axis: int = 0
    offsets: tuple[int, ...] = (0,)
    produces: bool = True

    def positions(self, channels: Tensor) -> Tensor:
        """Along the axis, of these channels."""
        return torch.cat([channels + offset for offset in self.offsets])

    def per_channel(self, values: Tensor, channels: int) -> Tensor:
        """The sum of the values that each of so many channels holds: (channels,)."""
        rows = values.movedim(self.axis, 0).reshape(values.shape[self.axis], -1).sum(1)
        return torch.stack([rows[o : o + channels] for o in self.offsets]).sum(0)


@dataclass(frozen=True)
class ChannelGroup:
    """`channels` that `members` hold.

    Groups of one `alike` that is not empty must keep equally many, because their layer
    has one number for all of them: the cells of an LSTM's layers and directions, the
    channels of attention's heads.
    """

    name: str
    channels: int
    members: tuple[Member, ...]
    alike: str = ""

    @property
    def producers(self) -> tuple[Member, ...]:
        return tuple(member for member in self.members if member.produces)


def outputs(layer: str, offsets: tuple[int, ...] = (0,)) -> tuple[Member, ...]:
    """Rows and biases of a convolution (not a transposed one) or a linear layer, or the
    gains and biases of a norm."""
    return (
        Member(f"{layer}.weight", offsets=offsets),
        Member(f"{layer}.bias", offsets=offsets),
    )


def inputs(layer: str, axis: int = 1, offsets: tuple[int, ...] = (0,)) -> Member:
    """Columns of a layer; those of a transposed convolution lie along axis 0."""
    return Member(f"{layer}.weight", axis, offsets, produces=False)


def lstm_inputs(layer: str, level: int = 0, offset: int = 0) -> tuple[Member, ...]:
    """What both directions of a bidirectional LSTM's layer read from `offset` on."""
    return tuple(
        Member(f"{layer}.weight_ih_l{level}{way}", 1, (offset,), produces=False)
        for way in ("", "_reverse")
    )


def lstm_cells(layer: str, cells: int, level: int, way: str) -> tuple[Member, ...]:
    """One direction's cells: four gates of rows and biases each, and what the cells
    read of each other; `way` is "" or "_reverse"."""
    gates = tuple(gate * cells for gate in range(4))
    rows = [
        Member(f"{layer}.{kind}_l{level}{way}", offsets=gates)
        for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    ]
    recurrent = Member(f"{layer}.weight_hh_l{level}{way}", 1, produces=False)
    return (*rows, recurrent)


def check_fit(model: nn.Module, groups: Sequence[ChannelGroup]) -> None:
    """Raises ValueError for no groups, and for one that is not of this model."""
    if not groups:
        raise ValueError(
            "no groups of channels are given: structured pruning takes those of the "
            "model's architecture"
        )
    sizes = {name: tensor.shape for name, tensor in model.named_parameters()}
    for group in groups:
        for member in group.members:
            shape = sizes.get(member.parameter, ())
            end = max(member.offsets) + group.channels
            if len(shape) <= member.axis or shape[member.axis] < end:
                raise ValueError(
                    f"group {group.name} does not fit the model: {member.parameter} "
                    f"has shape {tuple(shape)}, expected at least {end} along axis "
                    f"{member.axis}; take the groups of this very model"
                )


def zero_channels(model: nn.Module, group: ChannelGroup) -> Tensor:
    """Which channels are zero wherever they are made: (channels,) of bool."""
    held = torch.zeros(group.channels)
    for member in group.producers:
        nonzero = model.get_parameter(member.parameter).detach() != 0
        held = held + member.per_channel(nonzero.float(), group.channels).cpu()
    return held == 0
