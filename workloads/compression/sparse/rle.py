"""RLE, run-length encoding of offsets: COO with differences in place of offsets.

Payload: for each entry the difference between its offset and that of the entry before
it (the first counts from offset 0) in fields of the header's width; then the values.
A difference above the field's limit, 2^width - 1, is split as `runs` says by entries of
value zero in between, which stand on zeros of the matrix. Zeros after the last non-zero
take nothing. Without a width given, the one that takes the fewest bits is chosen.

The 4 x 4 example (see `csr`) has, at 4 bits, the differences 0 2 11 2; at 3 bits
0 2 6 5 2 with the values 0.1 0.3 0 0.6 0.9. The document calls the latter a saving of a
bit for each entry; with values of 32 bits, the entry that is added costs more.
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
    nonzero_offsets,
    place,
    row_pieces,
)
from workloads.compression.sparse.fields import packed, unpacked


def encoded_bytes(matrix: NDArray[Any], width: int | None = None) -> int:
    """What `encode` takes, header included, by counting differences."""
    chosen, entries = _layout(bits_of(matrix), width)
    sizes = _lengths(entries, chosen, matrix.dtype.itemsize)
    return container.HEADER_BYTES + sum(sizes)


def encode(matrix: NDArray[Any], width: int | None = None) -> bytes:
    """(R, C) in RLE with fields of `width` bits, or of the width that is cheapest.

    Raises ValueError as `bits_of` does, or if the width is not from 1 to 63.
    """
    bits = bits_of(matrix)
    chosen, entries = _layout(bits, width)
    limit = 2**chosen - 1
    header = container.describe("rle", matrix, chosen, entries)
    fields = (runs.split(some, limit)[0] for some in _differences(bits))
    return container.write(header, [packed(fields, chosen), _values(bits, limit)])


def decode(data: bytes) -> NDArray[Any]:
    """(R, C), the same bits. Raises ValueError if the bytes are damaged or not RLE."""
    header, payload = container.read("rle", data)
    sizes = _lengths(header.entries, header.width, header.itemsize)
    fields, rest = container.cut(payload, sizes)
    flat, values = header.empty(), header.values(rest)
    last = 0
    for start in range(0, header.entries, PIECE):
        span = range(start, min(start + PIECE, header.entries))
        offsets = last + np.cumsum(unpacked(fields, span, header.width))
        place(flat, offsets, values[start : span.stop])
        last = int(offsets[-1])
    return header.matrix(flat)


def _lengths(entries: int, width: int, itemsize: int) -> list[int]:
    return [field_bytes(entries, width), entries * itemsize]


def _layout(bits: Bits, width: int | None) -> tuple[int, int]:
    """Width of the fields, and how many entries there are."""
    lengths = runs.count(_differences(bits))
    widest = max(1, field_bits(lengths.longest))
    limits = {w: 2**w - 1 for w in range(1, widest + 1)}
    if width is None:
        width = runs.cheapest(lengths, limits, bits.itemsize * 8)
    elif not 1 <= width <= 63:
        raise ValueError(
            f"{width} bits cannot hold differences of offsets: give 1 to 63, or none "
            "for the width that is cheapest"
        )
    return width, lengths.entries(2**width - 1)


def _differences(bits: Bits) -> Iterator[Offsets]:
    last = 0
    for offsets in nonzero_offsets(row_pieces(bits)):
        yield np.diff(offsets, prepend=last)
        last = int(offsets[-1]) if offsets.size else last


def _values(bits: Bits, limit: int) -> Iterator[Bits]:
    pieces = zip(row_pieces(bits), _differences(bits), strict=True)
    for piece, differences in pieces:
        ends = np.cumsum(runs.splits(differences, limit))
        values = np.zeros(ends[-1] if ends.size else 0, bits.dtype)
        values[ends - 1] = piece[piece != 0]
        yield values
