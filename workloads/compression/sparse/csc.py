"""CSC, compressed sparse columns: CSR of the transposed matrix.

The 4 x 4 example (see `csr`) has the column vector 0 1 2 3 4, the row vector 0 3 0 3
and the values 0.1 0.6 0.3 0.9.
"""

from workloads.compression.sparse import container, stripes
from workloads.compression.sparse.elements import Entries, Matrix, bits_of


def size_bytes(rows: int, columns: int, nonzeros: int, itemsize: int) -> int:
    return stripes.size_bytes(columns, rows, nonzeros, itemsize)


def encode(matrix: Matrix) -> bytes:
    return stripes.encode("csc", matrix, bits_of(matrix).T)


def decode(data: bytes) -> Matrix:
    return container.decode("csc", data, _entries)


def _entries(header: container.Header, payload: memoryview) -> Entries:
    rows, columns = header.shape
    for column, row, values in stripes.entries_of(header, payload, columns, rows):
        yield row * columns + column, values
