"""ONNX Runtime's profile, in oneDNN's words.

The trace is a list of events. Those of category "Node" whose names end in "kernel_time"
are kernel calls; those named "model_run" are whole runs. Times are microseconds. A node
tells its operator, not its domain: the Conv of ONNX Runtime's blocked layout is a Conv.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workloads.runtimes.session import KernelCall

# Kernels whose weights have the source's type.
_FLOAT = {
    "convolution": ("Conv", "FusedConv", "NhwcFusedConv"),
    "deconvolution": ("ConvTranspose", "ConvTransposeWithDynamicPads"),
    "matmul": ("MatMul", "FusedMatMul", "TransposeMatMul", "Gemm", "FusedGemm"),
    "rnn": ("RNN", "LSTM", "GRU"),
}
# Kernels whose weights have a type of their own.
_QUANTIZED = {
    "convolution": ("QLinearConv", "ConvInteger"),
    "matmul": (
        "QLinearMatMul",
        "QGemm",
        "MatMulInteger",
        "MatMulIntegerToFloat",
        "DynamicQuantizeMatMul",
        "MatMulNBits",
    ),
    "rnn": ("DynamicQuantizeLSTM",),
}
# They round their float inputs to unsigned 8 bits themselves, and multiply those.
_ROUNDING = ("DynamicQuantizeMatMul", "DynamicQuantizeLSTM")
_REORDERS = (
    "Transpose",
    "ReorderInput",
    "ReorderOutput",
    "QuantizeLinear",
    "DequantizeLinear",
    "DynamicQuantizeLinear",
    "Cast",
)
_FLOAT_OPERATORS = {op for ops in _FLOAT.values() for op in ops}
_QUANTIZED_OPERATORS = {op for ops in _QUANTIZED.values() for op in ops}
_PRIMITIVES = {
    op: primitive
    for table in (_FLOAT, _QUANTIZED, {"reorder": _REORDERS})
    for primitive, ops in table.items()
    for op in ops
}
_DTYPES = {
    "float": "f32",
    "float16": "f16",
    "bfloat16": "bf16",
    "double": "f64",
    **{f"int{bits}": f"s{bits}" for bits in (4, 8, 16, 32, 64)},
    **{f"uint{bits}": f"u{bits}" for bits in (4, 8, 16, 32, 64)},
}
_WEIGHTS = ("s8", "u8", "s16", "u16", "s4", "u4")

Tensor = tuple[str, int]  # oneDNN's name of the type, number of axes


def after_warm_up(trace: Path) -> tuple[list[KernelCall], float]:
    """Kernel calls, each once, of every run but the first, and these runs' seconds."""
    events = json.loads(trace.read_text())
    runs = [event for event in events if event["name"] == "model_run"]
    runs.sort(key=lambda run: run["ts"])
    if len(runs) < 2:
        raise ValueError(f"the profile holds {len(runs)} runs: expected two at least")
    calls = [
        kernel_call(event)
        for event in events
        if event["cat"] == "Node"
        and event["name"].endswith("kernel_time")
        and event["ts"] >= runs[1]["ts"]
    ]
    return calls, sum(run["dur"] for run in runs[1:]) / 1e6


def kernel_call(event: Mapping[str, Any]) -> KernelCall:
    operator = event["args"]["op_name"]
    return KernelCall(
        primitive=_PRIMITIVES.get(operator, operator.lower()),
        implementation=operator,
        dtypes=dtypes_of(
            operator,
            _tensors(event["args"]["input_type_shape"]),
            _tensors(event["args"]["output_type_shape"]),
        ),
        time_ms=event["dur"] / 1000.0,
    )


def dtypes_of(operator: str, inputs: list[Tensor], outputs: list[Tensor]) -> str:
    """Source's, weights' and destination's type, each where it is known.

    >>> dtypes_of("FusedConv", [("f32", 3), ("f32", 3), ("f32", 1)], [("f32", 3)])
    'f32,f32,f32'
    >>> dtypes_of("Cast", [("s32", 3)], [("f32", 3)])
    's32,f32'
    """
    source = "u8" if operator in _ROUNDING else inputs[0][0] if inputs else None
    found = [source]
    if operator in _FLOAT_OPERATORS:
        found.append(found[0])
    elif operator in _QUANTIZED_OPERATORS:
        found.append(_quantized_weights(operator, inputs))
    found.append(outputs[0][0] if outputs else None)
    return ",".join(dtype for dtype in found if dtype is not None)


def _quantized_weights(operator: str, inputs: list[Tensor]) -> str | None:
    """Weights that a kernel has repacked are not among the inputs any more; then their
    zero point, which has their type, tells it."""
    if operator in ("QLinearConv", "QLinearMatMul", "QGemm"):
        rest = inputs[3:]  # after x, its scale, its zero point
    else:
        rest = inputs[1:]
    integers = [tensor for tensor in rest if tensor[0] in _WEIGHTS]
    if not integers:
        return None
    # Elsewhere: weights, source's zero point, weights' zero point. Either zero point
    # may be left out: one that is alone tells nothing. Weights have two axes at least.
    integer_product = operator in (
        "ConvInteger",
        "MatMulInteger",
        "MatMulIntegerToFloat",
    )
    if integer_product and integers[0][1] < 2:
        return integers[1][0] if len(integers) > 1 else None
    return integers[0][0]


def _tensors(described: list[Mapping[str, Any]]) -> list[Tensor]:
    return [
        (_DTYPES.get(dtype, dtype), len(shape))
        for tensor in described
        for dtype, shape in tensor.items()
    ]
