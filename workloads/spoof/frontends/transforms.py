"""Power behind complex filters, by fast transforms, in memory that is used again.

Axes: `B` utterances, `S` samples, `N` blocks, `F` bins, `M` bins of a filter's band,
`C` filters, `H` hops.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from workloads.spoof.sizes import HOP

KERNEL = 401  # 25 ms and a sample, so that there is one in the middle
TRANSFORM = 2_048
BLOCK = 1_600  # samples: of the 1,648 that a transform tells, whole hops
# Complex numbers behind filters that are held at a time: more lie outside the caches.
TOGETHER = 170_000


@dataclass(frozen=True)
class Bands:
    """The bins that filters let through, `size` of them from each one's first: as many
    samples come out of a block, so that every TRANSFORM / size-th is kept."""

    firsts: Sequence[int]
    size: int

    @classmethod
    def whole(cls, transfer: Tensor) -> Bands:
        return cls([0] * len(transfer), transfer.shape[1])

    @property
    def are_whole(self) -> bool:
        return self.size == TRANSFORM

    @property
    def decimation(self) -> int:
        return TRANSFORM // self.size


def power_of_hops(
    spectra: Tensor, transfer: Tensor, columns: Tensor, bands: Bands, samples: int
) -> Tensor:
    """What spectra (B, N, F) are behind complex filters (C, M), its parts squared and
    summed in each hop under each part of a window: columns (C, 2 HOP / D, Q), of real
    and imaginary parts in turn, to (B, C, H, Q), H = 10 N. D is the bands' decimation;
    spectra go on from their beginning where bands do. Power behind the last of the
    `samples` is 0.
    """
    found: Tensor = _PowerOfHops.apply(spectra, transfer, columns, bands, samples)
    return found


class _PowerOfHops(torch.autograd.Function):
    """For gradients, what the filters let through is computed once more: kept, it would
    be 246 MB for 12 utterances of 4 s."""

    @staticmethod
    def forward(
        ctx: Any,
        spectra: Tensor,
        transfer: Tensor,
        columns: Tensor,
        bands: Bands,
        samples: int,
    ) -> Tensor:
        ctx.save_for_backward(spectra, transfer, columns)
        ctx.bands, ctx.samples = bands, samples
        (B, N, _), (C, _, Q) = spectra.shape, columns.shape
        parts = columns.new_empty(B, C, N * BLOCK // HOP, Q)
        room = _Room(spectra, bands, samples)
        for some in room.groups(C):
            for wave, found in zip(spectra, parts, strict=True):
                hops = room.hops(wave, transfer, some).square_()
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
        room = _Room(spectra, ctx.bands, ctx.samples).for_gradients()
        for some in room.groups(len(transfer)):
            for number, wave in enumerate(spectra):
                parts = of_parts[number, some]
                hops = room.hops(wave, transfer, some)
                beside = room.beside[: len(hops)]
                if of_columns is not None:
                    torch.square(hops, out=beside)
                    of_columns[some] += beside.transpose(1, 2) @ parts
                hops *= torch.bmm(parts, doubled[some], out=beside)
                behind = room.spectra_of(hops)
                if of_spectra is not None:
                    room.add_to_spectra(of_spectra[number], behind, transfer, some)
                if of_transfer is not None:
                    of_transfer[some] += room.of_transfer(behind, wave, some)
        return *found, None, None


class _Room:
    """Memory for one utterance (N, F) behind a few filters (c, M), which stays in the
    caches and is used again for the next: the system takes several times as long to
    give and clear it as it takes to compute."""

    def __init__(self, spectra: Tensor, bands: Bands, samples: int) -> None:
        N, M, D = spectra.shape[1], bands.size, bands.decimation
        self.bands, self.samples = bands, samples // D
        self.filters = min(max(1, TOGETHER // (N * M)), len(bands.firsts))
        size = self.filters, N
        self.product = spectra.new_empty(*size, M)
        self.made = spectra.new_empty(*size, BLOCK // D)
        self.hop = 2 * HOP // D
        self.kept = slice((KERNEL - 1) // D, (KERNEL - 1 + BLOCK) // D)

    def for_gradients(self) -> _Room:
        """With what only they need."""
        hops = len(self.made), self.made[0].numel() * 2 // self.hop, self.hop
        self.beside = self.made.real.new_empty(hops)
        self.padded = torch.zeros_like(self.product)
        return self

    def groups(self, filters: int) -> Iterator[slice]:
        for start in range(0, filters, self.filters):
            yield slice(start, min(filters, start + self.filters))

    def hops(self, wave: Tensor, transfer: Tensor, some: slice) -> Tensor:
        """Of the blocks behind some filters, what does not wrap around: real and
        imaginary parts in turn, (c, H, 2 HOP / D), 0 behind the last sample."""
        C = some.stop - some.start
        product = self.product[:C]
        if self.bands.are_whole:
            torch.mul(wave, transfer[some].unsqueeze(1), out=product)
        else:
            for place, band in enumerate(self._bands(wave, some)):
                torch.mul(band, transfer[some.start + place], out=product[place])
        whole = torch.fft.ifft(product)
        made = self.made[:C].copy_(whole[..., self.kept])
        parts = torch.view_as_real(made).view(C, -1)
        parts[:, 2 * self.samples :] = 0
        return parts.view(C, -1, self.hop)

    def spectra_of(self, hops: Tensor) -> Tensor:
        """The other way: (c, N, M), as the gradient of an inverse transform."""
        C, N, kept = self.made[: len(hops)].shape
        padded = self.padded[:C]
        padded[..., self.kept] = torch.view_as_complex(hops.view(C, N, kept, 2))
        return torch.fft.fft(padded, norm="forward")

    def add_to_spectra(
        self, found: Tensor, behind: Tensor, transfer: Tensor, some: slice
    ) -> None:
        """The gradient of blocks (N, F), of those behind some filters (c, N, M)."""
        if self.bands.are_whole:
            product = self.product[: len(behind)]
            torch.mul(behind, transfer[some].conj().unsqueeze(1), out=product)
            found += product.sum(0)
            return
        for place, band in enumerate(self._bands(found, some)):
            filter_ = transfer[some.start + place].conj()
            band += torch.mul(behind[place], filter_, out=self.product[place])

    def of_transfer(self, behind: Tensor, wave: Tensor, some: slice) -> Tensor:
        """The gradient of some filters: (c, M)."""
        if self.bands.are_whole:
            torch.mul(behind, wave.conj(), out=self.product[: len(behind)])
        else:
            for place, band in enumerate(self._bands(wave, some)):
                torch.mul(behind[place], band.conj(), out=self.product[place])
        return self.product[: len(behind)].sum(1)

    def _bands(self, wave: Tensor, some: slice) -> Iterator[Tensor]:
        """Of (N, F) the bins of each filter: views."""
        for first in self.bands.firsts[some]:
            yield wave[:, first : first + self.bands.size]
