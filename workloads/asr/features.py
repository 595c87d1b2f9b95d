"""Log-mel and MFCC features: 93 numbers every 10 ms.

Axes: `B` utterances, `S` samples at 16 kHz, `T` frames, `F` features (80 + 13).

Both halves share one short-time Fourier transform, because the MFCC are the
discrete cosine transform of the very log-mel energies beside them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torchaudio
from torch import Tensor, nn
from torch.nn import functional as F

from workloads.corpora.utterance import HOP_SAMPLES, SAMPLE_RATE_HZ, frame_count

WINDOW = 512  # 32 ms
MELS = 80
MFCCS = 13
FEATURES = MELS + MFCCS  # 93
LOG_OFFSET = 1e-6  # as in torchaudio's MFCC(log_mels=True)


class LogMelMfcc(nn.Module):
    """Features of several utterances at once, each as if it were alone."""

    dct: Tensor  # (80, 13)

    def __init__(self) -> None:
        super().__init__()
        self.mel = torchaudio.transforms.MelSpectrogram(
            SAMPLE_RATE_HZ,
            n_fft=WINDOW,
            hop_length=HOP_SAMPLES,
            n_mels=MELS,
            center=False,
        )
        dct = torchaudio.functional.create_dct(MFCCS, MELS, norm="ortho")
        self.register_buffer("dct", dct)

    @torch.no_grad()
    def forward(self, waveforms: Sequence[Tensor]) -> list[Tensor]:
        """`waveforms`: (S_i,) each; returns (1 + S_i // 160, 93) each.

        Each is reflected at its own ends before they are padded to one length, so
        that an utterance's features do not depend on its neighbours.
        """
        half = WINDOW // 2
        for waveform in waveforms:
            if len(waveform) <= half:
                raise ValueError(
                    f"an utterance of {len(waveform)} samples is too short to be "
                    f"centred: it needs more than {half} (16 ms); drop it"
                )
        reflected = [F.pad(w[None], (half, half), mode="reflect")[0] for w in waveforms]
        padded = nn.utils.rnn.pad_sequence(reflected, batch_first=True)  # (B, S)
        log_mel = torch.log(self.mel(padded) + LOG_OFFSET).transpose(1, 2)
        mfcc = log_mel @ self.dct  # (B, T, 13)
        features = torch.cat([log_mel, mfcc], dim=2)  # (B, T, 93)
        counts = [frame_count(len(w)) for w in waveforms]
        return [f[:n] for f, n in zip(features, counts, strict=True)]


@dataclass(frozen=True, eq=False)
class Normaliser:
    """Per-feature shift and scale over the training set, each (93,) float32."""

    mean: np.ndarray
    std: np.ndarray

    def write(self, features: np.ndarray, out: np.ndarray) -> None:
        """Normalise `features` (T, 93) into `out` (T, 93)."""
        np.subtract(features, self.mean, out=out)
        np.divide(out, self.std, out=out)


class RunningMoments:
    """Mean and variance in one pass (Chan, Golub, LeVeque 1979), in float64."""

    def __init__(self, features: int = FEATURES) -> None:
        self.count = 0
        self.mean = np.zeros(features)
        self.squares = np.zeros(features)

    def add(self, frames: np.ndarray) -> None:
        """Take in frames (T, F)."""
        count = len(frames)
        mean = frames.mean(axis=0, dtype=np.float64)
        delta = mean - self.mean
        total = self.count + count
        self.squares += np.square(frames - mean).sum(axis=0)
        self.squares += np.square(delta) * (self.count * count / total)
        self.mean += delta * (count / total)
        self.count = total

    def normaliser(self) -> Normaliser:
        if self.count == 0:
            raise ValueError("no frames to normalise by: the training set is empty")
        std = np.sqrt(self.squares / self.count)
        floor = np.maximum(std, 1e-5)  # a constant feature stays finite
        return Normaliser(self.mean.astype(np.float32), floor.astype(np.float32))
