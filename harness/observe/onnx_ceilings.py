"""Convolutions and products in ONNX Runtime and OpenVINO, as candidates for a machine's
ceiling: for the roofline's worker, as they load both libraries where these are there.

A ceiling that torch alone sets is none for a case that another library runs: each has
kernels of its own, and those of 8-bit integers differ most.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
from collections.abc import Callable, Iterator
from time import perf_counter_ns
from typing import Any

import numpy as np

SIDE, KERNEL = 32, 3  # of a convolution's pictures and of its window
BATCH = 4
PRODUCT, CONVOLUTION = "product", "convolution"
Run = Callable[[], object]
OPSET, IR_VERSION = 17, 9


def timed(
    library: str, operation: str, precision: str, threads: int
) -> Callable[[int], float]:
    """Seconds of one call at a size; what is compiled for the last size is kept."""
    kept: dict[int, Run] = {}
    compiled = {"onnxruntime": _onnx_runtime, "openvino": _open_vino}[library]

    def seconds(size: int) -> float:
        if size not in kept:
            kept.clear()
            kept[size] = compiled(model(operation, precision, size), precision, threads)
        start_ns = perf_counter_ns()
        kept[size]()
        return (perf_counter_ns() - start_ns) / 1e9

    return seconds


def offered(precision: str) -> Iterator[tuple[str, str]]:
    """(library, operation) of what this machine can try at a precision.

    ONNX Runtime heeds no cap on instruction sets, and so takes no part under one; on
    CPUs it has no products of bf16.
    """
    if precision not in ("fp32", "bf16", "int8") or not _is_here("onnx"):
        return
    operations = (CONVOLUTION,) if precision == "int8" else (PRODUCT, CONVOLUTION)
    is_capped = "ONEDNN_MAX_CPU_ISA" in os.environ
    for library in ("onnxruntime", "openvino"):
        is_first = library == "onnxruntime"
        if _is_here(library) and not (is_first and (is_capped or precision == "bf16")):
            yield from ((library, operation) for operation in operations)


def _is_here(library: str) -> bool:
    return importlib.util.find_spec(library) is not None


def model(operation: str, precision: str, size: int) -> bytes:
    """A product of (size, size) factors, or a convolution of `size` channels; in int8
    between steps that quantize, as quantized networks have them."""
    from onnx import TensorProto, helper, numpy_helper

    random = np.random.default_rng(0)
    is_product = operation == PRODUCT
    shape = (size, size) if is_product else (BATCH, size, SIDE, SIDE)
    weights = (size, size) if is_product else (size, size, KERNEL, KERNEL)
    values = random.random(weights, np.float32)
    attributes: dict[str, Any] = {} if is_product else {"pads": [KERNEL // 2] * 4}
    operator = "MatMul" if is_product else "Conv"
    if precision != "int8":
        constants = [numpy_helper.from_array(values, "w")]
        nodes = [helper.make_node(operator, ["x", "w"], ["y"], **attributes)]
    else:
        quantized = (values * 254 - 127).astype(np.int8)
        scale, zero = np.float32(0.01), np.uint8(128)
        named = {"w8": quantized, "s": scale, "z": zero, "zw": np.int8(0)}
        constants = [
            numpy_helper.from_array(np.asarray(value), name)
            for name, value in named.items()
        ]
        nodes = [
            helper.make_node("QuantizeLinear", ["x", "s", "z"], ["x8"]),
            helper.make_node("DequantizeLinear", ["x8", "s", "z"], ["xf"]),
            helper.make_node("DequantizeLinear", ["w8", "s", "zw"], ["wf"]),
            helper.make_node(operator, ["xf", "wf"], ["yf"], **attributes),
            helper.make_node("QuantizeLinear", ["yf", "s", "z"], ["y8"]),
            helper.make_node("DequantizeLinear", ["y8", "s", "z"], ["y"]),
        ]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in "xy"
    ]
    graph = helper.make_graph(nodes, "ceiling", ends[:1], ends[1:], constants)
    opsets = [helper.make_opsetid("", OPSET)]
    made = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
    return bytes(made.SerializeToString())


def _input(shape: list[int]) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.random.default_rng(1).random(shape, np.float32)


def _onnx_runtime(content: bytes, precision: str, threads: int) -> Run:
    runtime = importlib.import_module("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = runtime.InferenceSession(content, options, ["CPUExecutionProvider"])
    feed = {"x": _input(session.get_inputs()[0].shape)}
    return lambda: session.run(None, feed)


def _open_vino(content: bytes, precision: str, threads: int) -> Run:
    library = importlib.import_module("openvino")
    hint = "bf16" if precision == "bf16" else "f32"
    settings = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": hint}
    core = library.Core()
    read = core.read_model(content)
    compiled = core.compile_model(read, "CPU", settings)
    with contextlib.suppress(AttributeError):  # a hint that is not taken is said so
        if compiled.get_property("INFERENCE_PRECISION_HINT").to_string() != hint:
            raise NotImplementedError(f"OpenVINO computes no {hint} here")
    request = compiled.create_infer_request()
    request.set_input_tensor(library.Tensor(_input(list(read.inputs[0].shape))))
    return lambda: request.infer()
