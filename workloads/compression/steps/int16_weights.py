"""Weights of 16 bits, which become float again when a session loads the model."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workloads.compression.graph import output_axis, weighted_nodes, weights_of
from workloads.compression.step import FileStep, PreparedFile


@dataclass(frozen=True)
class Int16Weights(FileStep):
    """Weights are integers with a scale for each output channel, and float again at
    once: by Cast and Mul, which every runtime folds into constants when it loads the
    model. ONNX Runtime would run a DequantizeLinear again for each utterance."""

    base = "int16-weights"
    summary = "weights of 16 bits, which are multiplied in fp32"
    rounds_to = "int16"

    def write(self, file: PreparedFile, out: Path) -> None:
        import onnx
        from onnx import TensorProto, helper, numpy_helper

        model = onnx.load(file.path)
        graph = model.graph
        tensors = {tensor.name: tensor for tensor in graph.initializer}
        kept = file.excluded
        nodes = [node for node in weighted_nodes(model) if node.name not in kept]
        owners = {name: node for node in nodes for name in weights_of(node)}
        for name, node in owners.items():
            weights = tensors[name]
            axis = output_axis(node, len(weights.dims))
            values, scale = int16_per_channel(numpy_helper.to_array(weights), axis)
            integers, whole, scales = f"{name}_int16", f"{name}_whole", f"{name}_scale"
            graph.initializer.remove(weights)
            graph.initializer.append(numpy_helper.from_array(values, integers))
            graph.initializer.append(numpy_helper.from_array(scale, scales))
            cast = helper.make_node("Cast", [integers], [whole], to=TensorProto.FLOAT)
            graph.node.insert(0, cast)
            graph.node.insert(1, helper.make_node("Mul", [whole, scales], [name]))
        onnx.save(model, out)


def int16_per_channel(
    weights: NDArray[np.float32], axis: int
) -> tuple[NDArray[np.int16], NDArray[np.float32]]:
    """Whole numbers of -32767 to 32767, and the scales to multiply them with."""
    others = tuple(other for other in range(weights.ndim) if other != axis)
    largest = np.abs(weights).max(axis=others, keepdims=True)
    scale = (np.where(largest > 0, largest, 1) / 32767).astype(np.float32)
    return np.rint(weights / scale).clip(-32767, 32767).astype(np.int16), scale
