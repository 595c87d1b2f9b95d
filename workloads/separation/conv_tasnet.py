"""Conv-TasNet: masks from dilated convolutions in the time domain.

Axes: `B` utterances, `S` samples, `N` filters, `T` frames, `C` sources.

Y. Luo, N. Mesgarani, "Conv-TasNet: Surpassing Ideal Time-Frequency Magnitude Masking
for Speech Separation", 2019: non-causal, global layer normalisation, skip connections.
Deviations, as in the sizes that Božić (2024) compresses: encoder and decoder have
biases, the encoder is linear, masks pass a ReLU in place of a sigmoid. The last block
has no residual convolution: nobody would read its output.
"""

import torch
from torch import Tensor, nn

from workloads.frame_convolution import FrameConv1d
from workloads.separation.framing import Decoder, Separator
from workloads.separation.norms import GlobalLayerNorm
from workloads.separation.sizes import ConvTasNetSize


class ConvTasNet(Separator):
    size: ConvTasNetSize

    def __init__(self, size: ConvTasNetSize) -> None:
        super().__init__(size)
        N, B = size.framing.filters, size.bottleneck
        self.norm = GlobalLayerNorm(N)
        self.bottleneck = FrameConv1d(N, B, 1)
        count = size.repeats * size.blocks
        self.blocks = nn.ModuleList(
            Block(size, 2 ** (i % size.blocks), i < count - 1) for i in range(count)
        )
        self.prelu = nn.PReLU()
        self.mask = FrameConv1d(size.skip, size.sources * N, 1)
        self.decoder = Decoder(size.framing)

    def masks(self, frames: Tensor) -> Tensor:
        x = self.bottleneck(self.norm(frames))
        skips = []
        for block in self.blocks:
            x, skip = block(x)
            skips.append(skip)
        total = skips[0]
        for skip in skips[1:]:
            total = total + skip
        masks = torch.relu(self.mask(self.prelu(total)))  # (B, C * N, T)
        return masks.unflatten(1, (self.size.sources, -1))


class Block(nn.Module):
    """A depth-wise separable convolution between two norms (the paper's fig. 1C)."""

    def __init__(self, size: ConvTasNetSize, dilation: int, residual: bool) -> None:
        super().__init__()
        B, H = size.bottleneck, size.hidden
        padding = dilation * (size.kernel - 1) // 2
        self.expand = FrameConv1d(B, H, 1)
        self.prelu_1 = nn.PReLU()
        self.norm_1 = GlobalLayerNorm(H)
        self.depthwise = FrameConv1d(
            H, H, size.kernel, padding=padding, dilation=dilation, groups=H
        )
        self.prelu_2 = nn.PReLU()
        self.norm_2 = GlobalLayerNorm(H)
        self.residual = FrameConv1d(H, B, 1) if residual else None
        self.skip = FrameConv1d(H, size.skip, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """`x` (B, bottleneck, T) to the next block's input, and what is summed."""
        hidden = self.norm_1(self.prelu_1(self.expand(x)))
        hidden = self.norm_2(self.prelu_2(self.depthwise(hidden)))
        if self.residual is not None:
            x = x + self.residual(hidden)
        return x, self.skip(hidden)
