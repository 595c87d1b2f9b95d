"""Compressed stripe storage, which CSR and CSC have in common.

A stripe is a row (CSR) or a column (CSC). Payload, in this order:

1. pointers: for each stripe how many non-zeros lie before it, and at last how many
   there are; stripes + 1 fields, of the bits that the number of non-zeros needs;
2. indices: the place of each non-zero in its stripe; fields of the bits that the
   length of a stripe less one needs (the header's width);
3. values: the non-zeros, stripe after stripe.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workloads.compression.sparse import container
from workloads.compression.sparse.elements import (
    PIECE,
    Bits,
    Offsets,
    Pieces,
    bits_of,
    field_bits,
    field_bytes,
    nonzero_offsets,
    nonzero_values,
)
from workloads.compression.sparse.fields import packed, unpacked


def size_bytes(stripes: int, length: int, nonzeros: int, itemsize: int) -> int:
    """Header, pointers, indices and values of `stripes` of `length` elements each.

    >>> size_bytes(4, 4, nonzeros=4, itemsize=4)  # 44 + 5 * 3 bits + 4 * 2 bits + 16
    63
    """
    return container.HEADER_BYTES + sum(_lengths(stripes, length, nonzeros, itemsize))


def _lengths(stripes: int, length: int, nonzeros: int, itemsize: int) -> list[int]:
    return [
        field_bytes(stripes + 1, field_bits(nonzeros)),
        field_bytes(nonzeros, field_bits(length - 1)),
        nonzeros * itemsize,
    ]


def encode(format: str, matrix: NDArray[Any], pieces: Pieces, length: int) -> bytes:
    """`pieces` gives the elements stripe after stripe of `length`."""
    bits = bits_of(matrix)
    nonzeros = int(np.count_nonzero(bits))
    header = container.describe(format, matrix, field_bits(length - 1), nonzeros)
    indices = (offsets % length for offsets in nonzero_offsets(pieces(bits)))
    return container.write(
        header,
        [
            packed(pointers(pieces(bits), length), field_bits(nonzeros)),
            packed(indices, header.width),
            nonzero_values(pieces(bits)),
        ],
    )


def pointers(pieces: Iterable[Bits], length: int) -> Iterator[Offsets]:
    """How many non-zeros lie before each stripe, and at last how many there are."""
    start = nonzeros = 0
    for piece in pieces:
        within = np.concatenate([[0], np.cumsum(piece != 0)])
        yield nonzeros + within[:-1][-start % length :: length]
        nonzeros += int(within[-1])
        start += piece.size
    yield np.array([nonzeros])


def entries(
    header: container.Header, payload: memoryview, stripes: int, length: int
) -> Iterator[tuple[Offsets, Offsets, Bits]]:
    """Stripe, place in the stripe and value of the non-zeros, some at a time."""
    sizes = _lengths(stripes, length, header.entries, header.itemsize)
    heads, indices, values = container.cut(payload, sizes)
    last = range(stripes, stripes + 1)
    told = unpacked(heads, last, field_bits(header.entries))
    container.check_entries(header, int(told[0]))
    for first in range(0, stripes, PIECE):
        some = range(first, min(first + PIECE, stripes))
        span = range(some.start, some.stop + 1)
        ends = unpacked(heads, span, field_bits(header.entries))
        _check_ascending(ends)
        for start in range(ends[0], ends[-1], PIECE):
            stop = min(start + PIECE, int(ends[-1]))
            within = np.clip(ends, start, stop)
            yield (
                np.repeat(np.arange(some.start, some.stop), within[1:] - within[:-1]),
                unpacked(indices, range(start, stop), header.width),
                header.values(values)[start:stop],
            )


def _check_ascending(ends: Offsets) -> None:
    if (ends[1:] < ends[:-1]).any():
        place = int(np.argmax(ends[1:] < ends[:-1]))
        raise ValueError(
            f"a pointer of {ends[place]} is followed by one of {ends[place + 1]}: "
            "the bytes are damaged, encode the matrix again"
        )
