"""Filters over samples, and the mean power of what they let through in each frame.

Axes: `B` utterances, `S` samples, `T` frames, `C` filters, `K` taps (odd), `H` hops.

40 complex filters of 401 taps at every sample are 513 million products a second of
speech. `by_fourier` needs an eighteenth of them: blocks of samples are transformed
once, multiplied with each filter's transform, and transformed back (overlap-save:
A. V. Oppenheim, R. W. Schafer, "Discrete-Time Signal Processing", section 8.7).
`by_products` is the plain form, and what runtimes of files are given.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from workloads.spoof.frontends.frontend import Frontend, transform_macs
from workloads.spoof.sizes import FILTERS, HOP

KERNEL = 401  # 25 ms and a sample, so that there is one in the middle
TRANSFORM = 2_048
BLOCK = TRANSFORM - KERNEL + 1  # samples that a transform tells
# Numbers behind filters that are held at a time: more would lie outside the caches, and
# memory that large is asked of the system anew for each, which took twice as long.
TOGETHER = 700_000


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
def by_fourier(waves: Tensor, filters: Tensor, windows: Tensor) -> Tensor:
    """As `pooled_power`, by transforms of blocks of samples. ValueError for filters of
    another length than KERNEL."""
    _, C, K = filters.shape
    if K != KERNEL:
        raise ValueError(f"filters of {K} taps, expected {KERNEL}")
    (B, S), half = waves.shape, K // 2
    blocks = -(-S // BLOCK)
    padded = F.pad(waves, (half, blocks * BLOCK + half - S))
    spectra = torch.fft.rfft(padded.unfold(1, TRANSFORM, BLOCK)).unsqueeze(1)
    transfer = torch.fft.rfft(filters.flip(-1), TRANSFORM).unsqueeze(2)  # (P, C, 1, F)
    step = max(1, TOGETHER // (B * blocks * TRANSFORM))
    room = None if torch.is_grad_enabled() else _Room(spectra, step)
    pooled = [
        _summed(_power(spectra, transfer[:, some], S, room), windows[some])
        for some in (slice(start, start + step) for start in range(0, C, step))
    ]
    return torch.cat(pooled, 2)


class _Room:
    """Memory that is used again for each group of filters: the system takes as long to
    give and clear it as it takes to compute."""

    def __init__(self, spectra: Tensor, filters: int) -> None:
        (B, _, N, bins), kind = spectra.shape, spectra.real
        self.product = spectra.new_empty(B, filters, N, bins)
        self.made = kind.new_empty(B, filters, N, TRANSFORM)
        self.total = kind.new_empty(B, filters, N, BLOCK)


def _power(
    spectra: Tensor, transfer: Tensor, samples: int, room: _Room | None
) -> Tensor:
    """Of blocks (B, 1, N, F) behind filters (P, C, 1, F): (B, C, S)."""
    C = transfer.shape[1]
    product, made, total = (
        (None,) * 3
        if room is None
        else (one[:, :C] for one in (room.product, room.made, room.total))
    )
    for number, part in enumerate(transfer):
        behind = torch.mul(spectra, part, out=product)
        found = torch.fft.irfft(behind, TRANSFORM, out=made)
        whole = found[..., KERNEL - 1 :]  # (B, C, N, BLOCK), what does not wrap around
        if number == 0:
            power = torch.square(whole, out=total)
        else:
            power = torch.addcmul(power, whole, whole, out=total)
    return power.flatten(2)[..., :samples]


def _summed(power: Tensor, windows: Tensor) -> Tensor:
    """(B, C, S) under windows (C, K) every hop: each hop is multiplied once with all
    parts of a window that may lie on it, and they are added up."""
    S, K = power.shape[2], windows.shape[1]
    half = K // 2
    before = -(-half // HOP)  # hops of a window before that of its middle
    parts = before + 1 + half // HOP
    shifted = F.pad(
        windows, (before * HOP - half, parts * HOP - before * HOP - half - 1)
    )
    frames = 1 + S // HOP
    hops = F.pad(power, (0, -S % HOP)).unflatten(2, (-1, HOP))  # (B, C, H, HOP)
    columns = shifted.unflatten(1, (parts, HOP)).transpose(1, 2)  # (C, HOP, parts)
    each = hops @ columns  # (B, C, H, parts)
    behind = frames + parts - 1 - before - hops.shape[2]
    each = F.pad(each, (0, 0, before, behind))
    added = [each[:, :, part : part + frames, part] for part in range(parts)]
    return torch.stack(added).sum(0).transpose(1, 2)


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
        blocks, filters = -(-S // BLOCK), self.parts * FILTERS
        each = transform_macs(TRANSFORM) + 4 * (TRANSFORM // 2 + 1)  # complex products
        behind = blocks * (transform_macs(TRANSFORM) + filters * each)
        windows = FILTERS * KERNEL * (1 + S // HOP)
        of_filters = filters * transform_macs(TRANSFORM)
        return of_filters + B * (behind + filters * S + windows)

    def plain_macs(self, samples: int) -> int:
        windows = FILTERS * KERNEL * (1 + samples // HOP)
        return self.parts * FILTERS * KERNEL * samples + windows
