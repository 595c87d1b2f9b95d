"""Compressed stripes: rows (CSR), columns (CSC), or banks of h x w weights (CSB).

An entry is the place of a non-zero in its stripe, in a field of the bits that the
stripe's length less one needs, and its value; entries lie stripe after stripe. The 4 x
4 example of

    0.1 0   0.3 0
    0   0   0   0
    0   0   0   0
    0   0.6 0   0.9

has, in CSR, the row vector 0 2 2 2 4, the column vector 0 2 1 3 and the values 0.1 0.3
0.6 0.9; in CSC the column vector 0 1 2 3 4, the row vector 0 3 0 3 and the values 0.1
0.6 0.3 0.9 (M. Božić, "Development of efficient deep learning models for speech
separation", Zagreb 2024, equation 5.2, from where all formats of this package take it).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from workloads.compression.sparse.container import (
    Format,
    Layout,
    Payload,
    damaged,
    layout_of_entries,
    place,
)
from workloads.compression.sparse.elements import PIECE, Bits, Entries, Offsets, pieces
from workloads.compression.sparse.fields import Section, field_bits


@dataclass(frozen=True)
class Stripes(Format):
    """CSR, or CSC, which is CSR of the transposed matrix.

    The head says for each stripe how many entries lie before it, and at last how many
    there are: stripes + 1 pointers, in fields of the bits that their number needs.
    """

    name: str
    by_columns: bool

    def layout(self, bits: Bits) -> Layout:
        stripes = bits.T if self.by_columns else bits
        length = stripes.shape[1]
        pointers = np.append(0, np.cumsum(np.count_nonzero(stripes, axis=1)))
        count = int(pointers[-1])

        def entries() -> Entries:
            for some in tiles(stripes, 1, length):
                yield np.nonzero(some)[1], some[some != 0]

        head = Section(pointers.size, field_bits(count), pieces(pointers))
        return layout_of_entries(bits, field_bits(length - 1), count, entries, head)

    def restore(self, payload: Payload, flat: Bits) -> None:
        rows, columns = payload.header.shape
        stripes, length = (columns, rows) if self.by_columns else (rows, columns)
        pointers = payload.fields(stripes + 1, field_bits(payload.header.entries))
        _check_pointers(payload, pointers)
        start = 0
        for places, values in payload.entries(field_bits(length - 1)):
            numbers = np.arange(start, start + places.size)
            stripe = np.searchsorted(pointers, numbers, "right") - 1
            row, column = (places, stripe) if self.by_columns else (stripe, places)
            place(flat, row * columns + column, values)
            start += places.size


def _check_pointers(payload: Payload, pointers: Offsets) -> None:
    payload.check_entries(int(pointers[-1] - pointers[0]))
    if (falls := np.flatnonzero(np.diff(pointers) < 0)).size:
        before, after = pointers[falls[0] :][:2]
        raise damaged(f"a pointer of {before} is followed by one of {after}")


@dataclass(frozen=True)
class Banks(Format):
    """CSB, compressed sparse banks: no pointers, as every bank holds equally many
    entries.

    S. Cao et al., "Efficient and Effective Sparse LSTM on FPGA with Bank-Balanced
    Sparsity", FPGA 2019. The matrix is tiled with banks of h x w weights, at most as
    large as the matrix. The head holds h and w, 4 bytes each. There are k entries for
    each bank, k being the non-zeros of the fullest: the others are filled up with
    values of zero at place 0, which decoding passes over.

    The example, which Božić calls balanced in banks of 2 x 4, has the values 0.1 0.3
    0.6 0.9 and the places 0 2 5 7. Božić stores the columns 0 2 1 3, from which nothing
    tells in which of a bank's two rows a value lies. In banks of one row, as Cao et al.
    have them, the example is not balanced.
    """

    bank: tuple[int, int] = (1, 64)
    name = "csb"

    def layout(self, bits: Bits) -> Layout:
        rows, columns = bits.shape
        banks, height, width = _fitted(rows, columns, *self.bank)
        in_banks = [(some != 0).sum(1).max() for some in tiles(bits, height, width)]
        fullest = int(max(in_banks))

        def entries() -> Entries:
            for some in tiles(bits, height, width):
                # Zeros last, all else in order.
                places = np.argsort(some == 0, axis=1, kind="stable")[:, :fullest]
                values = np.take_along_axis(some, places, 1)
                yield np.where(values, places, 0).reshape(-1), values.reshape(-1)

        head = Section(2, 32, [np.array([height, width])])
        index_bits, count = field_bits(height * width - 1), banks * fullest
        return layout_of_entries(bits, index_bits, count, entries, head)

    def restore(self, payload: Payload, flat: Bits) -> None:
        rows, columns = payload.header.shape
        height, width = payload.fields(2, 32).tolist()
        banks, height, width = _fitted(rows, columns, height, width)
        per_bank = payload.header.entries // banks
        payload.check_entries(banks * per_bank)
        beside, start = -(-columns // width), 0
        for places, values in payload.entries(payload.header.width):
            kept = np.flatnonzero(values)
            number, at = (kept + start) // per_bank, places[kept]
            row = number // beside * height + at // width
            column = number % beside * width + at % width
            place(flat, row * columns + column, values[kept])
            start += values.size


def _fitted(rows: int, columns: int, height: int, width: int) -> tuple[int, int, int]:
    """How many banks there are, and their height and width, at most the matrix's."""
    if min(height, width) < 1:
        raise ValueError(
            f"a bank of {height} x {width} holds no weights: give at least one row "
            "and one column"
        )
    height, width = min(height, rows), min(width, columns)
    return -(-rows // height) * -(-columns // width), height, width


def tiles(bits: Bits, height: int, width: int) -> Iterator[Bits]:
    """(banks, h * w), row after row of banks, some at a time; those at the right and
    the lower edge are filled up with zeros."""
    rows, columns = bits.shape
    deep = height * max(1, PIECE // (height * columns))
    for top in range(0, rows, deep):
        part = bits[top : top + deep]
        spare = ((0, -part.shape[0] % height), (0, -columns % width))
        full = np.pad(part, spare)
        found = full.reshape(full.shape[0] // height, height, -1, width)
        yield found.swapaxes(1, 2).reshape(-1, height * width)
