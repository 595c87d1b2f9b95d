"""COO, coordinate offsets: for each non-zero its offset in the flat matrix.

Payload: the offsets, row after row from 0, in fields of the bits that R * C - 1 needs
(the header's width); then the non-zeros. The 4 x 4 example (see `csr`) has the offsets
0 2 13 15.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from workloads.compression.sparse import container
from workloads.compression.sparse.elements import (
    PIECE,
    bits_of,
    field_bits,
    field_bytes,
    nonzero_offsets,
    nonzero_values,
    place,
    row_pieces,
)
from workloads.compression.sparse.fields import packed, unpacked


def size_bytes(rows: int, columns: int, nonzeros: int, itemsize: int) -> int:
    """What `encode` takes, header included.

    >>> size_bytes(4, 4, nonzeros=4, itemsize=4)  # 44 + 4 * 4 bits + 16
    62
    """
    offset_bytes = field_bytes(nonzeros, field_bits(rows * columns - 1))
    return container.HEADER_BYTES + offset_bytes + nonzeros * itemsize


def encode(matrix: NDArray[Any]) -> bytes:
    """(R, C) in COO. Raises ValueError as `bits_of` does."""
    bits = bits_of(matrix)
    width, nonzeros = field_bits(bits.size - 1), int(np.count_nonzero(bits))
    header = container.describe("coo", matrix, width, nonzeros)
    offsets = packed(nonzero_offsets(row_pieces(bits)), width)
    return container.write(header, [offsets, nonzero_values(row_pieces(bits))])


def decode(data: bytes) -> NDArray[Any]:
    """(R, C), the same bits. Raises ValueError if the bytes are damaged or not COO."""
    header, payload = container.read("coo", data)
    offset_bytes = field_bytes(header.entries, header.width)
    sizes = [offset_bytes, header.entries * header.itemsize]
    offsets, rest = container.cut(payload, sizes)
    flat, values = header.empty(), header.values(rest)
    for start in range(0, header.entries, PIECE):
        span = range(start, min(start + PIECE, header.entries))
        place(flat, unpacked(offsets, span, header.width), values[start : span.stop])
    return header.matrix(flat)
