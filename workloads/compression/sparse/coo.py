"""COO, coordinate offsets: for each non-zero its offset in the flat matrix.

Fields of the bits that R * C - 1 needs, row after row from 0. The 4 x 4 example (see
`csr`) has the offsets 0 2 13 15.
"""

import numpy as np

from workloads.compression.sparse import container
from workloads.compression.sparse.elements import Matrix, bits_of, nonzeros
from workloads.compression.sparse.fields import field_bits


def size_bytes(rows: int, columns: int, count: int, itemsize: int) -> int:
    """What `encode` takes with so many non-zeros.

    >>> size_bytes(4, 4, count=4, itemsize=4)  # 44 + 4 * 4 bits + 16
    62
    """
    return container.size_bytes(count, field_bits(rows * columns - 1), itemsize)


def encode(matrix: Matrix) -> bytes:
    bits = bits_of(matrix)
    width, count = field_bits(bits.size - 1), int(np.count_nonzero(bits))
    return container.encode("coo", matrix, width, count, lambda: nonzeros(bits))


def decode(data: bytes) -> Matrix:
    return container.decode("coo", data, container.entries_of)
