"""What a separator costs, whatever was done to its layers.

Axes: `B` sequences, `L` their length, `S` samples.
"""

from collections.abc import Callable
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from workloads.separation.attention import SelfAttention


def macs_of(model: nn.Module, samples: int) -> int:
    """Multiply-accumulates of an utterance of S samples, biases and element-wise
    products left out.

    Counted layer by layer while the model runs: torch's own counter sees neither LSTM
    nor attention on a CPU, and takes minutes for an LSTM without data (meta device).
    """
    total = 0

    def count(layer: nn.Module, inputs: tuple[Tensor, ...], output: Any) -> None:
        nonlocal total
        total += next(
            cost(layer, inputs[0], output)
            for kind, cost in COSTS.items()
            if isinstance(layer, kind)
        )

    hooks = [
        module.register_forward_hook(count)
        for module in model.modules()
        if isinstance(module, tuple(COSTS))
    ]
    try:
        with torch.inference_mode():
            model(torch.zeros(1, samples))
    finally:
        for hook in hooks:
            hook.remove()
    return total


def _convolution(layer: Any, _: Tensor, output: Tensor) -> int:
    return output.numel() * layer.in_channels // layer.groups * prod(layer.kernel_size)


def _transposed(layer: Any, x: Tensor, _: Tensor) -> int:
    return x.numel() * layer.out_channels // layer.groups * prod(layer.kernel_size)


def _linear(layer: Any, _: Tensor, output: Tensor) -> int:
    return output.numel() * int(layer.in_features)


def _lstm(layer: Any, x: Tensor, _: Any) -> int:
    matrices = (p.shape for p in layer.parameters() if p.ndim == 2)
    return x.shape[0] * x.shape[1] * sum(map(prod, matrices))


def _attention(layer: Any, x: Tensor, _: Tensor) -> int:
    """Queries with keys, weights with values; its layers are counted by themselves."""
    B, L = x.shape[:2]
    return 2 * B * L * L * layer.heads * int(layer.head_dim)


COSTS: dict[type[nn.Module], Callable[[Any, Any, Any], int]] = {
    nn.Conv1d: _convolution,
    nn.Conv2d: _convolution,
    nn.ConvTranspose1d: _transposed,
    nn.Linear: _linear,
    nn.LSTM: _lstm,
    SelfAttention: _attention,
}
