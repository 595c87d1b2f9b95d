"""CSC, compressed sparse columns: a pointer to each column, a row for each non-zero.

The layout is that of `stripes`, a stripe being a column: CSR of the transposed matrix.
The 4 x 4 example (see `csr`) has the column vector 0 1 2 3 4, the row vector 0 3 0 3
and the values 0.1 0.6 0.3 0.9.
"""

from typing import Any

from numpy.typing import NDArray

from workloads.compression.sparse import container, stripes
from workloads.compression.sparse.elements import bits_of, column_pieces, place


def encode(matrix: NDArray[Any]) -> bytes:
    """(R, C) in CSC. Raises ValueError as `bits_of` does."""
    rows = bits_of(matrix).shape[0]
    return stripes.encode("csc", matrix, column_pieces, rows)


def decode(data: bytes) -> NDArray[Any]:
    """(R, C), the same bits. Raises ValueError if the bytes are damaged or not CSC."""
    header, payload = container.read("csc", data)
    flat = header.empty()
    rows, columns = header.shape
    for column, row, values in stripes.entries(header, payload, columns, rows):
        place(flat, row * columns + column, values)
    return header.matrix(flat)


def size_bytes(rows: int, columns: int, nonzeros: int, itemsize: int) -> int:
    """What `encode` takes, header included."""
    return stripes.size_bytes(columns, rows, nonzeros, itemsize)
