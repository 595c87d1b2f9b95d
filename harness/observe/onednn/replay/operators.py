"""Calls of torch that run a primitive of a log: whether one does, its own log tells.

A primitive may come of several calls: with channels first or last, of a product or of
one that adds to its result. Each kind yields those worth trying; loads torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.observe.onednn.execution import Execution
from harness.observe.onednn.execution import Tensor as Descriptor
from harness.observe.onednn.replay import problems

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Operator = Callable[[], object]
DTYPES = {  # by torch's names
    **{"f32": "float32", "bf16": "bfloat16", "f16": "float16", "f64": "float64"},
    **{"s8": "int8", "u8": "uint8", "s32": "int32"},
}
_CHANNELS_LAST = {4: "channels_last", 5: "channels_last_3d"}
_FUSED = {  # post-operations, by torch's names
    "eltwise_relu": "relu",
    "eltwise_logistic": "sigmoid",
    "eltwise_tanh": "tanh",
    "eltwise_swish": "swish",
    "eltwise_hardswish": "hardswish",
}


class NoOperator(Exception):  # noqa: N818
    """Why torch has no call for a primitive."""


def operators(execution: Execution) -> Iterator[Operator]:
    """Calls worth trying, the likeliest first. Raises NoOperator."""
    if execution.kind == "ukernel":
        raise NoOperator("a kernel of one thread: its call is not in the log")
    if execution.kind == "graph":
        raise NoOperator("a graph: its primitives are replayed")
    if not execution.engine.startswith("cpu"):
        raise NoOperator(f"it ran on {execution.engine}")
    make = _MAKERS.get(execution.primitive)
    if make is None:
        raise NoOperator(
            f"no call of torch is known to run {execution.primitive} alone"
        )
    unknown = {t.dtype for t in execution.tensors if t.is_there} - DTYPES.keys()
    if "" in unknown or not execution.tensors:
        raise NoOperator("the log does not tell its types")
    if unknown:
        raise NoOperator(f"torch has no type {', '.join(sorted(unknown))} here")
    try:
        yield from make(execution)
    except KeyError as error:
        raise NoOperator(f"the log does not describe its {error}") from None
    except (ValueError, RuntimeError) as error:  # memory, too
        raise NoOperator(f"{error}".splitlines()[0]) from None


def _convolutions(execution: Execution) -> Iterator[Operator]:
    import torch

    sizes = problems.convolution(execution.problem)
    of = execution.by_role
    transposed = execution.primitive == "deconvolution"
    count = len(sizes.size)
    output_padding = [0] * count
    if transposed:
        output_padding = [
            made - ((size - 1) * stride - 2 * pad + dilation * (kernel - 1) + 1)
            for made, size, stride, pad, dilation, kernel in zip(
                *(sizes.made, sizes.size, sizes.stride),
                *(sizes.padding, sizes.dilation, sizes.kernel),
                strict=True,
            )
        ]
    shape = _transposed(sizes) if transposed else sizes.weights
    bias = (
        torch.rand(sizes.outputs, dtype=_dtype(of["bia"].dtype))
        if "bia" in of
        else None
    )
    geometry: tuple[Any, ...] = (sizes.padding, sizes.stride, sizes.dilation)
    for of_source, of_weights in _formats(count + 2):
        x = _filled(sizes.source, of["src"], of_source)
        w = _filled(shape, of["wei"], of_weights)
        if execution.direction == "forward":
            yield from _forward(execution, x, w, bias, geometry, sizes.groups)
            if transposed:
                yield _with_gradients(
                    execution,
                    lambda x=x, w=w: torch.ops.aten.convolution(  # type: ignore[misc]
                        x, w, bias, sizes.stride, sizes.padding, sizes.dilation,
                        True, output_padding, sizes.groups,
                    ),
                )  # fmt: skip
            continue
        y = _filled(sizes.destination, of["dst"], of_source)
        masks = {
            "backward_data": ([True, False, False],),
            "backward_weights": (
                [False, True, bias is not None],
                [False, True, True],
                [True, True, True],
            ),
        }.get(execution.direction, ([True, True, bias is not None],))
        for mask in masks:
            yield lambda x=x, w=w, y=y, mask=mask: (  # type: ignore[misc]
                torch.ops.aten.convolution_backward(
                    y, x, w, [sizes.outputs] if mask[2] else None, sizes.stride,
                    sizes.padding, sizes.dilation, transposed, output_padding,
                    sizes.groups, mask,
                )
            )  # fmt: skip


def _forward(
    execution: Execution,
    x: Tensor,
    w: Tensor,
    bias: Tensor | None,
    geometry: tuple[Any, ...],
    groups: int,
) -> Iterator[Operator]:
    import torch

    padding, stride, dilation = geometry
    if execution.primitive == "deconvolution":
        return
    fused = [_FUSED.get(one.algorithm) for one in execution.post_ops]
    if len(fused) == 1 and fused[0]:
        name = fused[0]
        yield lambda: torch.ops.mkldnn._convolution_pointwise(
            x, w, bias, padding, stride, dilation, groups, name, [], ""
        )
    yield _with_gradients(
        execution,
        lambda: torch.ops.aten.mkldnn_convolution(
            x, w, bias, padding, stride, dilation, groups
        ),
    )
    yield _with_gradients(
        execution,
        lambda: torch.ops.aten.convolution(
            x, w, bias, stride, padding, dilation, False, [0] * len(stride), groups
        ),
    )


def _transposed(sizes: problems.Convolution) -> tuple[int, ...]:
    return (sizes.inputs, sizes.outputs // sizes.groups, *sizes.kernel)


def _with_gradients(execution: Execution, call: Operator) -> Operator:
    """oneDNN is told to compute for training where torch records gradients."""
    import torch

    is_training = execution.propagation == "forward_training"

    def run() -> object:
        with torch.set_grad_enabled(is_training):
            return call()

    return run


def _products(execution: Execution) -> Iterator[Operator]:
    import torch

    left, right, made = problems.factors(execution.problem)
    of = execution.by_role
    a, b = _laid_out(left, of["src"]), _laid_out(right, of["wei"])
    c = _laid_out(made, of["dst"])
    # A product's result is column after column where both factors change places.
    pairs = ((a, b, c), (b.mT, a.mT, c.mT))
    for first, second, result in pairs:
        if len(left) == 2:
            yield lambda f=first, s=second, r=result: torch.mm(f, s, out=r)  # type: ignore[misc]
            yield lambda f=first, s=second: torch.mm(f, s)  # type: ignore[misc]
            yield lambda f=first, s=second, r=result: r.addmm_(f, s)  # type: ignore[misc]
            row = torch.rand(second.shape[1]).to(first.dtype)
            yield lambda f=first, s=second, v=row: torch.addmm(v, f, s)  # type: ignore[misc]
        else:
            yield lambda f=first, s=second, r=result: torch.bmm(f, s, out=r)  # type: ignore[misc]
            yield lambda f=first, s=second: torch.matmul(f, s)  # type: ignore[misc]
            yield lambda f=first, s=second, r=result: r.baddbmm_(f, s)  # type: ignore[misc]


def _recurrent(execution: Execution) -> Iterator[Operator]:
    import torch

    sizes = problems.recurrent(execution.problem)
    if execution.algorithm != "vanilla_lstm" or sizes.layers != 1:
        raise NoOperator(
            f"torch runs no {execution.algorithm or 'such layer'} by oneDNN"
        )
    is_backward = execution.direction == "backward"
    of = {tensor.name: tensor for tensor in execution.tensors}
    dtype = _dtype(of["src_layer"].dtype)
    for both_ways in (False, True):
        layer = torch.nn.LSTM(sizes.inputs, sizes.hidden, bidirectional=both_ways)
        layer.to(dtype).train(execution.propagation != "forward_inference")
        x = torch.rand(sizes.steps, sizes.batch, sizes.inputs).to(dtype)
        x.requires_grad_(is_backward)

        def run(layer: torch.nn.LSTM = layer, x: Tensor = x) -> object:
            is_training = execution.propagation != "forward_inference"
            with torch.set_grad_enabled(is_training):
                y, _ = layer(x)
                if is_backward:
                    y.backward(torch.ones_like(y))
            return y

        yield run


def _reorders(execution: Execution) -> Iterator[Operator]:
    """Most come with the operator that needs them; these are those that torch makes by
    themselves."""
    size = problems.sizes(execution.problem)[0]
    of = execution.by_role
    x = _laid_out(size, of["src"])
    yield lambda: x.to_mkldnn(_dtype(of["dst"].dtype))
    made = x.to_mkldnn()
    yield lambda: made.to_dense(_dtype(of["dst"].dtype))


Maker = Callable[[Execution], Iterator[Operator]]
_MAKERS: Mapping[str, Maker] = {
    "convolution": _convolutions,
    "deconvolution": _convolutions,
    "matmul": _products,
    "rnn": _recurrent,
    "reorder": _reorders,
}


def _formats(axes: int) -> Sequence[tuple[torch.memory_format, torch.memory_format]]:
    """Of source and weights."""
    import torch

    first = torch.contiguous_format
    last = [getattr(torch, _CHANNELS_LAST[axes])] if axes in _CHANNELS_LAST else []
    return [(first, first), *((one, other) for one in last for other in (one, first)),
            *((first, one) for one in last)]  # fmt: skip


def _filled(
    size: Sequence[int], descriptor: Descriptor, memory_format: torch.memory_format
) -> Tensor:
    import torch

    made = torch.rand(*size).to(_dtype(descriptor.dtype))
    if memory_format is torch.contiguous_format:
        return made
    return made.to(memory_format=memory_format)


def _laid_out(size: Sequence[int], descriptor: Descriptor) -> Tensor:
    """With the strides that the log tells: of what is dense, its layout has them.
    ValueError for a blocked layout, which torch has none of."""
    import torch

    letters = descriptor.layout
    if sorted(letters) != sorted("abcdefghijkl"[: len(size)]):
        raise ValueError(f"a layout {letters or 'unknown'} is none of torch's")
    if descriptor.strides:
        strides = [int(one) for one in descriptor.strides.split("x")]
    else:
        strides, step = [0] * len(size), 1
        for letter in reversed(letters):
            place = ord(letter) - ord("a")
            strides[place], step = step, step * size[place]
    dtype = _dtype(descriptor.dtype)
    room = 1 + sum((n - 1) * step for n, step in zip(size, strides, strict=True))
    memory = (
        torch.rand(room).to(dtype)
        if dtype.is_floating_point
        else (torch.randint(0, 100, (room,)).to(dtype))
    )
    return memory.as_strided(tuple(size), tuple(strides))


def _dtype(name: str) -> torch.dtype:
    import torch

    found: torch.dtype = getattr(torch, DTYPES[name])
    return found
