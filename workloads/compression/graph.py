"""What a graph of ONNX says about its layers, and a choice of some."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CLIPPING = ("Relu", "Clip")  # the library makes them one with the layer before them
KEPT = {"none": (0, 0), "first": (1, 0), "edges": (2, 2)}  # of the first and the last
WEIGHTED = ("Conv", "ConvTranspose", "MatMul", "Gemm", "LSTM")
_UNPACKING = ("DequantizeLinear", "Cast", "Mul")  # from stored weights to used ones


@dataclass(frozen=True)
class Layer:
    """A node that computes with stored weights of this shape; those of an LSTM's states
    lie behind those of its inputs."""

    name: str
    operator: str
    shape: tuple[int, ...]

    @property
    def weights(self) -> int:
        """How many there are.

        >>> Layer("node_conv1d", "Conv", (64, 40, 48)).weights
        122880
        """
        return math.prod(self.shape)


def load_onnx(path: Path) -> Any:
    """The model of a file; raises ValueError if there is none."""
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load(path)
        onnx.checker.check_model(model)
    except (OSError, DecodeError, onnx.checker.ValidationError) as error:
        raise ValueError(
            f"cannot read an ONNX model from {path}: {error!r}; export it anew"
        ) from error
    return model


def model_input(model: Any, path: Path) -> tuple[str, int | None]:
    """Name and width F of a model's only input (B, T, F); None where F is free."""
    import onnx

    stored = {tensor.name for tensor in model.graph.initializer}
    inputs = [x for x in model.graph.input if x.name not in stored]
    kinds = [x.type.tensor_type for x in inputs]
    if [(k.elem_type, len(k.shape.dim)) for k in kinds] != [
        (onnx.TensorProto.FLOAT, 3)
    ]:
        raise ValueError(
            f"{path} has the inputs {[x.name for x in inputs]}, "
            "expected a single one of floats and three axes (batch, frames, features)"
        )
    width = kinds[0].shape.dim[2]
    return inputs[0].name, width.dim_value if width.HasField("dim_value") else None


def weighted_nodes(model: Any) -> list[Any]:
    """The nodes that compute with stored weights, in the graph's order."""
    stored = {tensor.name for tensor in model.graph.initializer}
    makers = {node.output[0]: node for node in model.graph.node}
    return [
        node
        for node in model.graph.node
        if node.op_type in WEIGHTED and _stored_name(node.input[1], makers) in stored
    ]


def weights_of(node: Any) -> list[str]:
    """Names of a layer's weights: of an LSTM, those of its inputs and of its states."""
    return list(node.input[1:3] if node.op_type == "LSTM" else node.input[1:2])


def _stored_name(name: str, makers: dict[str, Any]) -> str:
    """Of the tensor from which a weight is unpacked."""
    while name in makers and makers[name].op_type in _UNPACKING:
        name = makers[name].input[0]
    return name


def float_layers(model: Any) -> list[Any]:
    """The layers that store their weights in float."""
    from onnx import TensorProto

    makers = {node.output[0]: node for node in model.graph.node}
    kinds = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    return [
        node
        for node in weighted_nodes(model)
        if kinds[_stored_name(node.input[1], makers)] == TensorProto.FLOAT
    ]


def output_axis(node: Any, axes: int) -> int:
    """Which axis of a layer's weights counts its output channels (of an LSTM, those of
    its gates, which both directions share)."""
    if node.op_type == "MatMul":
        return axes - 1
    if node.op_type == "Gemm":
        return 1 - next((a.i for a in node.attribute if a.name == "transB"), 0)
    return 1 if node.op_type in ("ConvTranspose", "LSTM") else 0


def layers_in(model: Any) -> tuple[Layer, ...]:
    """In the graph's order."""
    shapes = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    layers = []
    for node in weighted_nodes(model):
        parts = [shapes[name] for name in weights_of(node)]
        last = sum(shape[-1] for shape in parts)
        layers.append(Layer(node.name, node.op_type, (*parts[0][:-1], last)))
    return tuple(layers)


def kept_layers(names: Sequence[str], keep: str) -> tuple[str, ...]:
    """Of the compute layers in the graph's order, those that stay in float.

    >>> kept_layers(["a", "b", "c", "d", "e"], "edges")
    ('a', 'b', 'd', 'e')
    """
    first, last = KEPT[keep]
    tail = max(first, len(names) - last)
    return (*names[:first], *names[tail:])


def as_matmul(names: Sequence[str]) -> list[str]:
    """To quantize dynamically, the library first makes a MatMul of each Gemm, under
    this other name."""
    return [f"{name}_MatMul" for name in names]
