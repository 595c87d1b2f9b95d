"""Filters that let narrow bands through, at a half or a quarter of the samples.

Axes: `B` utterances, `S` samples, `T` frames, `N` blocks, `F` bins, `C` filters, `K`
taps, `M` bins of a band.

What a filter lets through of a band of M bins is told by M samples a block, and its
power by as many if the band is less than half as wide (R. E. Crochiere, L. R. Rabiner,
"Multirate Digital Signal Processing", 1983, section 2). A window over every sample then
becomes one over every D-th, low-passed: sums are the same, to rounding. Frames whose
window goes beyond the first or the last sample have another window each; they are
computed at every sample.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import torch
from torch import Tensor

from workloads.spoof.frontends.filtering import (
    HOPS,
    HOPS_BEFORE,
    added_hops,
    by_fourier,
    by_products,
    spectra_of,
)
from workloads.spoof.frontends.transforms import (
    BLOCK,
    KERNEL,
    TRANSFORM,
    Bands,
    power_of_hops,
)
from workloads.spoof.sizes import HOP

DECIMATIONS = (4, 2)
# Of a filter's highest response: what is below counts as nothing, and its square is
# below what fp32 tells.
NOTHING = 1e-6
PASSED = 0.7  # of half the samples a second, that the window's low-pass lets through
ATTENUATION_DB = 140.0  # of it, beyond 1.3 times that half
EDGE_FRAMES = 2  # whose windows may go beyond an end
TAIL_FRAMES = 6  # whose samples tell the outermost, at either end


def pooled_narrow(waves: Tensor, filters: Tensor, windows: Tensor) -> Tensor:
    """As `pooled_power`, of complex filters (2, C, K) of which some are narrow."""
    if torch.compiler.is_exporting():
        return by_products(waves, filters, windows)
    return by_bands(waves, filters, windows)


@torch.compiler.disable
def by_bands(waves: Tensor, filters: Tensor, windows: Tensor) -> Tensor:
    """As `by_fourier`, at as few samples as each filter needs."""
    if filters.is_meta or waves.shape[1] < BLOCK:
        return by_fourier(waves, filters, windows)
    decimations = decimations_of(filters)
    groups = {
        decimation: [c for c, one in enumerate(decimations) if one == decimation]
        for decimation in sorted(set(decimations))
    }
    spectra = spectra_of(waves)
    whole, some = groups.pop(1, []), [c for group in groups.values() for c in group]
    found = []
    if whole:
        found.append(by_fourier(waves, filters[:, whole], windows[whole], spectra))
    if some:
        parts = [
            _narrow(spectra, filters[:, group], windows[group], decimation)
            for decimation, group in groups.items()
        ]
        inner = added_hops(torch.cat(parts, 1), frames=1 + waves.shape[1] // HOP)
        found.append(_with_edges(inner, waves, filters[:, some], windows[some]))
    back = torch.tensor([*whole, *some], device=waves.device).argsort()
    return torch.cat(found, 2).index_select(2, back)


@torch.no_grad()
def decimations_of(filters: Tensor) -> list[int]:
    """By how much samples behind each filter (2, C, K) can be thinned: 4, 2 or 1, by
    the band around its peak beyond which there is nothing."""
    responses = torch.fft.fft(torch.complex(*filters), TRANSFORM).abs()
    peaks = responses.argmax(1, keepdim=True)
    places = torch.arange(TRANSFORM, device=filters.device) - TRANSFORM // 2
    centred = responses.gather(1, (peaks + places) % TRANSFORM)
    highest = centred[:, TRANSFORM // 2].unsqueeze(1)
    there = (centred > NOTHING * highest).int()
    first, behind = there.argmax(1), there.flip(1).argmax(1)
    widths = (TRANSFORM - behind - first).tolist()
    return [
        next((d for d in DECIMATIONS if width <= PASSED * TRANSFORM / d / 2), 1)
        for width in widths
    ]


def _narrow(
    spectra: Tensor, filters: Tensor, windows: Tensor, decimation: int
) -> Tensor:
    """Hops under each part of a window, as `power_of_hops` has them: (B, C, H, parts).
    Gradients of filters are those of their bands: there is nothing to learn beyond."""
    M, device = TRANSFORM // decimation, spectra.device
    transfer = torch.fft.fft(torch.complex(*filters.flip(-1)), TRANSFORM)
    firsts = [(int(one) - M // 2) % TRANSFORM for one in transfer.abs().argmax(1)]
    places = torch.tensor(firsts, device=device).unsqueeze(1)
    places = (places + torch.arange(M, device=device)) % TRANSFORM
    columns = _columns(windows, decimation).repeat_interleave(2, 1) / decimation**2
    return power_of_hops(
        torch.cat([spectra, spectra[..., :M]], 2),
        transfer.gather(1, places),
        columns,
        Bands(firsts, M),
        spectra.shape[1] * BLOCK,
    )


def _columns(windows: Tensor, decimation: int) -> Tensor:
    """Windows (C, K) over every D-th sample, divided at the hops that they may lie on:
    (C, HOP / D, parts)."""
    matrix = torch.from_numpy(_low_pass(decimation)).to(windows.device)
    thinned = windows @ matrix
    return thinned.unflatten(1, (HOPS, HOP // decimation)).transpose(1, 2)


@cache
def _low_pass(decimation: int) -> np.ndarray:
    """What each tap of a window (K) adds to every D-th sample around its middle: (K,
    HOPS HOP / D). Kaiser's window (J. F. Kaiser, "Nonrecursive digital filter design
    using the I0-sinh window function", 1974)."""
    transition = 2 * (1 - PASSED) * math.pi / decimation
    reach = math.ceil((ATTENUATION_DB - 8) / (2.285 * transition) / 2)
    beta = 0.1102 * (ATTENUATION_DB - 8.7)
    taps = np.arange(KERNEL) - KERNEL // 2
    places = decimation * np.arange(HOPS * HOP // decimation) - HOPS_BEFORE * HOP
    apart = taps[:, None] - places
    inside = np.sqrt(np.maximum(0.0, 1 - (apart / reach) ** 2))
    kaiser = np.i0(beta * inside) / np.i0(beta) * (np.abs(apart) <= reach)
    return (np.sinc(apart / decimation) * kaiser).astype(np.float32)


def _with_edges(
    inner: Tensor, waves: Tensor, filters: Tensor, windows: Tensor
) -> Tensor:
    """With the outermost frames computed at every sample."""
    T = inner.shape[1]
    length = waves.shape[1] - HOP * (T - TAIL_FRAMES)
    ends = torch.cat([waves[:, :length], waves[:, -length:]])
    head, tail = by_fourier(ends, filters, windows).chunk(2)
    behind = tail[:, TAIL_FRAMES - EDGE_FRAMES : TAIL_FRAMES]
    inside = inner[:, EDGE_FRAMES : T - EDGE_FRAMES]
    return torch.cat([head[:, :EDGE_FRAMES], inside, behind], 1)
