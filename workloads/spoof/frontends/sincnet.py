"""`sincnet`: band-pass filters over samples, of which both edges are learned.

Axes: `B` utterances, `S` samples, `T` frames, `C` filters, `K` taps.

M. Ravanelli, Y. Bengio, "Speaker recognition from raw waveform with SincNet", 2018, eq.
4 and 6: the difference of two low-pass filters under a Hamming window, 1 between its
edges whatever they are. RawNet2 (H. Tak et al., "End-to-end anti-spoofing with
RawNet2", 2021) begins with such filters. Deviation: what passes is squared and summed
in frames, as in `td-filterbanks`, for a back-end of frames.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from workloads.spoof.frontends.filtering import WaveFrontend
from workloads.spoof.frontends.frontend import decibels, peak_at_one
from workloads.spoof.frontends.scales import HIGHEST_HZ, UNIT_HZ, mel_points_hz
from workloads.spoof.frontends.spectral import BINS
from workloads.spoof.frontends.td_filterbanks import squared_hann
from workloads.spoof.frontends.transforms import KERNEL
from workloads.spoof.sizes import FILTERS, SAMPLE_RATE_HZ

LEAST_HZ = 50.0  # of a lower edge, and of a band
LOWEST_HZ = 60.0


class SincNet(WaveFrontend):
    parts = 1
    window: Tensor
    hamming: Tensor

    def __init__(self) -> None:
        super().__init__()
        points_hz = mel_points_hz(LOWEST_HZ, HIGHEST_HZ - LEAST_HZ)
        # A band is as wide as a triangle at half its height.
        edges = torch.tensor((points_hz[:-1] + points_hz[1:]) / 2 / UNIT_HZ)
        self.low = nn.Parameter(edges[:-1].float())
        self.band = nn.Parameter(edges.diff().float())
        self.register_buffer("window", squared_hann(), persistent=False)
        hamming = torch.hamming_window(KERNEL, periodic=False)
        self.register_buffer("hamming", hamming, persistent=False)

    def features(self, waves: Tensor) -> Tensor:
        windows = self.window.expand(FILTERS, KERNEL)
        return decibels(self.pooled(waves, self.filters().unsqueeze(0), windows))

    def edges(self) -> tuple[Tensor, Tensor]:
        """(C,) each, as shares of the sample rate."""
        least, share = LEAST_HZ / UNIT_HZ, UNIT_HZ / SAMPLE_RATE_HZ
        low = self.low.abs().clamp(min=least)
        high = low + self.band.abs().clamp(min=least)
        return share * low, (share * high).clamp(max=HIGHEST_HZ / SAMPLE_RATE_HZ)

    def filters(self) -> Tensor:
        """(C, K)."""
        taps = torch.arange(KERNEL, device=self.low.device) - KERNEL // 2
        low, high = (edge.unsqueeze(1) for edge in self.edges())
        passes = 2 * high * torch.sinc(2 * high * taps)
        return (passes - 2 * low * torch.sinc(2 * low * taps)) * self.hamming

    def responses(self) -> Tensor:
        spectra = torch.fft.rfft(self.filters(), 20 * (BINS - 1))[:, ::10]
        return peak_at_one(spectra.abs().square())
