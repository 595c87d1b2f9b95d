"""Lengths of runs, in fields that may be too narrow for the longest of them.

A length above the field's limit becomes several entries, as few and as even as can be:
11 with a limit of 7 becomes 6 and 5.
"""

from collections.abc import Mapping

import numpy as np

from workloads.compression.sparse.container import (
    Format,
    Layout,
    Payload,
    layout_of_entries,
)
from workloads.compression.sparse.elements import Bits, Offsets
from workloads.compression.sparse.fields import field_bits


class OffsetRuns(Format):
    """RLE, run-length encoding of offsets: COO with differences in place of offsets.

    The first difference counts from offset 0. One above the limit of the field, which
    has as many bits as are cheapest, is split by entries of value zero in between,
    which stand on zeros of the matrix. Zeros after the last non-zero take nothing.

    The 4 x 4 example (see `stripes`) has, at 4 bits, the differences 0 2 11 2; at 3
    bits 0 2 6 5 2 with the values 0.1 0.3 0 0.6 0.9. The paper calls the latter a
    saving of a bit for each entry; with values of 32 bits, the entry that is added
    costs more.
    """

    name = "rle"

    def layout(self, bits: Bits) -> Layout:
        differences = np.diff(np.flatnonzero(bits), prepend=0)
        widest = max(1, field_bits(differences.max(initial=0)))
        limits = {width: 2**width - 1 for width in range(1, widest + 1)}
        width = cheapest(differences, limits, bits.itemsize * 8)
        fields, times = split(differences, limits[width])
        values = np.zeros(fields.size, bits.dtype)
        values[np.cumsum(times) - 1] = bits[bits != 0]
        return layout_of_entries(width, fields, values)

    def restore(self, payload: Payload, bits: Bits) -> None:
        differences, values = payload.entries(payload.header.width)
        bits.flat[np.cumsum(differences)] = values


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
        flat = bits.reshape(-1)
        last = np.append(np.flatnonzero(flat[1:] != flat[:-1]), flat.size - 1)
        repetitions = np.diff(last, prepend=-1)
        widest = field_bits(repetitions.max() - 1)
        limits = {width: 2**width for width in range(widest + 1)}
        width = cheapest(repetitions, limits, bits.itemsize * 8)
        fields, times = split(repetitions, limits[width])
        return layout_of_entries(width, fields - 1, np.repeat(flat[last], times))

    def restore(self, payload: Payload, bits: Bits) -> None:
        repetitions, values = payload.entries(payload.header.width)
        bits[:] = np.repeat(values, repetitions + 1).reshape(bits.shape)


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


def cheapest(lengths: Offsets, limits: Mapping[int, int], value_bits: int) -> int:
    """The width at which fields and values take the fewest bits; of equals the first.

    `limits` gives the longest entry that a field of each width can hold.
    """
    distinct, counts = np.unique(lengths, return_counts=True)

    def size_bits(width: int) -> int:
        return int(counts @ _splits(distinct, limits[width])) * (width + value_bits)

    return min(limits, key=size_bits)
