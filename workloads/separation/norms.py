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
        # Moments of what lies together first: it is reduced many times as fast as the
        # rest, and on all cores; moments about zero, so that channels that are gone
        # only count.
        together, along = (x, self.axis)
        if torch.onnx.is_in_onnx_export():  # other runtimes have the channels apart
            together, along = (x.flatten(2), 2)
        # Means of means, never sums: fp16 ends at 65,504, which is fewer than the
        # entries of four seconds. From here on in fp32, for EPS is zero in fp16.
        present = len(self.weight) / self.counted
        means = together.mean(along).flatten(1).float()
        norms = torch.linalg.vector_norm(together, dim=along).flatten(1).float()
        roots = norms * together.shape[along] ** -0.5  # of the mean square
        mean = means.mean(1) * present
        square = roots.square().mean(1) * present
        variance = (square - mean.square()).clamp(min=0)
        shape = [1] * x.ndim
        shape[self.axis] = len(self.weight)
        batch = [-1] + [1] * (x.ndim - 1)
        scale = self.weight.view(shape) * torch.rsqrt(variance + EPS).view(batch)
        shift = self.bias.view(shape) - mean.view(batch) * scale
        # One pass over x, which is far larger than a cache.
        return torch.addcmul(shift.to(x.dtype), x, scale.to(x.dtype))
