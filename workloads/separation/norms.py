"""Global layer normalisation.

Axes: `B` utterances, `N` channels; any others between or behind them. Channels are
neighbours in memory, wherever their axis is.

Y. Luo, N. Mesgarani, "Conv-TasNet: Surpassing Ideal Time-Frequency Magnitude Masking
for Speech Separation", 2019, eq. 14: mean and variance over channels and time, gain and
bias of each channel.
"""

from math import prod

import torch
from torch import Tensor, nn

EPS = 1e-8


class GlobalLayerNorm(nn.Module):
    """`counted` channels are those that mean and variance are taken over: more than
    there are, where channels that were zero throughout have been taken out.

    `axis` is that of the channels: 1 (B, N, ...), or -1 (B, ..., N).
    """

    def __init__(self, channels: int, axis: int = 1, counted: int | None = None):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.axis = axis
        self.counted = channels if counted is None else counted

    def forward(self, x: Tensor) -> Tensor:
        """`x` (B, ...) to the same shape."""
        # Moments of what lies together first: it is reduced many times as fast as the
        # rest, and on all cores; moments about zero, so that channels that are gone
        # only count.
        together, along = (x, self.axis)
        if torch.onnx.is_in_onnx_export():  # other runtimes have the channels apart
            together, along = (x.flatten(2), 2)
        sums = together.sum(along).flatten(1)
        norms = torch.linalg.vector_norm(together, dim=along).flatten(1)
        length = prod(x.shape[1:]) * self.counted / len(self.weight)
        mean = sums.sum(1) / length
        square = norms.square().sum(1) / length
        variance = (square - mean.square()).clamp(min=0)
        shape = [1] * x.ndim
        shape[self.axis] = len(self.weight)
        batch = [-1] + [1] * (x.ndim - 1)
        scale = self.weight.view(shape) * torch.rsqrt(variance + EPS).view(batch)
        # One pass over x, which is far larger than a cache.
        return torch.addcmul(self.bias.view(shape) - mean.view(batch) * scale, x, scale)
