"""Global layer normalisation.

Axes: `B` utterances, `N` channels; any others between or behind them.

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
        # Moments of long rows first: torch reduces them many times as fast as the
        # whole, and on all cores; moments about zero, so that channels that are gone
        # only count.
        rows = x.flatten(2)
        length = rows.shape[1] * rows.shape[2] * self.counted / len(self.weight)
        mean = rows.sum(2).sum(1) / length
        square = torch.linalg.vector_norm(rows, dim=2).square().sum(1) / length
        variance = (square - mean.square()).clamp(min=0)
        shape = [1] * x.ndim
        shape[self.axis] = len(self.weight)
        batch = [-1] + [1] * (x.ndim - 1)
        scale = self.weight.view(shape) * torch.rsqrt(variance + EPS).view(batch)
        # One pass over x, which is far larger than a cache.
        return torch.addcmul(self.bias.view(shape) - mean.view(batch) * scale, x, scale)
