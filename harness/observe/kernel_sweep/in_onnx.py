"""Trials in ONNX Runtime and OpenVINO, forward, on the CPU."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from harness.observe.kernel_sweep import onnx_graphs, plain, ways
from harness.observe.kernel_sweep.plain import Array
from harness.observe.kernel_sweep.quantized import quantized
from harness.observe.kernel_sweep.shapes import FORWARD, Trial

HINTS = {"fp32": "f32", "bf16": "bf16", "fp16": "f16", "int8": "f32"}
_LAYERS = ("Convolution", "Deconvolution", "FullyConnected", "MatMul", "RNNSeq", "MVN")
Run = Callable[[bytes, str, Array], Array]


class NotOfferedError(Exception):
    """The runtime has no such layer at this precision here."""


NOT_OFFERED: tuple[type[Exception], ...] = (NotOfferedError,)


def errors(trial: Trial, way: str | None = None) -> dict[str, float]:
    """The relative error against float64, gone a way round."""
    content, x, wanted = _made(trial, way)
    precision = "fp32" if way == ways.FP32 else trial.precision
    found = RUN[trial.runtime](content, precision, x)
    if way in ways.FILLED:
        found = found[:, : trial.shape.outputs]
    return {FORWARD: plain.relative_error(found, wanted)}


def kernel(trial: Trial, direction: str) -> str | None:
    """By the name that OpenVINO's executed graph tells; ONNX Runtime tells none."""
    if trial.runtime != "openvino":
        return None
    content, _, _ = _made(trial, None)
    graph = _compiled(content, trial.precision).get_runtime_model()
    facts = [node.get_rt_info() for node in graph.get_ordered_ops()]
    names = [
        str(one["primitiveType"].value)
        for one in facts
        if str(one["layerType"].value) in _LAYERS
    ]
    return "; ".join(dict.fromkeys(names)) or None


def _made(trial: Trial, way: str | None) -> tuple[bytes, Array, Array]:
    """Model, input, and the output that it should give."""
    shape = trial.shape
    if trial.precision == "int8":
        given = quantized(shape, way)
        x = ((given.x.astype(np.float32) - given.zero) * given.x_scale).astype("f4")
        return onnx_graphs.of_int8(shape, given), x, given.wanted
    operands = tuple(rounded(one, trial.precision) for one in plain.operands(shape))
    wanted = plain.expected(shape, operands)
    if way in ways.FILLED:
        operands = onnx_graphs.filled(shape, way, *operands)
    x, *weights = operands
    return onnx_graphs.of_floats(shape, x, tuple(weights)), x, wanted


def rounded(values: Array, precision: str) -> Array:
    """fp32 of a narrower type's values, rounded to the nearest, halves to even.

    >>> rounded(np.array([1.0, 1.00390625, 1.01171875], np.float32), "bf16").tolist()
    [1.0, 1.0, 1.015625]
    """
    if precision == "fp16":
        return values.astype(np.float16).astype(np.float32)
    if precision == "bf16":
        bits = values.astype(np.float32).view(np.uint32)
        bits = bits + 0x7FFF + ((bits >> 16) & 1)
        return (bits & np.uint32(0xFFFF0000)).astype(np.uint32).view(np.float32)
    return values


def _threads() -> int:
    return int(os.environ.get("OMP_NUM_THREADS", "1"))


def _onnx_runtime(content: bytes, precision: str, x: Array) -> Array:
    runtime = importlib.import_module("onnxruntime")
    state = importlib.import_module("onnxruntime.capi.onnxruntime_pybind11_state")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = _threads()
    options.log_severity_level = 3
    try:
        made = runtime.InferenceSession(content, options, ["CPUExecutionProvider"])
        return np.asarray(made.run(None, {"x": x})[0])
    except (state.NotImplemented, state.Fail, state.InvalidGraph) as error:
        raise NotOfferedError(str(error)) from None


def _open_vino(content: bytes, precision: str, x: Array) -> Array:
    library = importlib.import_module("openvino")
    try:
        request = _compiled(content, precision).create_infer_request()
        request.set_input_tensor(library.Tensor(np.ascontiguousarray(x)))
        request.infer(share_outputs=True)
    except RuntimeError as error:
        raise NotOfferedError(str(error)) from None
    return np.array(request.get_output_tensor().data, np.float32)


def _compiled(content: bytes, precision: str) -> Any:
    library = importlib.import_module("openvino")
    core, hint = library.Core(), HINTS[precision]
    settings = {
        "INFERENCE_PRECISION_HINT": hint,
        "INFERENCE_NUM_THREADS": _threads(),
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",
    }
    compiled = core.compile_model(core.read_model(content), "CPU", settings)
    taken = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
    if taken != hint:
        raise NotOfferedError(f"OpenVINO computes in {taken} here, not in {hint}")
    return compiled


RUN: dict[str, Run] = {"onnxruntime": _onnx_runtime, "openvino": _open_vino}
