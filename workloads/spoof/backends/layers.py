"""What both back-ends are made of.

Axes: `B` utterances, `C` channels, `T` frames. Frames are rows (B, C, 1, T) of which
the channels of a frame are neighbours in memory.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from workloads.frame_convolution import FrameConv1d

VARIANCE_FLOOR = 1e-12


class TdnnLayer(nn.Module):
    """A convolution over frames, a ReLU and a batch norm; as many frames come out."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, dilation: int = 1):
        super().__init__()
        padding = dilation * (kernel - 1) // 2
        self.conv = FrameConv1d(
            inputs, outputs, kernel, padding=padding, dilation=dilation
        )
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """`x` (B, C, 1, T)."""
        return self.norm(torch.relu(self.conv(x)))


def moments(x: Tensor, weights: Tensor | None = None) -> Tensor:
    """Mean and standard deviation over frames of x (B, C, 1, T), under weights of the
    same shape that sum to 1 over frames, or evenly: (B, 2 C). In fp32 at least:
    of a variance, a difference of squares, half precision would leave little."""
    kind = x.dtype
    if kind in (torch.bfloat16, torch.float16):
        x = x.float()
    if weights is None:
        mean, square = x.mean(3), x.square().mean(3)
    else:
        mean, square = (x * weights).sum(3), (x.square() * weights).sum(3)
    deviation = (square - mean.square()).clamp(min=VARIANCE_FLOOR).sqrt()
    return torch.cat([mean, deviation], 1).flatten(1).to(kind)
