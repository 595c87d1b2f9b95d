"""TasNet: masks from bidirectional LSTMs in the time domain.

Axes: `B` utterances, `S` samples, `N` filters, `T` frames, `C` sources.

Y. Luo, N. Mesgarani, "TaSNet: Time-Domain Audio Separation Network for Real-Time,
Single-Channel Speech Separation", 2018. Deviations, as in the sizes that Božić (2024)
compresses: encoder and decoder have biases, windows overlap by half, one global layer
norm in place of the normalised windows, no shortcut between LSTMs, sigmoid masks.
"""

import torch
from torch import Tensor, nn

from workloads.separation.framing import Decoder, Separator, encoded, encoder
from workloads.separation.norms import GlobalLayerNorm
from workloads.separation.sizes import LstmTasNetSize


class LstmTasNet(Separator):
    size: LstmTasNetSize

    def __init__(self, size: LstmTasNetSize) -> None:
        super().__init__(size)
        N, H = size.framing.filters, size.hidden
        self.encoder_gate = encoder(size.framing)
        self.norm = GlobalLayerNorm(N)
        self.lstm = nn.LSTM(
            N,
            H,
            size.layers,
            batch_first=True,
            bidirectional=True,
            dropout=size.dropout,
        )
        self.mask = nn.Linear(2 * H, size.sources * N)
        self.decoder = Decoder(size.framing)

    def frames(self, windows: Tensor) -> Tensor:
        gate = torch.sigmoid(encoded(windows, self.encoder_gate))
        return torch.relu(super().frames(windows)) * gate

    def masks(self, frames: Tensor) -> Tensor:
        hidden, _ = self.lstm(self.norm(frames).transpose(1, 2))
        masks = torch.sigmoid(self.mask(hidden))  # (B, T, C * N)
        return masks.transpose(1, 2).unflatten(1, (self.size.sources, -1))
