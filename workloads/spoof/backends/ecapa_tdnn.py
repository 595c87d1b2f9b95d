"""`ecapa-tdnn`: residual blocks of dilated convolutions in parts, and attention over
frames.

Axes: `B` utterances, `F` features, `C` channels, `T` frames, `E` numbers of an
embedding.

B. Desplanques, J. Thienpondt, K. Demuynck, "ECAPA-TDNN: emphasized channel attention,
propagation and aggregation in TDNN based speaker verification", 2020, with the sizes of
Fu et al., "FastAudio", 2022. Mean and deviation of the utterance, which attention sees
in every frame, are multiplied once.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from workloads.frame_convolution import FrameConv1d
from workloads.spoof.backends.layers import TdnnLayer, moments
from workloads.spoof.sizes import FILTERS, EcapaSize


class EcapaTdnn(nn.Module):
    def __init__(self, size: EcapaSize) -> None:
        super().__init__()
        self.first = TdnnLayer(FILTERS, size.channels, size.kernels[0])
        rest = zip(size.kernels[1:], size.dilations[1:], strict=True)
        self.blocks = nn.ModuleList(
            SeRes2Block(size, kernel, dilation) for kernel, dilation in rest
        )
        joined = size.channels * len(self.blocks)
        self.aggregate = TdnnLayer(joined, size.aggregated)
        self.pool = AttentivePooling(size.aggregated, size.bottleneck)
        self.norm = nn.BatchNorm1d(2 * size.aggregated)
        self.embedding = nn.Linear(2 * size.aggregated, size.embedding)

    def forward(self, x: Tensor) -> Tensor:
        """`x` (B, F, 1, T) to (B, E)."""
        x = self.first(x)
        made = []
        for block in self.blocks:
            x = block(x)
            made.append(x)
        pooled = self.pool(self.aggregate(torch.cat(made, 1)))
        embedded: Tensor = self.embedding(self.norm(pooled))
        return embedded


class SeRes2Block(nn.Module):
    """A Res2Net between two layers of single frames, then squeeze and excitation."""

    def __init__(self, size: EcapaSize, kernel: int, dilation: int) -> None:
        super().__init__()
        C = size.channels
        self.expand = TdnnLayer(C, C)
        self.parts = Res2Net(C, size.scale, kernel, dilation)
        self.merge = TdnnLayer(C, C)
        self.squeeze = nn.Linear(C, size.bottleneck)
        self.excite = nn.Linear(size.bottleneck, C)

    def forward(self, x: Tensor) -> Tensor:
        """`x` (B, C, 1, T)."""
        made = self.merge(self.parts(self.expand(x)))
        gain = self.excite(torch.relu(self.squeeze(made.mean(3).flatten(1))))
        return torch.addcmul(x, made, torch.sigmoid(gain)[:, :, None, None])


class Res2Net(nn.Module):
    """Channels in `scale` parts: the first stays, each further one is convolved, with
    what the one before gave added to it.

    S.-H. Gao et al., "Res2Net: a new multi-scale backbone architecture", 2021, fig. 2b.
    """

    def __init__(self, channels: int, scale: int, kernel: int, dilation: int) -> None:
        super().__init__()
        part = channels // scale
        self.layers = nn.ModuleList(
            TdnnLayer(part, part, kernel, dilation) for _ in range(scale - 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """`x` (B, C, 1, T)."""
        first, *parts = x.chunk(len(self.layers) + 1, 1)
        made = [first]
        for layer, part in zip(self.layers, parts, strict=True):
            made.append(layer(part if len(made) == 1 else part + made[-1]))
        return torch.cat(made, 1)


class AttentivePooling(nn.Module):
    """Mean and deviation over frames, each channel's under weights of its own."""

    def __init__(self, channels: int, bottleneck: int) -> None:
        super().__init__()
        self.of_frame = FrameConv1d(channels, bottleneck, 1)
        self.of_utterance = nn.Linear(2 * channels, bottleneck, bias=False)
        self.norm = nn.BatchNorm2d(bottleneck)
        self.weigh = FrameConv1d(bottleneck, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """`x` (B, C, 1, T) to (B, 2 C)."""
        context = self.of_utterance(moments(x))[:, :, None, None]
        hidden = self.norm(torch.relu(self.of_frame(x) + context))
        return moments(x, self.weigh(torch.tanh(hidden)).softmax(3))
