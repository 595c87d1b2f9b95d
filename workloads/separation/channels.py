"""Which channels of the separators live or die together.

Axes: `N` filters, `C` sources, `H` cells of an LSTM or hidden channels, `D` channels of
one of attention's heads.

The filters run through every model: from the encoder, along shortcuts, to the masks,
whose rows of source c and filter n are c * N + n, and into the decoder. The mask of a
filter that is gone may be anything (a sigmoid makes it 0.5): it multiplies zeros. The
norm of a channel of zeros is zero only if gain and bias are, so both belong to groups.
PReLUs have one parameter for all channels and stay, as does the decoder's output.
"""

from collections.abc import Iterator

from torch import nn

from workloads.compression.pruning.groups import (
    ChannelGroup,
    Member,
    inputs,
    lstm_cells,
    lstm_inputs,
    outputs,
)
from workloads.separation.attention import SelfAttention
from workloads.separation.conv_tasnet import Block, ConvTasNet
from workloads.separation.dptnet import DptNet, Transformer
from workloads.separation.lstm_tasnet import LstmTasNet


def channel_groups(model: nn.Module) -> list[ChannelGroup]:
    """All groups of a separator, of any size and however much it was shrunk.

    Raises ValueError for any other model.
    """
    if isinstance(model, ConvTasNet):
        return list(_of_conv_tasnet(model))
    if isinstance(model, LstmTasNet):
        return list(_of_lstm_tasnet(model))
    if isinstance(model, DptNet):
        return list(_of_dptnet(model))
    raise ValueError(
        f"the channels of a {type(model).__name__} are not known: expected a "
        "ConvTasNet, an LstmTasNet or a DptNet"
    )


def _group(name: str, channels: int, *members: Member) -> ChannelGroup:
    return ChannelGroup(name, channels, members)


def _per_source(sources: int, channels: int) -> tuple[int, ...]:
    """Where each source's channels begin."""
    return tuple(source * channels for source in range(sources))


def _of_conv_tasnet(model: ConvTasNet) -> Iterator[ChannelGroup]:
    filters = model.encoder.out_channels
    members = [*outputs("encoder"), *outputs("norm"), inputs("bottleneck")]
    members += outputs("mask", _per_source(model.size.sources, filters))
    yield _group("filters", filters, *members, inputs("decoder", axis=0))
    residual, skip = list(outputs("bottleneck")), [inputs("mask")]
    hidden: list[ChannelGroup] = []
    for path, block in model.named_modules():
        if not isinstance(block, Block):
            continue
        names = [f"{path}.{x}" for x in ("expand", "norm_1", "depthwise", "norm_2")]
        own = [member for name in names for member in outputs(name)]
        own.append(inputs(f"{path}.skip"))
        residual.append(inputs(f"{path}.expand"))
        skip += outputs(f"{path}.skip")
        if block.residual is not None:
            own.append(inputs(f"{path}.residual"))
            residual += outputs(f"{path}.residual")
        hidden.append(_group(f"{path}.hidden", block.expand.out_channels, *own))
    yield _group("residual", model.bottleneck.out_channels, *residual)
    yield _group("skip", model.mask.in_channels, *skip)
    yield from hidden


def _of_lstm_tasnet(model: LstmTasNet) -> Iterator[ChannelGroup]:
    filters = model.encoder.out_channels
    members = [*outputs("encoder"), *outputs("encoder_gate"), *outputs("norm")]
    members += lstm_inputs("lstm")
    members += outputs("mask", _per_source(model.size.sources, filters))
    yield _group("filters", filters, *members, inputs("decoder", axis=0))
    yield from _of_lstm("lstm", model.lstm, "mask")


def _of_lstm(path: str, lstm: nn.LSTM, reader: str) -> Iterator[ChannelGroup]:
    """Of each layer and direction; `reader` is the layer that reads the last one."""
    cells = lstm.hidden_size
    for level in range(lstm.num_layers):
        for offset, way in ((0, ""), (cells, "_reverse")):
            members = list(lstm_cells(path, cells, level, way))
            if level + 1 < lstm.num_layers:
                members += lstm_inputs(path, level + 1, offset)
            else:
                members.append(inputs(reader, offsets=(offset,)))
            yield ChannelGroup(f"{path}.l{level}{way}", cells, tuple(members), path)


def _of_dptnet(model: DptNet) -> Iterator[ChannelGroup]:
    members = [*outputs("encoder"), *outputs("norm")]
    parts: list[ChannelGroup] = []
    for path, module in model.named_modules():
        if isinstance(module, Transformer):
            members += _along(path)
            parts += _of_attention(f"{path}.attention", module.attention)
            parts += _of_lstm(f"{path}.lstm", module.lstm, f"{path}.linear")
    members += [inputs("split"), *outputs("output"), *outputs("gate")]
    filters, channels = model.encoder.out_channels, model.output.in_channels
    yield _group("filters", filters, *members, inputs("decoder", axis=0))
    split = outputs("split", _per_source(model.size.sources, channels))
    yield _group("split", channels, *split, inputs("output"), inputs("gate"))
    yield from parts


def _along(path: str) -> Iterator[Member]:
    """What a transformer holds of the filters."""
    yield inputs(f"{path}.attention.in_proj")
    yield from outputs(f"{path}.attention.out_proj")
    yield from outputs(f"{path}.norm_1")
    yield from lstm_inputs(f"{path}.lstm")
    yield from outputs(f"{path}.linear")
    yield from outputs(f"{path}.norm_2")


def _of_attention(path: str, attention: SelfAttention) -> Iterator[ChannelGroup]:
    """Of each head: queries with the keys that they are multiplied with, and values."""
    D, width = attention.head_dim, attention.heads * attention.head_dim
    for head in range(attention.heads):
        begin = head * D
        matched = outputs(f"{path}.in_proj", (begin, width + begin))
        yield ChannelGroup(f"{path}.head{head}.queries", D, matched, path)
        values = outputs(f"{path}.in_proj", (2 * width + begin,))
        read = inputs(f"{path}.out_proj", offsets=(begin,))
        yield ChannelGroup(f"{path}.head{head}.values", D, (*values, read), path)
