"""Log-mel and MFCC features: 93 numbers every 10 ms.

Axes: `B` utterances, `S` samples at 16 kHz, `T` frames.

Both halves share one short-time Fourier transform, because the MFCC are the
discrete cosine transform of the very log-mel energies beside them.
"""

from collections.abc import Sequence

import torch
import torchaudio
from torch import Tensor, nn

from workloads.feeding.mel import PaddedLogMel, without_padding

WINDOW = 512  # 32 ms
MELS = 80
MFCCS = 13
FEATURES = MELS + MFCCS  # 93


class LogMelMfcc(nn.Module):
    """Features of several utterances at once, each as if it were alone."""

    name = "logmel-mfcc"
    width = FEATURES
    dct: Tensor  # (80, 13)

    def __init__(self) -> None:
        super().__init__()
        self.log_mel = PaddedLogMel(MELS, WINDOW)
        dct = torchaudio.functional.create_dct(MFCCS, MELS, norm="ortho")
        self.register_buffer("dct", dct)

    @torch.no_grad()
    def forward(self, waveforms: Sequence[Tensor]) -> list[Tensor]:
        """`waveforms`: (S_i,) each; returns (1 + S_i // 160, 93) each."""
        log_mel = self.log_mel(waveforms)  # (B, T, 80)
        mfcc = log_mel @ self.dct  # (B, T, 13)
        return without_padding(torch.cat([log_mel, mfcc], dim=2), waveforms)
