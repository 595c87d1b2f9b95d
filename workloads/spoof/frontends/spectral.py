"""Front-ends that filter a spectrum: fixed, learned by their shapes, or freely.

Axes: `B` utterances, `S` samples, `T` frames, `F` bins, `C` filters.

`fbank`, `fastaudio-*` and `nnaudio` differ in the filters alone. A triangle has feet as
far above its centre as below it, for two numbers say what it is: so do those of Fu et
al., "FastAudio: a learnable audio front-end for spoof speech detection", 2022, whose
features are decibels within 80 of the loudest.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from workloads.spoof.frontends.frontend import (
    Frontend,
    decibels,
    peak_at_one,
    transform_macs,
)
from workloads.spoof.frontends.scales import (
    HIGHEST_HZ,
    UNIT_HZ,
    centres_and_bands_hz,
)
from workloads.spoof.sizes import FILTERS, HOP, SAMPLE_RATE_HZ

WINDOW = 400  # samples, 25 ms, and as many points
BINS = WINDOW // 2 + 1
BAND = (3.1 / SAMPLE_RATE_HZ, 603.7 / SAMPLE_RATE_HZ)  # within which bands are kept
CENTRE = (0.0, HIGHEST_HZ / SAMPLE_RATE_HZ)


class Spectrum(nn.Module):
    """Waveforms (B, S) to power spectra (B, T, F), under a Hamming window, the first
    frame's centre on the first sample."""

    window: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("window", torch.hamming_window(WINDOW), persistent=False)

    def forward(self, waves: Tensor) -> Tensor:
        if torch.compiler.is_exporting():
            return self._by_matrix(waves)
        spectra = torch.stft(
            waves,
            *(WINDOW, HOP, WINDOW, self.window),
            center=True,
            pad_mode="constant",
            return_complex=True,
        )
        parts = torch.view_as_real(spectra.transpose(1, 2))
        return parts.square().sum(-1)

    def _by_matrix(self, waves: Tensor) -> Tensor:
        """As a strided convolution, which every runtime has."""
        frames = F.pad(waves, (WINDOW // 2, WINDOW // 2)).unsqueeze(1)
        parts = F.conv1d(frames, self.matrix().unsqueeze(1), stride=HOP)
        real, imaginary = parts.transpose(1, 2).split(BINS, -1)
        return real.square() + imaginary.square()

    def matrix(self) -> Tensor:
        """(2 F, samples): cosines, then sines, under the window."""
        samples = torch.arange(WINDOW, device=self.window.device, dtype=torch.float64)
        bins = torch.arange(BINS, device=self.window.device, dtype=torch.float64)
        angles = 2 * math.pi / WINDOW * torch.outer(bins, samples).remainder(WINDOW)
        both = torch.cat([angles.cos(), -angles.sin()])
        return (both * self.window.double()).float()


class SpectralFrontend(Frontend):
    """Decibels of what filters (F, C) let through."""

    def __init__(self) -> None:
        super().__init__()
        self.spectrum = Spectrum()

    def features(self, waves: Tensor) -> Tensor:
        return decibels(self.spectrum(waves) @ self.filters())

    def filters(self) -> Tensor:
        raise NotImplementedError

    def responses(self) -> Tensor:
        return peak_at_one(self.filters().clamp(min=0).T)

    def macs_besides(self, waves: Tensor) -> int:
        B, S = waves.shape
        of_frame = WINDOW + transform_macs(WINDOW) + 2 * BINS + BINS * FILTERS
        return B * (1 + S // HOP) * of_frame

    def plain_macs(self, samples: int) -> int:
        return (1 + samples // HOP) * (2 * BINS * WINDOW + BINS * FILTERS)


class Fbank(SpectralFrontend):
    """`fbank`: triangles evenly spaced in mel, not learned."""

    fixed: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("fixed", mel_triangles(), persistent=False)

    def filters(self) -> Tensor:
        return self.fixed


class NnAudio(SpectralFrontend):
    """`nnaudio`: every weight of every filter is learned (K. W. Cheuk et al.,
    "nnAudio", 2020, trainable mel filters)."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(mel_triangles())

    def filters(self) -> Tensor:
        return self.weight


class FastAudio(SpectralFrontend):
    """`fastaudio-*`: centre and band of each filter are learned, within CENTRE and
    BAND, in units of UNIT_HZ. `shape` is that of filters; where `is_sorted`, they are
    taken in the order of their centres."""

    def __init__(self, shape: str, is_sorted: bool = False) -> None:
        super().__init__()
        self.shape, self.is_sorted = SHAPES[shape], is_sorted
        centres, bands = (
            torch.tensor(one / UNIT_HZ, dtype=torch.float32)
            for one in centres_and_bands_hz()
        )
        self.centres, self.bands = nn.Parameter(centres), nn.Parameter(bands)

    def filters(self) -> Tensor:
        share = UNIT_HZ / SAMPLE_RATE_HZ
        centres = (share * self.centres).clamp(*CENTRE)
        bands = (share * self.bands).clamp(*BAND)
        if self.is_sorted:
            centres, order = centres.sort()
            bands = bands[order]
        bins = torch.linspace(*CENTRE, BINS, device=centres.device)
        return self.shape((bins[:, None] - centres) / bands)


def triangles(away: Tensor) -> Tensor:
    """1 at the centre, 0 from one band away on."""
    return (1 - away.abs()).clamp(min=0)


def gaussians(away: Tensor) -> Tensor:
    """A standard deviation is half a band."""
    return torch.exp(-0.5 * (2 * away).square())


SHAPES = {"triangle": triangles, "gaussian": gaussians}


def mel_triangles() -> Tensor:
    """(F, C): those that FastAudio begins with."""
    with torch.no_grad():
        return FastAudio("triangle").filters()
