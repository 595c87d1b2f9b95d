"""Trials in eager torch: forward, and the gradients of data and of weights."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.observe.claims import COMPUTE
from harness.observe.kernel_sweep import plain, ways
from harness.observe.kernel_sweep.quantized import Quantized, quantized
from harness.observe.kernel_sweep.shapes import (
    FORWARD,
    OF_DATA,
    OF_WEIGHTS,
    Shape,
    Trial,
)
from harness.observe.onednn.capture import capture

if TYPE_CHECKING:
    import torch
    from torch import Tensor

NOT_OFFERED: tuple[type[Exception], ...] = (RuntimeError, NotImplementedError)
_LOGGED = {
    FORWARD: ("forward", "none"),
    OF_DATA: ("backward_data", "backward", "none"),
    OF_WEIGHTS: ("backward_weights", "backward", "none"),
}
Layer = Callable[..., "Tensor"]


@dataclass(frozen=True)
class Outputs:
    """Of one trial, by direction."""

    found: Mapping[str, Tensor]

    def errors(self, wanted: Outputs) -> dict[str, float]:
        return {
            name: plain.relative_error(one.double().numpy(), wanted.found[name].numpy())
            for name, one in self.found.items()
        }


def errors(trial: Trial, way: str | None = None) -> dict[str, float]:
    """Relative errors by direction against float64, gone a way round."""
    if trial.precision == "int8":
        given = quantized(trial.shape, way)
        made = _int8(trial.shape, given)
        return {FORWARD: plain.relative_error(made.numpy(), given.wanted)}
    operands = _rounded(trial)
    dtype = _dtype("fp32" if way == ways.FP32 else trial.precision)
    layer = layer_of(trial, way)
    with without_onednn() if way == ways.WITHOUT_ONEDNN else contextlib.nullcontext():
        found = outputs(layer, [one.to(dtype) for one in operands])
    wanted = outputs(layer_of(trial), [one.double() for one in operands])
    return found.errors(wanted)


def kernel(trial: Trial, direction: str) -> str | None:
    """Those that oneDNN logs for a direction; None where it logs none."""

    import torch

    def run() -> None:
        if trial.precision == "int8":
            _int8(trial.shape, quantized(trial.shape))
        elif direction == FORWARD:
            with torch.no_grad():
                layer_of(trial)(*_rounded(trial))
        else:
            outputs(layer_of(trial), _rounded(trial))

    names = (
        f"{one.implementation} on {one.dtypes}"
        for one in capture(run).entries
        if one.primitive in COMPUTE and one.direction in _LOGGED[direction]
    )
    return "; ".join(dict.fromkeys(names)) or None


@contextlib.contextmanager
def without_onednn() -> Iterator[None]:
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of TF32, which is not touched
        with torch.backends.mkldnn.flags(enabled=False):
            yield


def outputs(function: Layer, operands: Sequence[Tensor]) -> Outputs:
    import torch

    with torch.no_grad():
        forward = function(*operands)
    leaves = [one.detach().requires_grad_() for one in operands]
    made = function(*leaves)
    generator = torch.Generator().manual_seed(plain.SEED)
    # Of bf16's own values, so that every precision is given the same.
    upstream = torch.randn(made.shape, generator=generator).bfloat16().to(made.dtype)
    data, *weights = torch.autograd.grad(made, leaves, upstream)
    flat = torch.cat([one.flatten() for one in weights])
    return Outputs({FORWARD: forward, OF_DATA: data, OF_WEIGHTS: flat})


def _rounded(trial: Trial) -> list[Tensor]:
    import torch

    dtype = _dtype(trial.precision)
    return [torch.from_numpy(one).to(dtype) for one in plain.operands(trial.shape)]


def layer_of(trial: Trial, way: str | None = None) -> Layer:
    """A function of input and weights."""
    import torch

    shape = trial.shape
    if shape.operation == "product":
        return torch.matmul
    if shape.operation == "lstm":
        return _lstm(shape)
    if shape.operation == "layer norm":
        return lambda x, w, b: torch.nn.functional.layer_norm(
            x, (shape.channels,), w, b, plain.EPSILON
        )
    if shape.operation == "group norm":
        return lambda x, w, b: torch.nn.functional.group_norm(x, 1, w, b, plain.EPSILON)
    convolution = _convolution(shape)
    if way in ways.FILLED:
        return _filled(convolution, shape, way)
    return _channels_last(shape) if way == ways.CHANNELS_LAST else convolution


def _convolution(shape: Shape) -> Layer:
    import torch

    if shape.operation == "transposed":
        return lambda x, w: torch.nn.functional.conv_transpose1d(
            x, w, stride=shape.stride
        )
    function = torch.nn.functional.conv2d if shape.is_2d else torch.nn.functional.conv1d
    settings = (None, shape.stride, shape.padding, shape.dilation, shape.groups)
    return lambda x, w: function(x, w, *settings)


def _filled(layer: Layer, shape: Shape, way: str) -> Layer:
    """With input and output channels of zeros."""
    import torch

    inputs, outs = ways.added(shape, way)
    first, second = (
        (inputs, outs) if shape.operation == "transposed" else (outs, inputs)
    )

    def filled(x: Tensor, w: Tensor) -> Tensor:
        none = [0, 0] * (x.ndim - 2)
        wide = torch.nn.functional.pad(w, [*none, 0, second, 0, first])
        return layer(torch.nn.functional.pad(x, [*none, 0, inputs]), wide)[
            :, : shape.outputs
        ]

    return filled


def _channels_last(shape: Shape) -> Layer:
    import torch

    last = torch.channels_last
    if shape.is_2d:
        convolution = _convolution(shape)
        return lambda x, w: convolution(
            x.contiguous(memory_format=last), w.contiguous(memory_format=last)
        )
    steps = ((1, shape.stride), (0, shape.padding), (1, shape.dilation), shape.groups)

    def flat(x: Tensor, w: Tensor) -> Tensor:
        rows = [one[:, :, None].contiguous(memory_format=last) for one in (x, w)]
        return torch.nn.functional.conv2d(rows[0], rows[1], None, *steps)[:, :, 0]

    return flat


def _lstm(shape: Shape) -> Layer:
    import torch

    both = shape.groups == 2

    def layer(x: Tensor, *weights: Tensor) -> Tensor:
        module = torch.nn.LSTM(
            shape.channels, shape.outputs, bias=False, bidirectional=both
        )
        names = [name for name, _ in module.named_parameters()]
        module = module.to(x.dtype)
        given = dict(zip(names, weights, strict=True))
        result: Tensor = torch.func.functional_call(module, given, (x,))[0]
        return result

    return layer


def _int8(shape: Shape, given: Quantized) -> Tensor:
    """As torch's exported quantization computes on CPUs."""
    import torch

    x, w = torch.from_numpy(given.x), torch.from_numpy(given.w)
    if shape.operation == "product":
        signed = (x.to(torch.int16) - given.zero).to(torch.int8)
        flat = torch._int_mm(signed.flatten(0, 1), w.T.contiguous().T)
        scale = given.x_scale * given.w_scale
        return (flat.double() * scale).reshape(*x.shape[:2], -1)
    axes, outputs = x.ndim - 2, w.shape[0]
    scales = torch.full((outputs,), given.w_scale)
    zeros = torch.zeros(outputs, dtype=torch.int64)
    steps = [[n] * axes for n in (shape.stride, shape.padding, shape.dilation)]
    source = (given.x_scale, given.zero)
    library = torch.ops.onednn
    packed = library.qconv_prepack(
        w, scales, *source, *steps, shape.groups, list(x.shape)
    )
    sink: tuple[Any, ...] = (1.0, 0, torch.float32, "none", [], "")
    made: Tensor = library.qconv_pointwise(
        x, *source, packed, scales, zeros, None, *steps, shape.groups, *sink
    )
    return made[:, : shape.outputs]


def _dtype(precision: str) -> torch.dtype:
    import torch

    return {
        "fp32": torch.float32,
        "bf16": torch.bfloat16,
        "fp16": torch.float16,
    }[precision]
