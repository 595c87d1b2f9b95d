"""Convolution over time of frames that lie one after the other in memory.

Axes: `B` utterances, `I` input and `O` output channels, `T` frames.
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class FrameConv1d(nn.Conv1d):
    """An nn.Conv1d for input (B, I, T) of which the channels of a frame are neighbours
    in memory; so are those of its output. Input that lies otherwise gives the same.

    `padding` is a number, of zeros.

    nn.Conv1d would move such an input to where the frames of a channel are neighbours.
    As two-dimensional convolution over a single row, nothing is moved: one of a single
    tap is a product of matrices.
    """

    def forward(self, x: Tensor) -> Tensor:
        if torch.onnx.is_in_onnx_export():  # other runtimes choose layouts themselves
            return super().forward(x)
        row, weight = x.unsqueeze(2), self.weight.unsqueeze(2)
        padding = cast(tuple[int], self.padding)[0]
        if padding:
            # Before the convolution: oneDNN's fast kernels pad a few frames at most,
            # and the others took 8 times as long at a dilation of 8, 30 times at 128.
            row = F.pad(row, (padding, padding))
        steps = ((1, *self.stride), 0, (1, *self.dilation), self.groups)
        return F.conv2d(row, weight, self.bias, *steps).squeeze(2)
