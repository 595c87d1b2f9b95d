"""What a model costs, whatever was done to its layers.

Axes: `B` sequences, `L` their length.
"""

from collections.abc import Callable
from copy import deepcopy
from functools import partial
from math import prod
from typing import Any

import torch
from torch import Tensor, nn


def macs_of_layers(model: nn.Module, *shape: int) -> dict[str, int]:
    """Multiply-accumulates of each layer, by its path, for an input of this shape;
    biases and element-wise products left out. Raises ValueError for a layer whose
    weights are multiplied in a way that is not known here.

    Counted while a copy without data (meta device) runs: torch's own counter sees
    neither LSTM nor attention on a CPU, and takes minutes for an LSTM without data.
    """
    model = deepcopy(model).to("meta")
    counts: dict[str, int] = {}

    def count(path: str, layer: nn.Module, inputs: tuple[Any, ...], made: Any) -> None:
        counts[path] = counts.get(path, 0) + _cost(layer, inputs[0], made)

    for path, layer in model.named_modules():
        _check_known(path, layer)
        layer.register_forward_hook(partial(count, path))
        if isinstance(layer, nn.LSTM):
            layer.forward = partial(_shape_of_lstm, layer)  # type: ignore
    with torch.inference_mode():
        model(torch.empty(shape, device="meta"))
    return counts


def macs_of(model: nn.Module, *shape: int) -> int:
    """Multiply-accumulates of all layers together."""
    return sum(macs_of_layers(model, *shape).values())


def _check_known(path: str, layer: nn.Module) -> None:
    """Before a model runs: torch's fast paths call no layers of the layers within."""
    if hasattr(layer, "macs_besides") or isinstance(layer, tuple(COSTS)):
        return
    if any(p.ndim > 1 for p in layer.parameters(recurse=False)):
        raise ValueError(
            f"{path or 'the model'} is a {type(layer).__name__}, whose "
            "multiply-accumulates are not known: give it macs_besides"
        )


def _cost(layer: Any, x: Any, output: Any) -> int:
    """A layer of our own has `macs_besides`, what it multiplies besides its parts."""
    if hasattr(layer, "macs_besides"):
        return int(layer.macs_besides(x))
    kinds = (cost for kind, cost in COSTS.items() if isinstance(layer, kind))
    return next((cost(layer, x, output) for cost in kinds), 0)


def _convolution(layer: Any, _: Tensor, output: Tensor) -> int:
    return output.numel() * layer.in_channels // layer.groups * prod(layer.kernel_size)


def _transposed(layer: Any, x: Tensor, _: Tensor) -> int:
    return x.numel() * layer.out_channels // layer.groups * prod(layer.kernel_size)


def _linear(layer: Any, _: Tensor, output: Tensor) -> int:
    return output.numel() * int(layer.in_features)


def _lstm(layer: Any, x: Tensor, _: Any) -> int:
    matrices = (p.shape for p in layer.parameters() if p.ndim == 2)
    return x.shape[0] * x.shape[1] * sum(map(prod, matrices))


def _shape_of_lstm(layer: nn.LSTM, x: Tensor) -> tuple[Tensor, None]:
    width = layer.hidden_size * (1 + layer.bidirectional)
    return x.new_empty(*x.shape[:2], width), None


COSTS: dict[type[nn.Module], Callable[[Any, Any, Any], int]] = {
    nn.Conv1d: _convolution,
    nn.Conv2d: _convolution,
    nn.ConvTranspose1d: _transposed,
    nn.Linear: _linear,
    nn.LSTM: _lstm,
    nn.Embedding: lambda *_: 0,  # rows are looked up
}
