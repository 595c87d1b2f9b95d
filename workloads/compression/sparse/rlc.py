"""RLC, run-length coding: each run of equal values as the value and its repetitions.

Zeros are values like any other, and values are equal if their bits are. Payload: for
each run its repetitions less one, in fields of the header's width; then the values. A
run longer than the field's limit, 2^width, becomes several runs, as `runs` says. The
width that takes the fewest bits is chosen; it is 0 where no value is repeated.

The 4 x 4 example (see `csr`) has the values 0.1 0 0.3 0 0.6 0 0.9 with the repetitions
1 1 1 10 1 1 1; the document prints six repetitions for its seven values.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workloads.compression.sparse import container, runs
from workloads.compression.sparse.elements import (
    PIECE,
    Bits,
    Offsets,
    bits_of,
    field_bits,
    field_bytes,
    row_pieces,
)
from workloads.compression.sparse.fields import packed, unpacked


def encoded_bytes(matrix: NDArray[Any]) -> int:
    """What `encode` takes, header included, by counting runs."""
    width, entries = _layout(bits_of(matrix))
    sizes = _lengths(entries, width, matrix.dtype.itemsize)
    return container.HEADER_BYTES + sum(sizes)


def encode(matrix: NDArray[Any]) -> bytes:
    """(R, C) in RLC. Raises ValueError as `bits_of` does."""
    bits = bits_of(matrix)
    width, entries = _layout(bits)
    header = container.describe("rlc", matrix, width, entries)
    fields = (runs.split(some, 2**width)[0] - 1 for _, some in _runs(bits))
    return container.write(header, [packed(fields, width), _values(bits, 2**width)])


def decode(data: bytes) -> NDArray[Any]:
    """(R, C), the same bits. Raises ValueError if the bytes are damaged or not RLC."""
    header, payload = container.read("rlc", data)
    sizes = _lengths(header.entries, header.width, header.itemsize)
    fields, rest = container.cut(payload, sizes)
    flat, values = header.empty(), header.values(rest)
    end = 0
    for start in range(0, header.entries, PIECE):
        span = range(start, min(start + PIECE, header.entries))
        times = unpacked(fields, span, header.width) + 1
        first, end = end, end + int(times.sum())
        _check_end(end, flat.size, final=span.stop == header.entries)
        flat[first:end] = np.repeat(values[start : span.stop], times)
    return header.matrix(flat)


def _check_end(end: int, size: int, final: bool) -> None:
    if end > size or (final and end != size):
        raise ValueError(
            f"the runs hold {end} elements, the matrix has {size}: "
            "the bytes are damaged, encode the matrix again"
        )


def _lengths(entries: int, width: int, itemsize: int) -> list[int]:
    return [field_bytes(entries, width), entries * itemsize]


def _layout(bits: Bits) -> tuple[int, int]:
    """Width of the fields, and how many entries there are."""
    lengths = runs.count(some for _, some in _runs(bits))
    limits = {w: 2**w for w in range(field_bits(lengths.longest - 1) + 1)}
    width = runs.cheapest(lengths, limits, bits.itemsize * 8)
    return width, lengths.entries(2**width)


def _runs(bits: Bits) -> Iterator[tuple[Bits, Offsets]]:
    """Values and lengths of the runs; the last of a piece may go on in the next."""
    values, lengths = np.zeros(0, bits.dtype), np.zeros(0, np.int64)
    for piece in row_pieces(bits):
        changes = np.flatnonzero(piece[1:] != piece[:-1]) + 1
        starts = np.concatenate([[0], changes])
        some = np.diff(starts, append=piece.size)
        if values.size and values[0] == piece[0]:
            some[0] += lengths[0]
        elif values.size:
            yield values, lengths
        yield piece[starts[:-1]], some[:-1]
        values, lengths = piece[starts[-1:]], some[-1:]
    yield values, lengths


def _values(bits: Bits, limit: int) -> Iterator[Bits]:
    for values, lengths in _runs(bits):
        yield np.repeat(values, runs.splits(lengths, limit))
