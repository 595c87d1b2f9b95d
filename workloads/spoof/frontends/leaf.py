"""`leaf`: Gabor filters over samples, their power under Gaussian windows, and a learned
compression.

Axes: `B` utterances, `S` samples, `T` frames, `C` filters, `K` taps.

N. Zeghidour, O. Teboul, F. de Chaumont Quitry, M. Tagliasacchi, "LEAF: a learnable
frontend for audio classification", 2021, with the pre-emphasis that Fu et al.,
"FastAudio", 2022, count: 80 + 40 + 160 + 2 parameters. Deviation: frames are centred on
samples 0, 160, 320, ..., so that there are as many as of the other front-ends.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from workloads.spoof.frontends.filtering import WaveFrontend
from workloads.spoof.frontends.frontend import peak_at_one
from workloads.spoof.frontends.gabor import WIDTH, gabors, mel_gabors
from workloads.spoof.frontends.narrow import decimations_of, pooled_narrow
from workloads.spoof.frontends.pcen import Pcen
from workloads.spoof.frontends.spectral import BINS
from workloads.spoof.frontends.transforms import KERNEL
from workloads.spoof.sizes import FILTERS

PRE_EMPHASIS = (-0.97, 1.0)
POOLING = 0.4  # standard deviation of a window, as a share of half its length
POOLING_RANGE = (2 / KERNEL, 0.5)
POWER_FLOOR = 1e-5


class Leaf(WaveFrontend):
    def __init__(self) -> None:
        super().__init__()
        centres, deviations = mel_gabors()
        self.pre_emphasis = nn.Parameter(torch.tensor(PRE_EMPHASIS))
        self.centres, self.deviations = nn.Parameter(centres), nn.Parameter(deviations)
        self.pooling = nn.Parameter(torch.full((FILTERS,), POOLING))
        self.pcen = Pcen(FILTERS)
        self.pooled = pooled_narrow

    def decimations(self) -> Sequence[int]:
        """Of the filters as they begin: a count is of a model without data."""
        return decimations_of(gabors(*mel_gabors()))

    def features(self, waves: Tensor) -> Tensor:
        before, now = self.pre_emphasis
        emphasised = now * waves + before * F.pad(waves, (1, -1))
        power = self.pooled(emphasised, self.gabors(), self.windows())
        return self.pcen(power.clamp(min=POWER_FLOOR))

    def gabors(self) -> Tensor:
        """(2, C, K)."""
        centres = self.centres.clamp(0.0, math.pi)
        return gabors(centres, self.deviations.clamp(*WIDTH))

    def windows(self) -> Tensor:
        """(C, K), 1 in the middle."""
        taps = torch.linspace(-1, 1, KERNEL, device=self.pooling.device)
        spread = self.pooling.clamp(*POOLING_RANGE).unsqueeze(1)
        return torch.exp(-0.5 * (taps / spread).square())

    def responses(self) -> Tensor:
        real, imaginary = self.gabors()
        spectra = torch.fft.fft(real + 1j * imaginary, 20 * (BINS - 1))
        return peak_at_one(spectra[:, : 10 * BINS : 10].abs().square())
