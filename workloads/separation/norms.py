"""Global layer normalisation.

Axes: `B` utterances, `N` channels; any others between or behind them. Channels are
neighbours in memory, wherever their axis is.

Y. Luo, N. Mesgarani, "Conv-TasNet: Surpassing Ideal Time-Frequency Magnitude Masking
for Speech Separation", 2019, eq. 14: mean and variance over channels and time, gain and
bias of each channel.
"""

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
        # Moments over channels first: torch reduces what lies together many times as
        # fast as the rest, and on all cores; moments about zero, so that channels that
        # are gone only count.
        sums = x.sum(self.axis).flatten(1)  # (B, all but the channels)
        norms = torch.linalg.vector_norm(x, dim=self.axis).flatten(1)
        length = sums.shape[1] * self.counted
        mean = sums.sum(1) / length
        square = norms.square().sum(1) / length
        variance = (square - mean.square()).clamp(min=0)
        shape = [1] * x.ndim
        shape[self.axis] = len(self.weight)
        batch = [-1] + [1] * (x.ndim - 1)
        scale = self.weight.view(shape) * torch.rsqrt(variance + EPS).view(batch)
        # One pass over x, which is far larger than a cache.
        return torch.addcmul(self.bias.view(shape) - mean.view(batch) * scale, x, scale)
