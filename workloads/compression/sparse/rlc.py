"""RLC, run-length coding: each run of equal values as the value and its repetitions.

Zeros are values like any other, and values are equal if their bits are. A field holds
the repetitions less one. A run longer than the field's limit, 2^width, becomes several,
as `runs` says. The width is the cheapest, 0 where no value is repeated.

The 4 x 4 example (see `csr`) has the values 0.1 0 0.3 0 0.6 0 0.9 with the repetitions
1 1 1 10 1 1 1; the paper prints six repetitions for its seven values.
"""

import numpy as np

from workloads.compression.sparse import container, runs
from workloads.compression.sparse.elements import (
    PIECE,
    Bits,
    Entries,
    Matrix,
    bits_of,
)
from workloads.compression.sparse.fields import field_bits


def encoded_bytes(matrix: Matrix) -> int:
    width, count = _layout(bits_of(matrix))
    return container.size_bytes(count, width, matrix.dtype.itemsize)


def encode(matrix: Matrix) -> bytes:
    bits = bits_of(matrix)
    width, count = _layout(bits)

    def entries() -> Entries:
        for lengths, values in _runs(bits):
            fields, times = runs.split(lengths, 2**width)
            yield fields - 1, np.repeat(values, times)

    return container.encode("rlc", matrix, width, count, entries)


def _layout(bits: Bits) -> tuple[int, int]:
    """Width of the fields, and how many entries there are."""
    lengths = runs.count(some for some, _ in _runs(bits))
    limits = {w: 2**w for w in range(field_bits(lengths.longest - 1) + 1)}
    width = runs.cheapest(lengths, limits, bits.itemsize * 8)
    return width, lengths.entries(2**width)


def _runs(bits: Bits) -> Entries:
    """Lengths and values of the runs, in the order of where they end."""
    flat, last = bits.reshape(-1), 0
    for start in range(0, flat.size, PIECE):
        piece = flat[start : start + PIECE + 1]
        ends = np.flatnonzero(piece[1:] != piece[:-1])
        yield np.diff(ends + start + 1, prepend=last), piece[ends]
        last = int(ends[-1]) + start + 1 if ends.size else last
    yield np.array([flat.size - last]), flat[-1:]


def decode(data: bytes) -> Matrix:
    header, payload = container.read("rlc", data)
    flat, end = header.empty(), 0
    for repetitions, values in container.entries_of(header, payload):
        start, end = end, end + int(repetitions.sum()) + repetitions.size
        if end <= flat.size:
            flat[start:end] = np.repeat(values, repetitions + 1)
    if end != flat.size:
        raise container.damaged(
            f"the runs hold {end} elements, the matrix has {flat.size}"
        )
    return header.matrix(flat)
