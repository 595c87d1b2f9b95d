"""Lengths of runs, in fields that may be too narrow for the longest of them.

A length above the field's limit becomes several entries, as few and as even as can be:
11 with a limit of 7 becomes 6 and 5.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from workloads.compression.sparse.container import (
    Format,
    Layout,
    Payload,
    damaged,
    layout_of_entries,
    place,
)
from workloads.compression.sparse.elements import (
    PIECE,
    Bits,
    Entries,
    Offsets,
    nonzeros,
)
from workloads.compression.sparse.fields import field_bits


@dataclass(frozen=True)
class OffsetRuns(Format):
    """RLE, run-length encoding of offsets: COO with differences in place of offsets.

    The first difference counts from offset 0. One above the limit of the field, which
    has `width` bits or as many as are cheapest, is split by entries of value zero in
    between, which stand on zeros of the matrix. Zeros after the last non-zero take
    nothing.

    The 4 x 4 example (see `stripes`) has, at 4 bits, the differences 0 2 11 2; at 3
    bits 0 2 6 5 2 with the values 0.1 0.3 0 0.6 0.9. The paper calls the latter a
    saving of a bit for each entry; with values of 32 bits, the entry that is added
    costs more.
    """

    width: int | None = None
    name = "rle"

    def __post_init__(self) -> None:
        if self.width is not None and not 1 <= self.width <= 63:
            raise ValueError(
                f"{self.width} bits cannot hold differences of offsets: give 1 to 63, "
                "or none for the width that is cheapest"
            )

    def layout(self, bits: Bits) -> Layout:
        lengths = count(differences for differences, _ in _differences(bits))
        widths = range(1, max(1, field_bits(lengths.longest)) + 1)
        limits = {w: 2**w - 1 for w in widths}
        width = self.width or cheapest(lengths, limits, bits.itemsize * 8)
        limit = 2**width - 1

        def entries() -> Entries:
            for differences, values in _differences(bits):
                fields, times = split(differences, limit)
                filled = np.zeros(fields.size, bits.dtype)
                filled[np.cumsum(times) - 1] = values
                yield fields, filled

        return layout_of_entries(bits, width, lengths.entries(limit), entries)

    def restore(self, payload: Payload, flat: Bits) -> None:
        last = 0
        for differences, values in payload.entries(payload.header.width):
            offsets = last + np.cumsum(differences)
            place(flat, offsets, values)
            last = int(offsets[-1])


def _differences(bits: Bits) -> Entries:
    last = 0
    for offsets, values in nonzeros(bits):
        yield np.diff(offsets, prepend=last), values
        last = int(offsets[-1]) if offsets.size else last


class ValueRuns(Format):
    """RLC, run-length coding: each run of equal values as the value and its
    repetitions.

    Zeros are values like any other, and values are equal if their bits are. A field
    holds the repetitions less one. The width is the cheapest, 0 where no value is
    repeated.

    The 4 x 4 example (see `stripes`) has the values 0.1 0 0.3 0 0.6 0 0.9 with the
    repetitions 1 1 1 10 1 1 1; the paper prints six repetitions for its seven values.
    """

    name = "rlc"

    def layout(self, bits: Bits) -> Layout:
        lengths = count(some for some, _ in _runs(bits))
        limits = {w: 2**w for w in range(field_bits(lengths.longest - 1) + 1)}
        width = cheapest(lengths, limits, bits.itemsize * 8)

        def entries() -> Entries:
            for repetitions, values in _runs(bits):
                fields, times = split(repetitions, 2**width)
                yield fields - 1, np.repeat(values, times)

        return layout_of_entries(bits, width, lengths.entries(2**width), entries)

    def restore(self, payload: Payload, flat: Bits) -> None:
        end = 0
        for repetitions, values in payload.entries(payload.header.width):
            start, end = end, end + int(repetitions.sum()) + repetitions.size
            if end <= flat.size:
                flat[start:end] = np.repeat(values, repetitions + 1)
        if end != flat.size:
            raise damaged(f"the runs hold {end} elements, the matrix has {flat.size}")


def _runs(bits: Bits) -> Entries:
    """Lengths and values of the runs, in the order of where they end."""
    flat, last = bits.reshape(-1), 0
    for start in range(0, flat.size, PIECE):
        piece = flat[start : start + PIECE + 1]
        ends = np.flatnonzero(piece[1:] != piece[:-1])
        yield np.diff(ends + start + 1, prepend=last), piece[ends]
        last = int(ends[-1]) + start + 1 if ends.size else last
    yield np.array([flat.size - last]), flat[-1:]


@dataclass(frozen=True)
class Lengths:
    """How often each length occurs: `distinct` ascending, `counts` beside it.

    There are few: lengths that sum up to n take at most sqrt(2 n) different values.
    """

    distinct: Offsets
    counts: Offsets

    @property
    def longest(self) -> int:
        return int(self.distinct.max(initial=0))

    def entries(self, limit: int) -> int:
        """How many there are once those above the limit are split."""
        return int((self.counts * _splits(self.distinct, limit)).sum())


def count(pieces: Iterable[Offsets]) -> Lengths:
    """Of the lengths of all pieces."""
    total = Counter[int]()
    for piece in pieces:
        found, times = np.unique(piece, return_counts=True)
        total.update(dict(zip(found.tolist(), times.tolist(), strict=True)))
    ordered = np.array(sorted(total.items()), np.int64).reshape(-1, 2)
    return Lengths(*ordered.T)


def _splits(lengths: Offsets, limit: int) -> Offsets:
    """Into how many entries each length is split; a length of 0 takes one too."""
    return np.maximum(1, -(-lengths // limit))


def split(lengths: Offsets, limit: int) -> tuple[Offsets, Offsets]:
    """The entries of all lengths, and how many each length has.

    >>> split(np.array([2, 11]), 7)
    (array([2, 6, 5]), array([1, 2]))
    """
    times = _splits(lengths, limit)
    ends = np.cumsum(times)
    rank = np.arange(times.sum()) - np.repeat(ends - times, times)
    longer = rank < np.repeat(lengths % times, times)
    return np.repeat(lengths // times, times) + longer, times


def cheapest(lengths: Lengths, limits: Mapping[int, int], value_bits: int) -> int:
    """The width at which fields and values take the fewest bits; of equals the first.

    `limits` gives the longest entry that a field of each width can hold.
    """
    return min(limits, key=lambda w: lengths.entries(limits[w]) * (w + value_bits))
