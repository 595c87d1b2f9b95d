"""A separator of any size."""

import torch
from torch import nn

from workloads.separation.conv_tasnet import ConvTasNet
from workloads.separation.dptnet import DptNet
from workloads.separation.lstm_tasnet import LstmTasNet
from workloads.separation.sizes import ConvTasNetSize, LstmTasNetSize, Size


def make(size: Size) -> nn.Module:
    """With random weights, in training mode."""
    if isinstance(size, ConvTasNetSize):
        return ConvTasNet(size)
    if isinstance(size, LstmTasNetSize):
        return LstmTasNet(size)
    return DptNet(size)


def parameter_counts(size: Size) -> dict[str, int]:
    """Of each kind of layer, weights and biases."""
    with torch.device("meta"):
        model = make(size)
    counts: dict[str, int] = {}
    for module in model.modules():
        own = sum(p.numel() for p in module.parameters(recurse=False))
        if own:
            kind = type(module).__name__
            counts[kind] = counts.get(kind, 0) + own
    return counts
