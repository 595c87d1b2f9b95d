"""Filters over samples, and the mean power of what they let through in each frame.

Axes: `B` utterances, `S` samples, `T` frames, `C` filters, `K` taps (odd), `H` hops.

40 complex filters of 401 taps at every sample are 513 million products a second of
speech. `by_fourier` needs a fifteenth of them: blocks of samples are transformed
once, multiplied with each filter's transform, and transformed back (overlap-save:
A. V. Oppenheim, R. W. Schafer, "Discrete-Time Signal Processing", section 8.7).
`by_products` is the plain form, and what runtimes of files are given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from workloads.spoof.frontends.frontend import Frontend, transform_macs
from workloads.spoof.sizes import FILTERS, HOP

KERNEL = 401  # 25 ms and a sample, so that there is one in the middle
TRANSFORM = 2_048
BLOCK = 1_600  # samples: of the 1,648 that a transform tells, whole hops
HOPS_BEFORE = -(-(KERNEL // 2) // HOP)  # of a window, before that of its middle
HOPS = HOPS_BEFORE + 1 + KERNEL // 2 // HOP  # that a window may lie on
# Complex numbers behind filters that are held at a time: more lie outside the caches.
TOGETHER = 170_000


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
    P, C, K = filters.shape
    if K != KERNEL:
        raise ValueError(f"filters of {K} taps, expected {KERNEL}")
    S, half = waves.shape[1], K // 2
    blocks = -(-S // BLOCK)
    padded = F.pad(waves, (half, (blocks - 1) * BLOCK + TRANSFORM - half - S))
    spectra = torch.fft.fft(padded.unfold(1, TRANSFORM, BLOCK))
    columns = _columns(windows)
    if P == 1:  # two filters take one complex transform
        filters = F.pad(filters, (0, 0, 0, C % 2)).view(-1, 2, K).transpose(0, 1)
        columns = _of_two(F.pad(columns, (0, 0, 0, 0, 0, C % 2)))
    else:
        columns = columns.repeat_interleave(2, 1)
    transfer = torch.fft.fft(torch.complex(*filters.flip(-1)), TRANSFORM)
    parts: Tensor = _PowerOfHops.apply(spectra, transfer, columns, S)
    if P == 1:
        parts = parts.unflatten(3, (2, HOPS)).transpose(2, 3).flatten(1, 2)[:, :C]
    return _added(parts, frames=1 + S // HOP)


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


def _added(parts: Tensor, frames: int) -> Tensor:
    """Each hop under each part of its window (B, C, H, parts), added up to frames:
    (B, T, C)."""
    behind = max(0, frames + HOPS - 1 - HOPS_BEFORE - parts.shape[2])
    padded = F.pad(parts, (0, 0, HOPS_BEFORE, behind))
    each = [padded[:, :, part : part + frames, part] for part in range(HOPS)]
    return torch.stack(each).sum(0).transpose(1, 2)


class _PowerOfHops(torch.autograd.Function):
    """What spectra (B, N, F) are behind complex filters (C, F), its parts squared and
    summed in each hop under each part of a window: columns (C, 2 HOP, Q), of real and
    imaginary parts in turn, to (B, C, H, Q), H = 10 N.

    For gradients, what the filters let through is computed once more: kept, it would
    be 330 MB for 12 utterances of 4 s.
    """

    @staticmethod
    def forward(
        ctx: Any, spectra: Tensor, transfer: Tensor, columns: Tensor, samples: int
    ) -> Tensor:
        ctx.save_for_backward(spectra, transfer, columns)
        ctx.samples = samples
        (B, N, _), (C, _, Q) = spectra.shape, columns.shape
        parts = columns.new_empty(B, C, N * BLOCK // HOP, Q)
        room = _Room(spectra, samples)
        for some in room.groups(C):
            for wave, found in zip(spectra, parts, strict=True):
                hops = room.hops(wave, transfer[some]).square_()
                torch.bmm(hops, columns[some], out=found[some])
        return parts

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_parts: Tensor) -> tuple[Tensor | None, ...]:
        spectra, transfer, columns = given = ctx.saved_tensors
        found = [
            torch.zeros_like(one) if is_needed else None
            for one, is_needed in zip(given, ctx.needs_input_grad, strict=False)
        ]
        of_spectra, of_transfer, of_columns = found
        doubled = 2 * columns.transpose(1, 2)  # of squares
        room = _Room(spectra, ctx.samples)
        for some in room.groups(len(transfer)):
            for number, wave in enumerate(spectra):
                parts = of_parts[number, some]
                hops = room.hops(wave, transfer[some])
                beside = room.beside[: len(hops)]
                if of_columns is not None:
                    torch.square(hops, out=beside)
                    of_columns[some] += beside.transpose(1, 2) @ parts
                hops *= torch.bmm(parts, doubled[some], out=beside)
                behind = room.spectra_of(hops)
                product = room.product[: len(hops)]
                if of_spectra is not None:
                    filters = transfer[some].conj().unsqueeze(1)
                    of_spectra[number] += torch.mul(behind, filters, out=product).sum(0)
                if of_transfer is not None:
                    torch.mul(behind, wave.conj(), out=product)
                    of_transfer[some] += product.sum(1)
        return *found, None


class _Room:
    """Memory for one utterance (N, F) behind a few filters (c, F), which stays in the
    caches and is used again for the next: the system takes several times as long to
    give and clear it as it takes to compute."""

    def __init__(self, spectra: Tensor, samples: int) -> None:
        N, bins = spectra.shape[1:]
        self.samples = samples
        self.filters = max(1, TOGETHER // (N * bins))
        size = self.filters, N
        self.product = spectra.new_empty(*size, bins)
        self.padded = spectra.new_zeros(*size, bins)
        self.made = spectra.new_empty(*size, BLOCK)
        self.beside = spectra.real.new_empty(self.filters, N * BLOCK // HOP, 2 * HOP)

    def groups(self, filters: int) -> Iterator[slice]:
        for start in range(0, filters, self.filters):
            yield slice(start, min(filters, start + self.filters))

    def hops(self, wave: Tensor, transfer: Tensor) -> Tensor:
        """Of the blocks behind the filters, what does not wrap around: real and
        imaginary parts in turn, (c, H, 2 HOP), 0 behind the last sample."""
        C = len(transfer)
        behind = torch.mul(wave, transfer.unsqueeze(1), out=self.product[:C])
        whole = torch.fft.ifft(behind)
        made = self.made[:C].copy_(whole[..., KERNEL - 1 : KERNEL - 1 + BLOCK])
        parts = torch.view_as_real(made).view(C, -1)
        parts[:, 2 * self.samples :] = 0
        return parts.view(C, -1, 2 * HOP)

    def spectra_of(self, hops: Tensor) -> Tensor:
        """The other way: (c, N, F), as the gradient of an inverse transform."""
        C, N = len(hops), self.made.shape[1]
        made = torch.view_as_complex(hops.view(C, N, BLOCK, 2))
        padded = self.padded[:C]
        padded[..., KERNEL - 1 : KERNEL - 1 + BLOCK] = made
        return torch.fft.fft(padded, norm="forward")


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
        blocks, filters = -(-S // BLOCK), self.parts * FILTERS // 2  # complex ones
        transform = 2 * transform_macs(TRANSFORM)
        behind = transform + 4 * TRANSFORM + 2 * BLOCK  # products, squares
        windows = BLOCK // HOP * 2 * HOP * HOPS * (3 - self.parts)
        each = transform + filters * (behind + windows)
        return filters * transform + B * blocks * each

    def plain_macs(self, samples: int) -> int:
        windows = FILTERS * KERNEL * (1 + samples // HOP)
        return self.parts * FILTERS * KERNEL * samples + windows
