"""Which channels of a detector's back-end live or die together.

Axes: `C` channels. Those of the front-end stay, and so does the embedding.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from workloads.compression.pruning.groups import ChannelGroup, Member, inputs, outputs
from workloads.spoof.backends.ecapa_tdnn import EcapaTdnn, SeRes2Block
from workloads.spoof.backends.layers import TdnnLayer
from workloads.spoof.backends.x_vector import XVector
from workloads.spoof.model import SpoofDetector


def channel_groups(model: nn.Module) -> list[ChannelGroup]:
    """All groups of a detector, of any size and however much it was shrunk. ValueError
    for any other model."""
    if isinstance(model, SpoofDetector):
        if isinstance(model.backend, XVector):
            return list(_of_x_vector("backend", model.backend))
        if isinstance(model.backend, EcapaTdnn):
            return list(_of_ecapa("backend", model.backend))
    raise ValueError(
        f"the channels of a {type(model).__name__} are not known: expected a "
        "SpoofDetector"
    )


def _layer(path: str, offsets: tuple[int, ...] = (0,)) -> tuple[Member, ...]:
    """What a TdnnLayer makes."""
    return (*outputs(f"{path}.conv", offsets), *outputs(f"{path}.norm", offsets))


def _of_x_vector(path: str, model: XVector) -> Iterator[ChannelGroup]:
    last = len(model.layers) - 1
    for number, layer in enumerate(model.layers):
        assert isinstance(layer, TdnnLayer)
        own, channels = f"{path}.layers.{number}", layer.conv.out_channels
        reads = inputs(f"{path}.layers.{number + 1}.conv")
        if number == last:  # their means, then their deviations
            reads = inputs(f"{path}.embedding", offsets=(0, channels))
        yield ChannelGroup(own, channels, (*_layer(own), reads))


def _of_ecapa(path: str, model: EcapaTdnn) -> Iterator[ChannelGroup]:
    width, aggregated = (
        layer.conv.out_channels for layer in (model.first, model.aggregate)
    )
    residual = [*_layer(f"{path}.first")]
    for number, block in enumerate(model.blocks):
        assert isinstance(block, SeRes2Block)
        own = f"{path}.blocks.{number}"
        residual += [
            inputs(f"{own}.expand.conv"),
            *_layer(f"{own}.merge"),
            inputs(f"{own}.squeeze"),
            *outputs(f"{own}.excite"),
            inputs(f"{path}.aggregate.conv", offsets=(number * width,)),
        ]
        yield _of_parts(own, block)
        squeezed = (*outputs(f"{own}.squeeze"), inputs(f"{own}.excite"))
        yield ChannelGroup(f"{own}.squeeze", block.squeeze.out_features, squeezed)
    yield ChannelGroup(f"{path}.residual", width, tuple(residual))
    both = (0, aggregated)
    yield ChannelGroup(
        f"{path}.aggregate",
        aggregated,
        (
            *_layer(f"{path}.aggregate"),
            inputs(f"{path}.pool.of_frame"),
            inputs(f"{path}.pool.of_utterance", offsets=both),
            *outputs(f"{path}.pool.weigh"),
            *outputs(f"{path}.norm", both),
            inputs(f"{path}.embedding", offsets=both),
        ),
    )


def _of_parts(path: str, block: SeRes2Block) -> ChannelGroup:
    """The n-th channel of every part: parts are added, so that all keep the same."""
    layers = [f"{path}.parts.layers.{i}" for i in range(len(block.parts.layers))]
    width = block.expand.conv.out_channels // (len(layers) + 1)
    starts = tuple(part * width for part in range(len(layers) + 1))
    members = [*_layer(f"{path}.expand", starts)]
    members.append(inputs(f"{path}.merge.conv", offsets=starts))
    for layer in layers:
        members += [*_layer(layer), inputs(f"{layer}.conv")]
    return ChannelGroup(f"{path}.parts", width, tuple(members))
