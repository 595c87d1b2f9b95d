"""A trial as an ONNX model of one layer, for the runtimes that read such."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper

from harness.observe.kernel_sweep import plain, ways
from harness.observe.kernel_sweep.plain import Array
from harness.observe.kernel_sweep.quantized import Quantized
from harness.observe.kernel_sweep.shapes import Shape

OPSET, IR_VERSION = 17, 9
GATES = (0, 3, 1, 2)  # ONNX has input, output, forget, cell; torch's order is another


def of_floats(shape: Shape, x: Array, weights: tuple[Array, ...]) -> bytes:
    """Of input x, the weights being its constants."""
    operation = shape.operation
    if operation == "lstm":
        return _model(x, *_lstm(shape, weights))
    if operation == "group norm":
        return _model(x, *_group_norm(shape, weights))
    constants = {f"w{i}": one for i, one in enumerate(weights)}
    kind, settings = _kind(shape)
    node = helper.make_node(kind, ["x", *constants], ["y"], **settings)
    return _model(x, [node], constants)


def of_int8(shape: Shape, given: Quantized) -> bytes:
    """Between steps that quantize, as quantized networks have them."""
    constants = {
        "w8": given.w,
        "xs": np.float32(given.x_scale),
        "ws": np.float32(given.w_scale),
        "ys": np.float32(given.y_scale),
        "z": np.uint8(given.zero),
        "zw": np.int8(0),
    }
    kind, settings = _kind(shape)
    steps = (
        ("QuantizeLinear", ["x", "xs", "z"], "x8"),
        ("DequantizeLinear", ["x8", "xs", "z"], "xf"),
        ("DequantizeLinear", ["w8", "ws", "zw"], "wf"),
        (kind, ["xf", "wf"], "yf"),
        ("QuantizeLinear", ["yf", "ys", "z"], "y8"),
        ("DequantizeLinear", ["y8", "ys", "z"], "y"),
    )
    nodes = [
        helper.make_node(name, given, [to], **(settings if name == kind else {}))
        for name, given, to in steps
    ]
    return _model(given.x, nodes, {n: np.asarray(v) for n, v in constants.items()})


def filled(shape: Shape, way: str, x: Array, w: Array) -> tuple[Array, Array]:
    """With channels of zeros added."""
    inputs, outs = ways.added(shape, way)
    first, second = (
        (inputs, outs) if shape.operation == "transposed" else (outs, inputs)
    )
    rest = [(0, 0)] * (x.ndim - 2)
    wide = np.pad(w, [(0, first), (0, second), *rest])
    return np.pad(x, [(0, 0), (0, inputs), *rest]), wide


def _kind(shape: Shape) -> tuple[str, dict[str, Any]]:
    """Operator and attributes."""
    axes = 2 if shape.is_2d else 1
    if shape.operation == "product":
        return "MatMul", {}
    if shape.operation == "layer norm":
        return "LayerNormalization", {"axis": -1, "epsilon": plain.EPSILON}
    if shape.operation == "transposed":
        return "ConvTranspose", {"strides": [shape.stride]}
    return "Conv", {
        "strides": [shape.stride] * axes,
        "pads": [shape.padding] * 2 * axes,
        "dilations": [shape.dilation] * axes,
        "group": shape.groups,
    }


def _lstm(
    shape: Shape, weights: tuple[Array, ...]
) -> tuple[list[NodeProto], dict[str, Array]]:
    """Outputs (T, directions, B, H) become (T, B, directions x H)."""
    hidden, both = shape.outputs, shape.groups == 2
    ordered = [
        np.concatenate([np.split(one, 4)[gate] for gate in GATES]) for one in weights
    ]
    constants = {
        "w": np.stack(ordered[::2]),
        "u": np.stack(ordered[1::2]),
        "flat": np.array([shape.frames, shape.batch, shape.groups * hidden]),
    }
    direction = "bidirectional" if both else "forward"
    nodes = [
        helper.make_node(
            "LSTM", ["x", "w", "u"], ["h"], hidden_size=hidden, direction=direction
        ),
        helper.make_node("Transpose", ["h"], ["t"], perm=[0, 2, 1, 3]),
        helper.make_node("Reshape", ["t", "flat"], ["y"]),
    ]
    return nodes, constants


def _group_norm(
    shape: Shape, weights: tuple[Array, ...]
) -> tuple[list[NodeProto], dict[str, Array]]:
    """Of one group: an instance norm of all channels as one, as exporters write it."""
    constants = {
        "one": np.array([0, 1, -1]),
        "back": np.array([shape.batch, shape.channels, shape.frames]),
        "scale": np.ones(1, np.float32),
        "shift": np.zeros(1, np.float32),
        "w": weights[0][:, None],
        "b": weights[1][:, None],
    }
    nodes = [
        helper.make_node("Reshape", ["x", "one"], ["flat"]),
        helper.make_node(
            "InstanceNormalization",
            ["flat", "scale", "shift"],
            ["n"],
            epsilon=plain.EPSILON,
        ),
        helper.make_node("Reshape", ["n", "back"], ["s"]),
        helper.make_node("Mul", ["s", "w"], ["m"]),
        helper.make_node("Add", ["m", "b"], ["y"]),
    ]
    return nodes, constants


def _model(x: Array, nodes: list[NodeProto], constants: Mapping[str, Array]) -> bytes:
    tensors = [
        numpy_helper.from_array(np.ascontiguousarray(value), name)
        for name, value in constants.items()
    ]
    kind = TensorProto.FLOAT
    ends = (
        [helper.make_tensor_value_info("x", kind, x.shape)],
        [helper.make_tensor_value_info("y", kind, None)],
    )
    graph = helper.make_graph(nodes, "trial", *ends, tensors)
    opsets = [helper.make_opsetid("", OPSET)]
    made = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
    return bytes(made.SerializeToString())
