"""Gabor filters that begin as mel filters do.

Axes: `C` filters, `K` taps.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from workloads.spoof.frontends.scales import mel_points_hz
from workloads.spoof.frontends.transforms import KERNEL
from workloads.spoof.sizes import SAMPLE_RATE_HZ

LOWEST_HZ, HIGHEST_HZ = 60.0, 7_800.0
_HALVED = math.sqrt(2 * math.log(2))  # half the width of a Gaussian at half its height
# Of the Gaussian in time, in samples: as wide as the whole filter in time, or a
# frequency's response as wide as that of four samples (Zeghidour et al., 2021).
WIDTH = (4 * _HALVED / math.pi, KERNEL * _HALVED / math.pi)


def mel_gabors() -> tuple[Tensor, Tensor]:
    """(C,) each: centres in radians a sample, and standard deviations in samples.

    Each filter is as wide at half its height as the square root of a mel triangle,
    which its power is compared with: three quarters of its feet's distance.
    """
    points_hz = mel_points_hz(LOWEST_HZ, HIGHEST_HZ)
    widths_hz = 0.75 * (points_hz[2:] - points_hz[:-2])
    centres = 2 * np.pi * points_hz[1:-1] / SAMPLE_RATE_HZ
    deviations = _HALVED * SAMPLE_RATE_HZ / (np.pi * widths_hz)
    both = (torch.tensor(one, dtype=torch.float32) for one in (centres, deviations))
    return tuple(both)  # type: ignore[return-value]


def gabors(centres: Tensor, deviations: Tensor) -> Tensor:
    """Real parts and imaginary ones (2, C, K): a Gaussian of area 1 around a wave."""
    taps = torch.arange(KERNEL, device=centres.device) - KERNEL // 2
    spread = deviations.unsqueeze(1)
    envelope = torch.exp(-0.5 * (taps / spread).square())
    envelope = envelope / (math.sqrt(2 * math.pi) * spread)
    phases = centres.unsqueeze(1) * taps
    return envelope * torch.stack([phases.cos(), phases.sin()])
