"""The layers of a model that is prepared for quantization, and a choice of some."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workloads.compression.graph import weighted_nodes, weights_of

CLIPPING = ("Relu", "Clip")  # the library makes them one with the layer before them
KEPT = {"none": (0, 0), "first": (1, 0), "edges": (2, 2)}  # of the first and the last


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


def all_but(only: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    """The names that are not among `only`.

    Raises ValueError where `only` is empty or holds others.

    >>> all_but(["b"], ["a", "b", "c"])
    ('a', 'c')
    """
    unknown = sorted(set(only) - set(names))
    if unknown or not only:
        raise ValueError(
            f"no layer is called {', '.join(unknown) or 'nothing'}: give one or more "
            f"of {', '.join(names)}"
        )
    return tuple(name for name in names if name not in only)


def other_nodes(model: Any) -> list[str]:
    """All without weights, such as sums, which would be quantized beside the layers."""
    weighted = {node.name for node in weighted_nodes(model)}
    return [
        node.name
        for node in model.graph.node
        if node.name not in weighted and node.op_type not in CLIPPING
    ]
