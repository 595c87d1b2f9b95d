"""CSB, compressed sparse banks: no pointers, as every bank holds equally many entries.

S. Cao et al., "Efficient and Effective Sparse LSTM on FPGA with Bank-Balanced
Sparsity", FPGA 2019. The matrix is tiled with banks of h x w weights (by default 64
neighbours in a row). The head holds h and w, 4 bytes each. There are k entries (see
`stripes`) for each bank, k being the non-zeros of the fullest: the others are filled up
with values of zero at place 0, which decoding passes over.

The 4 x 4 example (see `csr`), which Božić calls balanced in banks of 2 x 4, has
the values 0.1 0.3 0.6 0.9 and the places 0 2 5 7. Božić stores the columns 0 2 1 3,
from which nothing tells in which of a bank's two rows a value lies. In banks of one
row, as Cao et al. have them, the example is not balanced.
"""

import struct

import numpy as np

from workloads.compression.sparse import container
from workloads.compression.sparse.elements import Entries, Matrix, bits_of
from workloads.compression.sparse.fields import field_bits
from workloads.compression.sparse.stripes import tiles

BANK = (1, 64)
_BANK = struct.Struct("<II")


def _fitted(rows: int, columns: int, bank: tuple[int, int]) -> tuple[int, int, int]:
    """How many banks there are, and their height and width, at most the matrix's."""
    if min(bank) < 1:
        raise ValueError(
            f"a bank of {bank[0]} x {bank[1]} holds no weights: give at least one row "
            "and one column"
        )
    height, width = min(bank[0], rows), min(bank[1], columns)
    return -(-rows // height) * -(-columns // width), height, width


def size_bytes(
    rows: int, columns: int, per_bank: int, itemsize: int, bank: tuple[int, int] = BANK
) -> int:
    """What `encode` takes if the fullest bank holds `per_bank`.

    >>> size_bytes(4, 4, per_bank=2, itemsize=4, bank=(2, 4))  # 44 + 8 + 12 bits + 16
    70
    """
    banks, height, width = _fitted(rows, columns, bank)
    bits = field_bits(height * width - 1)
    return container.size_bytes(banks * per_bank, bits, itemsize, _BANK.size)


def fullest(matrix: Matrix, bank: tuple[int, int] = BANK) -> int:
    """How many non-zeros the fullest bank holds."""
    bits = bits_of(matrix)
    rows, columns = bits.shape
    _, *sides = _fitted(rows, columns, bank)
    return max(int((some != 0).sum(1).max()) for some in tiles(bits, *sides))


def encoded_bytes(matrix: Matrix, bank: tuple[int, int] = BANK) -> int:
    bits, per_bank = bits_of(matrix), fullest(matrix, bank)
    rows, columns = bits.shape
    return size_bytes(rows, columns, per_bank, bits.itemsize, bank)


def encode(matrix: Matrix, bank: tuple[int, int] = BANK) -> bytes:
    """(R, C) in banks of `bank` (rows, columns), at most as large as the matrix."""
    bits, per_bank = bits_of(matrix), fullest(matrix, bank)
    rows, columns = bits.shape
    banks, height, width = _fitted(rows, columns, bank)

    def entries() -> Entries:
        for some in tiles(bits, height, width):
            # Zeros last, all else in order.
            places = np.argsort(some == 0, axis=1, kind="stable")[:, :per_bank]
            values = np.take_along_axis(some, places, 1)
            yield np.where(values, places, 0).reshape(-1), values.reshape(-1)

    head = np.frombuffer(_BANK.pack(height, width), np.uint8)
    index_bits, count = field_bits(height * width - 1), banks * per_bank
    return container.encode("csb", matrix, index_bits, count, entries, [head])


def decode(data: bytes) -> Matrix:
    return container.decode("csb", data, _entries)


def _entries(header: container.Header, payload: memoryview) -> Entries:
    container.cut(payload[: _BANK.size], [_BANK.size])
    (rows, columns), (height, width) = header.shape, _BANK.unpack_from(payload)
    banks, height, width = _fitted(rows, columns, (height, width))
    per_bank = header.entries // banks
    container.check_entries(header, banks * per_bank)
    beside, start = -(-columns // width), 0
    for places, values in container.entries_of(header, payload, _BANK.size):
        kept = np.flatnonzero(values)
        bank, place = (kept + start) // per_bank, places[kept]
        row = bank // beside * height + place // width
        yield row * columns + bank % beside * width + place % width, values[kept]
        start += values.size
