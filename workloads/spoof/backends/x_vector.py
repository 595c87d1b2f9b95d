"""`x-vector`: time-delay layers, and statistics of their frames.

Axes: `B` utterances, `F` features, `T` frames, `E` numbers of an embedding.

D. Snyder, D. Garcia-Romero, G. Sell, D. Povey, S. Khudanpur, "X-vectors: robust DNN
embeddings for speaker recognition", 2018, with the sizes of Fu et al., "FastAudio",
2022. Deviation, as there: frames are padded, so that as many come out as go in.
"""

from __future__ import annotations

from torch import Tensor, nn

from workloads.spoof.backends.layers import TdnnLayer, moments
from workloads.spoof.sizes import FILTERS, XVectorSize


class XVector(nn.Module):
    def __init__(self, size: XVectorSize) -> None:
        super().__init__()
        widths = (FILTERS, *size.channels)
        self.layers = nn.Sequential(
            *map(TdnnLayer, widths, size.channels, size.kernels, size.dilations)
        )
        self.embedding = nn.Linear(2 * widths[-1], size.embedding)

    def forward(self, x: Tensor) -> Tensor:
        """`x` (B, F, 1, T) to (B, E)."""
        embedded: Tensor = self.embedding(moments(self.layers(x)))
        return embedded
