"""Log-mel and MFCC features: 93 numbers every 10 ms.

Axes: `B` utterances, `S` samples at 16 kHz, `T` frames.
"""

from collections.abc import Sequence

import torch
import torchaudio
from torch import Tensor

from workloads.feeding.mel import LogMel

NAME = "logmel-mfcc"
WINDOW = 512  # 32 ms
MELS = 80
MFCCS = 13
FEATURES = MELS + MFCCS  # 93


class LogMelMfcc(LogMel):
    """The MFCC are the discrete cosine transform of the log-mel energies beside them:
    both halves share one short-time Fourier transform."""

    dct: Tensor  # (80, 13)

    def __init__(self) -> None:
        super().__init__(MELS, WINDOW)
        self.name, self.width = NAME, FEATURES
        dct = torchaudio.functional.create_dct(MFCCS, MELS, norm="ortho")
        self.register_buffer("dct", dct)

    def padded(self, waveforms: Sequence[Tensor]) -> Tensor:
        """(B, T, 93)."""
        log_mel = super().padded(waveforms)
        return torch.cat([log_mel, log_mel @ self.dct], dim=2)
