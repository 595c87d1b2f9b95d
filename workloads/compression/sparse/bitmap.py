"""Bitmap, also called compressed image size (CIS): a bit for each element.

Payload: R * C bits, row after row, the lowest bit of a byte first, set where the
element is not zero; then the non-zeros. The 4 x 4 example (see `csr`) has the map
1010 0000 0000 0101; the paper prints the values 0.6 and 0.9 in place of its last two
ones.
"""

import numpy as np

from workloads.compression.sparse import container
from workloads.compression.sparse.elements import (
    Entries,
    Matrix,
    bits_of,
    nonzeros,
    pieces,
)
from workloads.compression.sparse.fields import field_bytes, packed


def size_bytes(rows: int, columns: int, count: int, itemsize: int) -> int:
    """What `encode` takes with so many non-zeros.

    >>> size_bytes(4, 4, count=4, itemsize=4)  # 44 + 16 bits + 16
    62
    """
    return container.size_bytes(count, 0, itemsize, field_bytes(rows * columns, 1))


def encode(matrix: Matrix) -> bytes:
    bits = bits_of(matrix)
    count = int(np.count_nonzero(bits))
    header = container.Header("bitmap", matrix.dtype.name, matrix.shape, 1, count)
    ones = packed((piece != 0 for piece in pieces(bits)), 1)
    return container.write(header, [ones, (x[x != 0] for x in pieces(bits))])


def decode(data: bytes) -> Matrix:
    return container.decode("bitmap", data, _entries)


def _entries(header: container.Header, payload: memoryview) -> Entries:
    sizes = [field_bytes(header.size, 1), header.entries * header.itemsize]
    section, rest = container.cut(payload, sizes)
    values, done = header.values(rest), 0
    ones = np.unpackbits(np.frombuffer(section, np.uint8), bitorder="little")
    container.check_entries(header, int(np.count_nonzero(ones)))
    for offsets, _ in nonzeros(ones):
        yield offsets, values[done : done + offsets.size]
        done += offsets.size
