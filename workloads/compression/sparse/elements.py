"""A matrix of weights as the bit patterns that a storage format sees.

Only the pattern of +0.0, in which no bit is set, counts as zero: -0.0, denormals and
NaN with their payloads are values like any other, so that decoding is exact to the bit.

Axis legend: R rows, C columns. A matrix is worked through in flat pieces of about
65,536 elements, so that what lies beside matrix and result stays at a few MB.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.unsignedinteger[Any]]
Offsets = NDArray[np.int64]
Pieces = Callable[[Bits], Iterator[Bits]]

DTYPES = ("float32", "float16", "float64", "int8", "uint8", "uint16")
PIECE = 1 << 16
LARGEST_AXIS = 2**32 - 1


def bits_of(matrix: NDArray[Any]) -> Bits:
    """(R, C) bit patterns, in the order of rows; a view where that is possible.

    Raises ValueError unless the matrix has two axes, at least one element, and a type
    of DTYPES. (bfloat16, which numpy lacks, can be given as its bits, in uint16.)
    """
    if matrix.ndim != 2 or not matrix.size or max(matrix.shape) > LARGEST_AXIS:
        raise ValueError(
            f"an array of shape {matrix.shape} has no sparse storage: give a matrix "
            f"(rows, columns) of 1 to {LARGEST_AXIS} each"
        )
    if matrix.dtype not in DTYPES:
        raise ValueError(
            f"a matrix of {matrix.dtype} has no sparse storage: "
            f"give one of {', '.join(DTYPES)}, in this machine's byte order"
        )
    unsigned = np.dtype(f"u{matrix.dtype.itemsize}")
    return np.ascontiguousarray(matrix).view(unsigned)


def row_pieces(bits: Bits) -> Iterator[Bits]:
    """All elements, row after row, in flat pieces."""
    return _cut(bits.reshape(-1))


def column_pieces(bits: Bits) -> Iterator[Bits]:
    """All elements, column after column, in flat pieces."""
    rows, columns = bits.shape
    width = max(1, PIECE // rows)
    for start in range(0, columns, width):
        yield from _cut(bits[:, start : start + width].T.reshape(-1))


def _cut(flat: Bits) -> Iterator[Bits]:
    for start in range(0, flat.size, PIECE):
        yield flat[start : start + PIECE]


def nonzero_offsets(pieces: Iterable[Bits]) -> Iterator[Offsets]:
    """Of each piece: where its non-zeros lie, counted from the first piece's start."""
    start = 0
    for piece in pieces:
        yield np.flatnonzero(piece) + start
        start += piece.size


def nonzero_values(pieces: Iterable[Bits]) -> Iterator[Bits]:
    """Of each piece: its non-zeros."""
    for piece in pieces:
        yield piece[piece != 0]


def place(flat: Bits, offsets: Offsets, values: Bits) -> None:
    """Writes values into a flat matrix.

    Raises ValueError where an offset lies outside of it.
    """
    if offsets.size and int(offsets.max()) >= flat.size:
        raise ValueError(
            f"an entry lies at offset {int(offsets.max())} of a matrix of {flat.size} "
            "elements: the bytes are damaged, encode the matrix again"
        )
    flat[offsets] = values


def field_bits(largest: int) -> int:
    """The narrowest width that holds 0 to `largest`.

    >>> field_bits(0), field_bits(1), field_bits(15), field_bits(16)
    (0, 1, 4, 5)
    """
    return int(largest).bit_length()


def field_bytes(count: int, width: int) -> int:
    """What `count` fields of `width` bits take, the last byte filled up.

    >>> field_bytes(3, 3)
    2
    """
    return -(-count * width // 8)
