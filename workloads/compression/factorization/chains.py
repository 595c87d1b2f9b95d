"""Chains of smaller layers that compute what one factorized layer does.

Axes: `O` output channels, `I` input channels, `R` ranks. A kernel is (O, I, *taps),
that of a transposed convolution too; a linear layer has no taps.

- CP: 1x1 (I -> R), one depth-wise convolution for each axis of the taps, 1x1 (R -> O).
  V. Lebedev et al., "Speeding-up Convolutional Neural Networks Using Fine-tuned
  CP-Decomposition", 2015.
- Partial Tucker: 1x1 (I -> R2), the core with all taps (R2 -> R1), 1x1 (R1 -> O).
  Y.-D. Kim et al., "Compression of Deep Convolutional Neural Networks for Fast and Low
  Power Mobile Applications", 2016.
- A matrix, which is what a kernel of one tap, of one input or of one output channel is,
  needs two layers, and no method gets closer to it than its truncated SVD
  (C. Eckart, G. Young, 1936).

Stride, padding and dilation stay with the taps, the bias with the last layer.
"""

import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from workloads.compression.factorization.ranks import (
    Method,
    cp_rank,
    matrix_rank,
    tucker_ranks,
)

Form = Literal["svd-output", "svd-input", "cp", "tucker"]
Convolution = nn.Conv1d | nn.Conv2d | nn.ConvTranspose1d
Layer = nn.Linear | Convolution


@dataclass(frozen=True)
class Plan:
    """How a layer is factorized.

    "svd-output" splits output channels from all else, "svd-input" input channels.
    `ranks` is one, but for "tucker" those of the output and of the input channels.
    """

    form: Form
    ranks: tuple[int, ...]


class Chain(nn.Sequential):
    """Layers in the place of one, whose width attention may still ask for."""

    @property
    def in_features(self) -> int:
        return cast(nn.Linear, self[0]).in_features


def plan(layer: Layer, method: Method, percent: int) -> Plan:
    """The form and the ranks that leave out `percent` of the layer's weights."""
    outputs, inputs, *taps = kernel(layer).shape
    count = math.prod(taps)
    if outputs == 1 or (count == 1 and _transposed(layer)):
        return Plan("svd-input", (matrix_rank(inputs, outputs * count, percent),))
    if inputs == 1 or count == 1:
        return Plan("svd-output", (matrix_rank(outputs, inputs * count, percent),))
    if method == "cp":
        return Plan("cp", (cp_rank((outputs, inputs, *taps), percent),))
    return Plan("tucker", tucker_ranks(outputs, inputs, count, percent))


def kernel(layer: Layer) -> Tensor:
    """The weights as (O, I, *taps)."""
    weight = layer.weight.detach()
    return weight.transpose(0, 1) if _transposed(layer) else weight


def chain_of_zeros(layer: Layer, plan: Plan) -> Chain:
    """The layers that take its place, of its dtype, on its device, in its mode."""
    outputs, inputs, *_ = kernel(layer).shape
    last, first = plan.ranks[0], plan.ranks[-1]
    stages: dict[str, nn.Module] = {}
    if plan.form == "svd-output":
        stages["reduce"] = _with_taps(layer, inputs, last)
    else:
        stages["reduce"] = _pointwise(layer, inputs, first)
    if plan.form == "cp":
        stages |= _depthwise(layer, first)
    elif plan.form == "tucker":
        stages["kernel"] = _with_taps(layer, first, last)
    biased = layer.bias is not None
    if plan.form == "svd-input":
        stages["expand"] = _with_taps(layer, first, outputs, biased)
    else:
        stages["expand"] = _pointwise(layer, last, outputs, biased)
    trained = any(parameter.requires_grad for parameter in layer.parameters())
    chain = Chain(OrderedDict(stages)).train(layer.training)
    return chain.requires_grad_(trained)


def fill(chain: Chain, kernels: Sequence[Tensor], bias: Tensor | None) -> None:
    """Store a kernel (O, I, *taps) in each layer, and the bias in the last."""
    with torch.no_grad():
        for stage, values in zip(chain, kernels, strict=True):
            if _transposed(stage) and stage.groups == 1:
                values = values.transpose(0, 1)
            weight = _weight(stage)
            weight.copy_(values.reshape(weight.shape))
        if bias is not None:
            cast(Tensor, chain[-1].bias).copy_(bias)


def weight_count(chain: Chain) -> int:
    """Without the bias, which stays as it is."""
    return sum(_weight(stage).numel() for stage in chain)


def macs(chain: Chain) -> int:
    """Multiply-accumulates for each position of the side with fewer of them: the output
    of a convolution with a stride, the input of a transposed one."""
    from_there = list(chain)
    if not any(_transposed(stage) for stage in chain):
        from_there.reverse()
    total, positions = 0, 1
    for stage in from_there:
        total += _weight(stage).numel() * positions
        stride = cast(tuple[int, ...], getattr(stage, "stride", (1,)))
        positions *= math.prod(stride)
    return total


def tap_axes(taps: Sequence[int]) -> list[list[int]]:
    """The axes that each depth-wise convolution of a CP chain covers: one of more than
    one tap, the first of them those of a single tap as well.

    >>> tap_axes((3, 3)), tap_axes((1, 3))
    ([[0], [1]], [[1, 0]])
    """
    groups = [[axis] for axis, count in enumerate(taps) if count > 1]
    groups[0] += [axis for axis, count in enumerate(taps) if count == 1]
    return groups


def _weight(stage: nn.Module) -> Tensor:
    return cast(Tensor, stage.weight)


def _transposed(layer: nn.Module) -> bool:
    return isinstance(layer, nn.ConvTranspose1d)


def _pointwise(
    layer: Layer, inputs: int, outputs: int, bias: bool = False
) -> nn.Module:
    if isinstance(layer, nn.Linear):
        return _zeros(layer, nn.Linear, inputs, outputs, bias=bias)
    kind = nn.Conv1d if _transposed(layer) else type(layer)
    return _zeros(layer, kind, inputs, outputs, 1, bias=bias)


def _with_taps(
    layer: Layer, inputs: int, outputs: int, bias: bool = False
) -> nn.Module:
    if isinstance(layer, nn.Linear):
        return _pointwise(layer, inputs, outputs, bias)
    geometry = _geometry(layer, range(len(layer.kernel_size)))
    return _zeros(layer, type(layer), inputs, outputs, bias=bias, **geometry)


def _depthwise(layer: Layer, rank: int) -> dict[str, nn.Module]:
    assert not isinstance(layer, nn.Linear)
    stages: dict[str, nn.Module] = {}
    for axes in tap_axes(layer.kernel_size):
        options = {"groups": rank, "bias": False, **_geometry(layer, axes)}
        stages[f"taps_{axes[0]}"] = _zeros(layer, type(layer), rank, rank, **options)
    return stages


def _geometry(layer: Convolution, axes: Sequence[int]) -> dict[str, Any]:
    """The layer's along these axes; along others, nothing happens."""

    def along(values: tuple[int, ...], neutral: int) -> tuple[int, ...]:
        return tuple(v if axis in axes else neutral for axis, v in enumerate(values))

    padding = layer.padding
    found: dict[str, Any] = {
        "kernel_size": along(layer.kernel_size, 1),
        "stride": along(layer.stride, 1),
        "dilation": along(layer.dilation, 1),
        "padding": padding if isinstance(padding, str) else along(padding, 0),
        "padding_mode": layer.padding_mode,
    }
    if _transposed(layer):
        found["output_padding"] = along(layer.output_padding, 0)
    return found


def _zeros(
    layer: Layer, kind: type[nn.Module], *sizes: int, **options: Any
) -> nn.Module:
    """Made without drawing random numbers, so that no seed of the caller's moves on."""
    weight = layer.weight
    options |= {"device": weight.device, "dtype": weight.dtype}
    stage = nn.utils.skip_init(kind, *sizes, **options)
    for parameter in stage.parameters():
        nn.init.zeros_(parameter)
    return stage
