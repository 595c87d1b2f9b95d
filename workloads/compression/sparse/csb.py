"""CSB, compressed sparse banks: no pointers, as every bank holds equally many entries.

S. Cao et al., "Efficient and Effective Sparse LSTM on FPGA with Bank-Balanced
Sparsity", FPGA 2019. The matrix is tiled with banks of h rows and w columns (by
default 64 neighbours in a row), those at its right and lower edge filled up with zeros.
Let k be the number of non-zeros of the fullest bank. Payload:

1. bank: h and w, 4 bytes each;
2. indices: for each bank, row of banks after row of banks, k places in the bank
   (counted row after row) in fields of the bits that h * w - 1 needs (the header's
   width);
3. values: in the same order.

A matrix that is not balanced is stored exactly too: banks with fewer than k non-zeros
are filled up with values of zero at place 0, which decoding passes over. That costs:
the size goes with the fullest bank.

The 4 x 4 example (see `csr`), which the document calls balanced in banks of 2 x 4, has
the values 0.1 0.3 0.6 0.9 and the places 0 2 5 7. The document stores the columns
0 2 1 3, from which nothing tells in which of a bank's two rows a value lies. In banks
of one row, as Cao et al. have them, the example is not balanced.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workloads.compression.sparse import container
from workloads.compression.sparse.elements import (
    PIECE,
    Bits,
    Offsets,
    bits_of,
    field_bits,
    field_bytes,
    place,
)
from workloads.compression.sparse.fields import packed, unpacked

BANK = (1, 64)
_BANK = struct.Struct("<II")


@dataclass(frozen=True)
class _Tiling:
    """Banks of `bank` (rows, columns) that cover a matrix of `shape`."""

    shape: tuple[int, int]
    bank: tuple[int, int]

    @property
    def grid(self) -> tuple[int, int]:
        """Banks below and beside each other."""
        (rows, columns), (height, width) = self.shape, self.bank
        return -(-rows // height), -(-columns // width)

    @property
    def banks(self) -> int:
        return self.grid[0] * self.grid[1]

    @property
    def index_bits(self) -> int:
        return field_bits(self.bank[0] * self.bank[1] - 1)

    def sections(self, per_bank: int, itemsize: int) -> list[int]:
        entries = self.banks * per_bank
        index_bytes = field_bytes(entries, self.index_bits)
        return [_BANK.size, index_bytes, entries * itemsize]

    def pieces(self, bits: Bits) -> Iterator[Bits]:
        """(banks, h * w), some banks at a time."""
        (height, width), (below, beside) = self.bank, self.grid
        abreast = min(beside, max(1, PIECE // (height * width)))
        deep = max(1, PIECE // (height * width * beside)) if abreast == beside else 1
        for top in range(0, below, deep):
            for left in range(0, beside, abreast):
                tall = slice(top * height, (top + deep) * height)
                part = bits[tall, left * width : (left + abreast) * width]
                yield self._tiled(part)

    def _tiled(self, part: Bits) -> Bits:
        height, width = self.bank
        below, right = -part.shape[0] % height, -part.shape[1] % width
        full = np.pad(part, ((0, below), (0, right)))
        tiles = full.reshape(full.shape[0] // height, height, -1, width)
        return tiles.swapaxes(1, 2).reshape(-1, height * width)

    def offsets(self, banks: Offsets, places: Offsets) -> Offsets:
        """In the flat matrix."""
        (height, width), beside = self.bank, self.grid[1]
        rows = banks // beside * height + places // width
        return rows * self.shape[1] + banks % beside * width + places % width


def _tiling(shape: tuple[int, ...], bank: tuple[int, int]) -> _Tiling:
    rows, columns = shape
    if min(bank) < 1:
        raise ValueError(
            f"a bank of {bank[0]} x {bank[1]} holds no weights: give at least one row "
            "and one column"
        )
    return _Tiling((rows, columns), (min(bank[0], rows), min(bank[1], columns)))


def size_bytes(
    rows: int,
    columns: int,
    per_bank: int,
    itemsize: int,
    bank: tuple[int, int] = BANK,
) -> int:
    """What `encode` takes, header included, if the fullest bank holds `per_bank`.

    >>> size_bytes(4, 4, per_bank=2, itemsize=4, bank=(2, 4))  # 44 + 8 + 12 bits + 16
    70
    """
    sections = _tiling((rows, columns), bank).sections(per_bank, itemsize)
    return container.HEADER_BYTES + sum(sections)


def fullest(matrix: NDArray[Any], bank: tuple[int, int] = BANK) -> int:
    """How many non-zeros the fullest bank holds."""
    bits = bits_of(matrix)
    return _fullest(bits, _tiling(bits.shape, bank))


def _fullest(bits: Bits, tiling: _Tiling) -> int:
    return max(int((some != 0).sum(1).max()) for some in tiling.pieces(bits))


def encoded_bytes(matrix: NDArray[Any], bank: tuple[int, int] = BANK) -> int:
    """What `encode` takes, header included, by looking for the fullest bank."""
    rows, columns = bits_of(matrix).shape
    per_bank = fullest(matrix, bank)
    return size_bytes(rows, columns, per_bank, matrix.dtype.itemsize, bank)


def encode(matrix: NDArray[Any], bank: tuple[int, int] = BANK) -> bytes:
    """(R, C) in banks of `bank` (rows, columns), at most as large as the matrix.

    Raises ValueError as `bits_of` does, or if a bank is empty.
    """
    bits = bits_of(matrix)
    tiling = _tiling(bits.shape, bank)
    per_bank = _fullest(bits, tiling)
    width, entries = tiling.index_bits, per_bank * tiling.banks
    header = container.describe("csb", matrix, width, entries)
    head = np.frombuffer(_BANK.pack(*tiling.bank), np.uint8)
    indices = (x for x, _ in _entries(tiling.pieces(bits), per_bank))
    values = (x for _, x in _entries(tiling.pieces(bits), per_bank))
    return container.write(header, [[head], packed(indices, width), values])


def _entries(pieces: Iterator[Bits], per_bank: int) -> Iterator[tuple[Offsets, Bits]]:
    """Flat places and values of the banks, `per_bank` of each."""
    for piece in pieces:
        banks, places = np.nonzero(piece)
        counts = np.bincount(banks, minlength=len(piece))
        rank = np.arange(banks.size) - np.repeat(np.cumsum(counts) - counts, counts)
        slots = banks * per_bank + rank
        indices = np.zeros(len(piece) * per_bank, np.int64)
        values = np.zeros(len(piece) * per_bank, piece.dtype)
        indices[slots], values[slots] = places, piece[banks, places]
        yield indices, values


def decode(data: bytes) -> NDArray[Any]:
    """(R, C), the same bits. Raises ValueError if the bytes are damaged or not CSB."""
    header, payload = container.read("csb", data)
    tiling = _tiling(header.shape, _bank(payload))
    per_bank = header.entries // tiling.banks
    sizes = tiling.sections(per_bank, header.itemsize)
    _, indices, rest = container.cut(payload, sizes)
    flat, values = header.empty(), header.values(rest)
    for start in range(0, header.entries, PIECE):
        span = np.arange(start, min(start + PIECE, header.entries))
        places = unpacked(indices, range(start, start + span.size), header.width)
        some = values[start : start + span.size]
        kept = some != 0
        offsets = tiling.offsets(span[kept] // per_bank, places[kept])
        place(flat, offsets, some[kept])
    return header.matrix(flat)


def _bank(payload: memoryview) -> tuple[int, int]:
    container.cut(payload[: _BANK.size], [_BANK.size])
    height, width = _BANK.unpack_from(payload)
    return height, width
