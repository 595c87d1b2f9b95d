"""`cqt`: filters whose width is a constant share of their centre, not learned.

J. C. Brown, "Calculation of a constant Q spectral transform", 1991, eq. 5: a filter's
window has as many periods of its centre, Q, whatever that is. 40 filters over seven
octaves up to half the sample rate, so that the features have the shape of the others'.

Axes: `B` utterances, `S` samples, `T` frames, `C` filters, `K` samples of a window.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from workloads.spoof.frontends.frontend import Frontend, decibels, peak_at_one
from workloads.spoof.frontends.scales import HIGHEST_HZ
from workloads.spoof.frontends.spectral import BINS
from workloads.spoof.sizes import FILTERS, HOP, SAMPLE_RATE_HZ

OCTAVES = 7
LOWEST_HZ = HIGHEST_HZ / 2**OCTAVES  # 62.5
PER_OCTAVE = FILTERS / OCTAVES
Q = 1 / (2 ** (1 / PER_OCTAVE) - 1)


class ConstantQ(Frontend):
    kernels: Tensor

    def __init__(self) -> None:
        super().__init__()
        stacked = torch.from_numpy(kernels())
        self.register_buffer("kernels", stacked, persistent=False)

    def features(self, waves: Tensor) -> Tensor:
        (_, K), half = self.kernels.shape, self.kernels.shape[1] // 2
        padded = F.pad(waves, (half, half))
        if torch.compiler.is_exporting():
            made = F.conv1d(padded.unsqueeze(1), self.kernels.unsqueeze(1), stride=HOP)
            parts = made.transpose(1, 2)
        else:
            parts = padded.unfold(1, K, HOP) @ self.kernels.T
        real, imaginary = parts.split(FILTERS, -1)
        return decibels(real.square() + imaginary.square())

    def responses(self) -> Tensor:
        spectra = torch.fft.rfft(self.kernels, 2 * (BINS - 1) * 10)[:, ::10]
        real, imaginary = spectra.split(FILTERS)
        return peak_at_one((real + 1j * imaginary).abs().square())

    def macs_besides(self, waves: Tensor) -> int:
        B, S = waves.shape
        return B * self.plain_macs(S)

    def plain_macs(self, samples: int) -> int:
        return (1 + samples // HOP) * self.kernels.numel()


def centres_hz() -> np.ndarray:
    """(C,)."""
    return LOWEST_HZ * 2 ** (np.arange(FILTERS) / PER_OCTAVE)


def kernels() -> np.ndarray:
    """(2 C, K): real parts, then imaginary ones, each in the middle; K is even."""
    lengths = Q * SAMPLE_RATE_HZ / centres_hz()
    half = int(np.ceil(lengths.max() / 2))
    samples = np.arange(-half, half)
    within = np.abs(samples) < lengths[:, None] / 2
    hann = 0.5 + 0.5 * np.cos(2 * np.pi * samples / lengths[:, None])
    waves = np.exp(2j * np.pi * Q * samples / lengths[:, None])
    made = np.where(within, hann, 0) * waves / lengths[:, None]
    return np.concatenate([made.real, made.imag]).astype(np.float32)
