"""Bitmap, also called compressed image size (CIS): a bit for each element.

Payload: R * C bits, row after row, the lowest bit of a byte first, set where the
element is not zero; then the non-zeros. The 4 x 4 example (see `csr`) has the map
1010 0000 0000 0101; the document prints the values 0.6 and 0.9 in place of its last
two ones.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from workloads.compression.sparse import container
from workloads.compression.sparse.elements import (
    PIECE,
    bits_of,
    field_bytes,
    nonzero_values,
    place,
    row_pieces,
)


def size_bytes(rows: int, columns: int, nonzeros: int, itemsize: int) -> int:
    """What `encode` takes, header included.

    >>> size_bytes(4, 4, nonzeros=4, itemsize=4)  # 44 + 16 bits + 16
    62
    """
    map_bytes = field_bytes(rows * columns, 1)
    return container.HEADER_BYTES + map_bytes + nonzeros * itemsize


def encode(matrix: NDArray[Any]) -> bytes:
    """(R, C) with a bitmap. Raises ValueError as `bits_of` does."""
    bits = bits_of(matrix)
    # A piece holds a multiple of eight elements, so that no byte lies in two.
    maps = (np.packbits(x != 0, bitorder="little") for x in row_pieces(bits))
    header = container.describe("bitmap", matrix, 1, int(np.count_nonzero(bits)))
    return container.write(header, [maps, nonzero_values(row_pieces(bits))])


def decode(data: bytes) -> NDArray[Any]:
    """(R, C), the same bits. Raises ValueError if damaged or of another format."""
    header, payload = container.read("bitmap", data)
    sizes = [field_bytes(header.size, 1), header.entries * header.itemsize]
    section, rest = container.cut(payload, sizes)
    maps, values = np.frombuffer(section, np.uint8), header.values(rest)
    container.check_entries(header, _ones(maps))
    flat = header.empty()
    done = 0
    for start in range(0, header.size, PIECE):
        some = maps[start // 8 : (start + PIECE) // 8]
        offsets = np.flatnonzero(np.unpackbits(some, bitorder="little")) + start
        place(flat, offsets, values[done : done + offsets.size])
        done += offsets.size
    return header.matrix(flat)


def _ones(maps: NDArray[np.uint8]) -> int:
    pieces = (maps[s : s + PIECE] for s in range(0, maps.size, PIECE))
    return sum(int(np.count_nonzero(np.unpackbits(piece))) for piece in pieces)
