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

from workloads.compression.sparse import container, stripes
from workloads.compression.sparse.elements import Entries, Matrix, bits_of
from workloads.compression.sparse.stripes import size_bytes

__all__ = ["decode", "encode", "size_bytes"]


def encode(matrix: Matrix) -> bytes:
    return stripes.encode("csr", matrix, bits_of(matrix))


def decode(data: bytes) -> Matrix:
    return container.decode("csr", data, _entries)


def _entries(header: container.Header, payload: memoryview) -> Entries:
    rows, columns = header.shape
    for row, column, values in stripes.entries_of(header, payload, rows, columns):
        yield row * columns + column, values
