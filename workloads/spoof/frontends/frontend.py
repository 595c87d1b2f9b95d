"""What all front-ends are: waveforms to 40 numbers a frame.

Axes: `B` utterances, `S` samples, `T` frames, `F` bins, `C` filters.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

ENERGY_FLOOR = 1e-10  # of energies, before their logarithm
TOP_DB = 80.0  # the loudest energy of an utterance is so far above the lowest


class Frontend(nn.Module):
    """Waveforms (B, S) in fp32 to features (B, T, C), T = 1 + S // 160.

    It stays in fp32 whatever the rest of a model is moved to: half precision would
    round a waveform to 48 dB, which weak bands of speech lie below.
    """

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Frontend:
        def kept(tensor: Tensor) -> Tensor:
            moved = fn(tensor)
            return moved if moved.dtype == tensor.dtype else tensor.to(moved.device)

        super()._apply(kept, recurse)
        return self

    def forward(self, waves: Tensor) -> Tensor:
        if waves.is_meta:  # which autocast does not know
            return self.features(waves)
        with torch.autocast(waves.device.type, enabled=False):
            return self.features(waves.float())

    def features(self, waves: Tensor) -> Tensor:
        raise NotImplementedError

    def responses(self) -> Tensor:
        """The power that each filter lets through at F frequencies, evenly from 0 to
        half the sample rate, its highest being 1: (C, F)."""
        raise NotImplementedError

    def macs_besides(self, waves: Tensor) -> int:
        """Multiply-accumulates for these waveforms (B, S) as they are computed here, by
        fast transforms of Fourier."""
        raise NotImplementedError

    def plain_macs(self, samples: int) -> int:
        """The same of the plain form for one utterance: a transform by its matrix,
        filters at every sample. It is what files have, and papers count."""
        raise NotImplementedError


def transform_macs(points: int) -> int:
    """Of a fast transform of so many real numbers: 2.5 n log2 n operations, two of
    which are a multiply-accumulate (M. Frigo, S. G. Johnson, "The design and
    implementation of FFTW3", 2005, section III).

    >>> transform_macs(2048)
    28160
    """
    return round(1.25 * points * math.log2(points))


def decibels(energies: Tensor) -> Tensor:
    """Of energies (B, T, C), none more than TOP_DB below an utterance's loudest, each
    filter's mean over frames at 0: a channel's gain is no sign of a spoof."""
    found = 10 * torch.log10(energies.clamp(min=ENERGY_FLOOR))
    loudest = found.amax((1, 2), keepdim=True)
    found = torch.maximum(found, loudest - TOP_DB)
    return found - found.mean(1, keepdim=True)


def peak_at_one(powers: Tensor) -> Tensor:
    """Responses (C, F) whose highest is 1."""
    return powers / powers.amax(1, keepdim=True).clamp(min=ENERGY_FLOOR)
