"""CSR, compressed sparse rows: a pointer to each row, a column for each non-zero.

The layout is that of `stripes`, a stripe being a row. The 4 x 4 example of

    0.1 0   0.3 0
    0   0   0   0
    0   0   0   0
    0   0.6 0   0.9

has the row vector 0 2 2 2 4, the column vector 0 2 1 3 and the values 0.1 0.3 0.6 0.9
(M. Božić, "Development of efficient deep learning models for speech separation",
Zagreb 2024, equation 5.2, from where all formats of this package take it).
"""

from typing import Any

from numpy.typing import NDArray

from workloads.compression.sparse import container, stripes
from workloads.compression.sparse.elements import bits_of, place, row_pieces


def encode(matrix: NDArray[Any]) -> bytes:
    """(R, C) in CSR. Raises ValueError as `bits_of` does."""
    columns = bits_of(matrix).shape[1]
    return stripes.encode("csr", matrix, row_pieces, columns)


def decode(data: bytes) -> NDArray[Any]:
    """(R, C), the same bits. Raises ValueError if the bytes are damaged or not CSR."""
    header, payload = container.read("csr", data)
    flat = header.empty()
    rows, columns = header.shape
    for row, column, values in stripes.entries(header, payload, rows, columns):
        place(flat, row * columns + column, values)
    return header.matrix(flat)


def size_bytes(rows: int, columns: int, nonzeros: int, itemsize: int) -> int:
    """What `encode` takes, header included."""
    return stripes.size_bytes(rows, columns, nonzeros, itemsize)
