"""Filters over samples, and the mean power of what they let through in each frame.

Axes: `B` utterances, `S` samples, `T` frames, `C` filters, `K` taps (odd), `H` hops.

40 complex filters of 401 taps at every sample are 513 million products a second of
speech. `by_fourier` needs a fifteenth of them: blocks of samples are transformed
once, multiplied with each filter's transform, and transformed back (overlap-save:
A. V. Oppenheim, R. W. Schafer, "Discrete-Time Signal Processing", section 8.7).
`by_products` is the plain form, and what runtimes of files are given.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from workloads.spoof.frontends.frontend import Frontend, transform_macs
from workloads.spoof.frontends.transforms import (
    BLOCK,
    KERNEL,
    TRANSFORM,
    Bands,
    power_of_hops,
)
from workloads.spoof.sizes import FILTERS, HOP

HOPS_BEFORE = -(-(KERNEL // 2) // HOP)  # of a window, before that of its middle
HOPS = HOPS_BEFORE + 1 + KERNEL // 2 // HOP  # that a window may lie on


def pooled_power(waves: Tensor, filters: Tensor, windows: Tensor) -> Tensor:
    """The power of waveforms (B, S) behind filters (P, C, K), summed under windows
    (C, K) every 10 ms: (B, T, C), T = 1 + S // 160.

    P parts of a filter, real and imaginary, or one, are squared and added. Samples
    before and behind are 0, and so is their power.
    """
    if torch.compiler.is_exporting():
        return by_products(waves, filters, windows)
    return by_fourier(waves, filters, windows)


def by_products(waves: Tensor, filters: Tensor, windows: Tensor) -> Tensor:
    """As `pooled_power`, by two convolutions."""
    P, C, K = filters.shape
    made = F.conv1d(
        waves.unsqueeze(1), filters.flatten(0, 1).unsqueeze(1), padding=K // 2
    )
    power = made.square().unflatten(1, (P, C)).sum(1)
    padded = F.pad(power, (K // 2, K // 2 + 1))
    return F.conv1d(padded, windows.unsqueeze(1), stride=HOP, groups=C).transpose(1, 2)


# torch.compile has no transforms of its own, and its complex products end with
# "incorrect fake kernel" for one utterance (torch 2.14): they run as they are.
@torch.compiler.disable
def by_fourier(
    waves: Tensor, filters: Tensor, windows: Tensor, spectra: Tensor | None = None
) -> Tensor:
    """As `pooled_power`, by transforms of blocks of samples, `spectra_of` the waveforms
    where they are known. ValueError for filters of another length than KERNEL."""
    P, C, K = filters.shape
    if K != KERNEL:
        raise ValueError(f"filters of {K} taps, expected {KERNEL}")
    S = waves.shape[1]
    if spectra is None:
        spectra = spectra_of(waves)
    columns = _columns(windows)
    if P == 1:  # two filters take one complex transform
        filters = F.pad(filters, (0, 0, 0, C % 2)).view(-1, 2, K).transpose(0, 1)
        columns = _of_two(F.pad(columns, (0, 0, 0, 0, 0, C % 2)))
    else:
        columns = columns.repeat_interleave(2, 1)
    transfer = torch.fft.fft(torch.complex(*filters.flip(-1)), TRANSFORM)
    parts = power_of_hops(spectra, transfer, columns, Bands.whole(transfer), S)
    if P == 1:
        parts = parts.unflatten(3, (2, HOPS)).transpose(2, 3).flatten(1, 2)[:, :C]
    return added_hops(parts, frames=1 + S // HOP)


def spectra_of(waves: Tensor) -> Tensor:
    """Of the blocks of waveforms (B, S), each begun half a filter early: (B, N, F)."""
    S, half = waves.shape[1], KERNEL // 2
    blocks = -(-S // BLOCK)
    padded = F.pad(waves, (half, (blocks - 1) * BLOCK + TRANSFORM - half - S))
    return torch.fft.fft(padded.unfold(1, TRANSFORM, BLOCK))


def _columns(windows: Tensor) -> Tensor:
    """Windows (C, K), divided at the hops that they may lie on: (C, HOP, parts)."""
    half = windows.shape[1] // 2
    before = HOPS_BEFORE * HOP - half
    behind = HOPS * HOP - before - windows.shape[1]
    return F.pad(windows, (before, behind)).unflatten(1, (HOPS, HOP)).transpose(1, 2)


def _of_two(columns: Tensor) -> Tensor:
    """Those of two filters that are one's real and imaginary part, (C, HOP, parts) to
    (C / 2, 2 HOP, 2 parts): real parts are summed for the first, others for the second.
    """
    first, second = columns[::2], columns[1::2]
    nothing = torch.zeros_like(first)
    real, imaginary = torch.cat([first, nothing], 2), torch.cat([nothing, second], 2)
    return torch.stack([real, imaginary], 2).flatten(1, 2)


def added_hops(parts: Tensor, frames: int) -> Tensor:
    """Each hop under each part of its window (B, C, H, parts), added up to frames:
    (B, T, C)."""
    behind = max(0, frames + HOPS - 1 - HOPS_BEFORE - parts.shape[2])
    padded = F.pad(parts, (0, 0, HOPS_BEFORE, behind))
    each = [padded[:, :, part : part + frames, part] for part in range(HOPS)]
    return torch.stack(each).sum(0).transpose(1, 2)


class WaveFrontend(Frontend):
    """A front-end of filters over samples, in `parts`: real and imaginary ones, or one.

    `pooled` may be set to the plain form, `by_products`.
    """

    parts: ClassVar[int] = 2

    def __init__(self) -> None:
        super().__init__()
        self.pooled: Callable[[Tensor, Tensor, Tensor], Tensor] = pooled_power

    def macs_besides(self, waves: Tensor) -> int:
        B, S = waves.shape
        if self.pooled is by_products:
            return B * self.plain_macs(S)
        blocks, decimations = -(-S // BLOCK), self.decimations()
        transform = 2 * transform_macs(TRANSFORM)
        each = [_block_macs(one, HOPS * (3 - self.parts)) for one in decimations]
        # Narrow filters have their outermost frames computed at every sample.
        edges = 2 * sum(one > 1 for one in decimations) * _block_macs(1, HOPS)
        of_filters = len(decimations) * transform
        return of_filters + B * (blocks * (transform + sum(each)) + edges)

    def decimations(self) -> Sequence[int]:
        """By how much samples behind each complex filter are thinned."""
        return [1] * (self.parts * FILTERS // 2)

    def plain_macs(self, samples: int) -> int:
        windows = FILTERS * KERNEL * (1 + samples // HOP)
        return self.parts * FILTERS * KERNEL * samples + windows


def _block_macs(decimation: int, parts: int) -> int:
    """Of a block behind a complex filter: products, transform, squares, and hops under
    the parts of windows."""
    bins, kept = TRANSFORM // decimation, BLOCK // decimation
    return 4 * bins + 2 * transform_macs(bins) + 2 * kept + 2 * kept * parts
