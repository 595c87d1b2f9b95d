"""`td-filterbanks`: filters over samples whose every tap is learned.

Axes: `B` utterances, `S` samples, `T` frames, `C` filters, `K` taps.

N. Zeghidour, N. Usunier, I. Kokkinos, T. Schatz, G. Synnaeve, E. Dupoux, "Learning
filterbanks from raw speech for phone recognition", 2018: complex filters that begin as
Gabor filters of the mel scale, their power under a squared Hann window, its logarithm.
The window is fixed: learning it as well would be 16,040 parameters more. Deviation:
each filter's mean over frames is at 0, as in the other front-ends of logarithms.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from workloads.spoof.frontends.filtering import WaveFrontend
from workloads.spoof.frontends.frontend import decibels, peak_at_one
from workloads.spoof.frontends.gabor import gabors, mel_gabors
from workloads.spoof.frontends.spectral import BINS
from workloads.spoof.frontends.transforms import KERNEL
from workloads.spoof.sizes import FILTERS


class TdFilterbanks(WaveFrontend):
    window: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(gabors(*mel_gabors()))  # (2, C, K)
        self.register_buffer("window", squared_hann(), persistent=False)

    def features(self, waves: Tensor) -> Tensor:
        windows = self.window.expand(FILTERS, KERNEL)
        return decibels(self.pooled(waves, self.weight, windows))

    def responses(self) -> Tensor:
        real, imaginary = self.weight
        spectra = torch.fft.fft(real + 1j * imaginary, 20 * (BINS - 1))
        return peak_at_one(spectra[:, : 10 * BINS : 10].abs().square())


def squared_hann() -> Tensor:
    """(K,), with a sum of 1."""
    window = torch.hann_window(KERNEL, periodic=False).square()
    return window / window.sum()
