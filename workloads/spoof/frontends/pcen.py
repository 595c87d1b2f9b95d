"""Per-channel energy normalisation, whose every number is learned.

Axes: `B` utterances, `T` frames, `C` filters.

Y. Wang et al., "Trainable frontend for robust and far-field keyword spotting", 2017,
eq. 1 and 2, as N. Zeghidour et al., "LEAF: a learnable frontend for audio
classification", 2021, have it: each channel has its own smoothing.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FLOOR = 1e-12
SMOOTHING, GAIN, OFFSET, ROOT = 0.04, 0.96, 2.0, 2.0
BLOCK = 21  # frames, the root of 401: a block's last value goes into the next


class Pcen(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.smoothing = nn.Parameter(torch.full((channels,), SMOOTHING))
        self.gain = nn.Parameter(torch.full((channels,), GAIN))
        self.offset = nn.Parameter(torch.full((channels,), OFFSET))
        self.root = nn.Parameter(torch.full((channels,), ROOT))

    def forward(self, power: Tensor) -> Tensor:
        """`power` (B, T, C) to the same shape."""
        gain, inverse = self.gain.clamp(max=1), 1 / self.root.clamp(min=1)
        smooth = smoothed(power, self.smoothing.clamp(0, 1))
        level = power * (FLOOR + smooth) ** -gain
        return (level + self.offset) ** inverse - self.offset**inverse


def smoothed(power: Tensor, rate: Tensor) -> Tensor:
    """m[t] = (1 - rate) m[t - 1] + rate power[t], and m[0] = power[0]: (B, T, C) to the
    same shape; rates (C,).

    In two levels of products with triangular matrices, of blocks of frames and of what
    each hands to the next: frame after frame would be 400 steps.
    """
    T = power.shape[1]
    blocks = (T + BLOCK - 1) // BLOCK  # of a negative number ONNX rounds up
    decay = (1 - rate).unsqueeze(1)  # (C, 1)
    x = torch.cat([power[:, :1], power[:, 1:] * rate], 1).transpose(1, 2)
    x = F.pad(x, (0, blocks * BLOCK - T)).unflatten(2, (blocks, BLOCK))  # (B, C, N, L)
    within = x @ _powers(decay, BLOCK).transpose(1, 2)
    last = within[..., -1]  # (B, C, N)
    carried = (last.unsqueeze(2) @ _powers(decay**BLOCK, blocks).transpose(1, 2))[
        :, :, 0
    ]
    before = F.pad(carried[..., :-1], (1, 0)).unsqueeze(3)
    steps = torch.arange(1, BLOCK + 1, device=power.device)
    whole = within + before * (decay**steps).unsqueeze(1)
    return whole.flatten(2)[..., :T].transpose(1, 2)


def _powers(decay: Tensor, size: int) -> Tensor:
    """decay^(i - j) on and below the diagonal, 0 above: (C, size, size)."""
    places = torch.arange(size, device=decay.device)
    apart = places.unsqueeze(1) - places
    powers = decay.unsqueeze(2) ** apart.clamp(min=0)
    return powers * (apart >= 0)
