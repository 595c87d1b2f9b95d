"""Convolution over time of frames that lie one after the other in memory.

Axes: `B` utterances, `I` input and `O` output channels, `T` frames, `K` taps.
"""

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from workloads.few_channels import padded_channels


class FrameConv1d(nn.Conv1d):
    """An nn.Conv1d for input (B, I, T) of which the channels of a frame are neighbours
    in memory; so are those of its output. Input that lies otherwise gives the same.
    Input (B, I, 1, T), a row, gives a row: several layers then need no views between.

    `padding` is a number, of zeros.

    nn.Conv1d would move such an input to where the frames of a channel are neighbours,
    and its weights in every call: of bf16 ones, that takes longer than many a
    convolution. As two-dimensional convolution over a single row, with weights
    (O, I, K) of which the channels of a tap are neighbours, nothing is moved, or
    little; one of a single tap is a product of matrices.

    Few channels in bf16 are filled up (`few_channels`): AMX computes them wrongly.
    """

    def __init__(self, *sizes: Any, device: Any = None, **options: Any) -> None:
        super().__init__(*sizes, device=device, **options)  # type: ignore[misc]
        with torch.no_grad():
            tap_by_tap = self.weight.transpose(1, 2).contiguous().transpose(1, 2)
        self.weight = nn.Parameter(tap_by_tap)

    def forward(self, x: Tensor) -> Tensor:
        if torch.onnx.is_in_onnx_export():  # other runtimes choose layouts themselves
            return super().forward(x)
        if x.ndim == 4 or _is_misjudged_as_row(x):
            return self._convolved(x)
        return self._convolved(x.unsqueeze(2)).squeeze(2)

    def _convolved(self, x: Tensor) -> Tensor:
        """(B, I, T) to (B, O, T), or (B, I, 1, T) to (B, O, 1, T)."""
        weight = self.weight if x.ndim == 3 else self.weight.unsqueeze(2)
        padding, dilation = cast(tuple[int], self.padding)[0], self.dilation[0]
        if padding and dilation > 1:
            # Before the convolution: oneDNN's fast kernels pad less than a kernel of
            # neighbouring taps, and the others took 8 times as long at a dilation of
            # 8, 30 times at 128. What they pad themselves is not copied.
            x, padding = F.pad(x, (padding, padding)), 0
        if self.groups == 1:
            x, weight = padded_channels(x, weight, self.stride[0])
        if x.ndim == 3:
            steps = (self.stride[0], padding, dilation, self.groups)
            return F.conv1d(x, weight, self.bias, *steps)
        row_steps = ((1, *self.stride), (0, padding), (1, dilation), self.groups)
        return F.conv2d(x, weight, self.bias, *row_steps)


def _is_misjudged_as_row(x: Tensor) -> bool:
    """Whether torch.compile would end with "incorrect fake kernel" over a row of x
    (B, I, T): of one utterance on a CPU, it takes the channels of the output for
    neighbours where they are not (torch 2.14). Larger batches are right, and exported
    graphs."""
    compiling = torch.compiler.is_compiling() and not torch.compiler.is_exporting()
    return compiling and x.shape[0] == 1 and x.device.type == "cpu"
