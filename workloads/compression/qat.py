"""Quantization-aware training: a model that computes as if it were in int8.

B. Jacob et al., "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference", 2018. torchao's modules round the weights (int8,
symmetric, a scale per output channel) and the inputs (uint8, one scale, from a moving
average of their range) of each layer, and let the gradient pass: the arithmetic of
`int8-static`, which is what a model so trained is then converted by. It leaves LSTMs in
float, and so do these.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torchao.quantization.pt2e import (
    FusedMovingAvgObsFakeQuantize,
    MovingAverageMinMaxObserver,
    MovingAveragePerChannelMinMaxObserver,
)

LAYERS = (nn.Conv1d, nn.Conv2d, nn.Linear)


@contextmanager
def simulated_int8(model: nn.Module) -> Iterator[nn.Module]:
    """Within, `model` computes as if quantized, and trains so; after, its weights are
    plain again, and hold what was learnt.

    Raises ValueError for a model without a layer to quantize.
    """
    layers = [module for module in model.modules() if isinstance(module, LAYERS)]
    if not layers:
        kinds = " or ".join(kind.__name__ for kind in LAYERS)
        raise ValueError(f"no {kinds} in {type(model).__name__}: nothing to quantize")
    hooks = [layer.register_forward_pre_hook(_RoundedInput()) for layer in layers]
    for layer in layers:
        parametrize.register_parametrization(layer, "weight", _weights())
    try:
        yield model
    finally:
        for layer, hook in zip(layers, hooks, strict=True):
            hook.remove()
            parametrize.remove_parametrizations(
                layer, "weight", leave_parametrized=False
            )


def _weights() -> nn.Module:
    return FusedMovingAvgObsFakeQuantize(
        observer=MovingAveragePerChannelMinMaxObserver,
        quant_min=-127,
        quant_max=127,
        dtype=torch.int8,
        qscheme=torch.per_channel_symmetric,
        ch_axis=0,
    )


class _RoundedInput:
    """A hook; the range that it has seen so far is its own."""

    def __init__(self) -> None:
        self._fake = FusedMovingAvgObsFakeQuantize(
            observer=MovingAverageMinMaxObserver,
            quant_min=0,
            quant_max=255,
            dtype=torch.uint8,
            qscheme=torch.per_tensor_affine,
        )

    def __call__(self, layer: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor]:
        self._fake.enable_observer(layer.training)
        return (self._fake(inputs[0]),)
