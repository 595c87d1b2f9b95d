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

from dataclasses import dataclass

import numpy as np

from workloads.compression.sparse.container import (
    Format,
    Layout,
    Payload,
    layout_of_entries,
)
from workloads.compression.sparse.elements import Bits, Matrix
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
        stripe, places = np.nonzero(stripes)
        pointers = np.append(0, np.cumsum(np.count_nonzero(stripes, axis=1)))
        head = Section(pointers, field_bits(places.size))
        width = field_bits(stripes.shape[1] - 1)
        return layout_of_entries(width, places, stripes[stripe, places], head)

    def restore(self, payload: Payload, bits: Bits) -> None:
        stripes = bits.T if self.by_columns else bits
        count, length = stripes.shape
        pointers = payload.fields(count + 1, field_bits(payload.header.entries))
        places, values = payload.entries(field_bits(length - 1))
        stripes[np.repeat(np.arange(count), np.diff(pointers)), places] = values


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
        height, width = np.minimum(self.bank, bits.shape).tolist()
        banks = _banks(bits, height, width)
        bank, at = np.nonzero(banks)
        counts = np.count_nonzero(banks, axis=1)
        rank = np.arange(bank.size) - (np.cumsum(counts) - counts)[bank]
        places = np.zeros((counts.size, counts.max()), np.int64)
        values = np.zeros(places.shape, bits.dtype)
        places[bank, rank], values[bank, rank] = at, banks[bank, at]
        head = Section(np.array([height, width]), 32)
        index_bits = field_bits(height * width - 1)
        return layout_of_entries(index_bits, places, values, head)

    def restore(self, payload: Payload, bits: Bits) -> None:
        height, width = payload.fields(2, 32).tolist()
        # Of each weight in a bank, where it lies in the matrix.
        offsets = _banks(np.arange(bits.size).reshape(bits.shape), height, width)
        places, values = payload.entries(payload.header.width)
        per_bank = values.size // len(offsets)
        kept = np.flatnonzero(values)
        bits.flat[offsets[kept // per_bank, places[kept]]] = values[kept]


def _banks(matrix: Matrix, height: int, width: int) -> Matrix:
    """(banks, h * w), row after row of banks; those at the right and the lower edge are
    filled up with zeros. Raises ValueError for banks without weights."""
    if min(height, width) < 1:
        raise ValueError(
            f"a bank of {height} x {width} holds no weights: give at least one row "
            "and one column"
        )
    rows, columns = matrix.shape
    full = np.pad(matrix, ((0, -rows % height), (0, -columns % width)))
    tiles = full.reshape(len(full) // height, height, -1, width)
    return tiles.swapaxes(1, 2).reshape(-1, height * width)
