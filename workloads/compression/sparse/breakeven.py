"""From which sparsity on a format takes fewer bytes than the dense matrix.

Sparsity is the share of zeros, 0 to 1. The closed forms leave out the header and that
bytes are filled up; `of_sizes` and `of_weights` count every byte.

Axis legend: R rows, C columns.
"""

import bisect
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray


def csr(
    rows: int,
    columns: int,
    value_bits: int = 32,
    index_bits: int = 32,
    pointer_bits: int = 32,
) -> float:
    """S > 1 - (v R C - p (R + 1)) / ((v + i) R C), for values, indices, pointers of v,
    i, p bits; with equal widths that is S > 1 + (R + 1 - R C) / (2 R C).

    Above 1 there is no such sparsity. CSC's is that of the transposed matrix.

    >>> csr(4, 4)  # 1 + (5 - 16) / 32
    0.65625
    """
    dense = value_bits * rows * columns
    pointers = pointer_bits * (rows + 1)
    return 1 - (dense - pointers) / ((value_bits + index_bits) * rows * columns)


def indexed(value_bits: int, index_bits: int) -> float:
    """S > i / (v + i): of formats with an index of i bits beside each value of v.

    That is COO (its offsets), CSB of a balanced matrix (places in a bank), and RLE as
    long as no difference has to be split.

    >>> indexed(32, 32)
    0.5
    """
    return index_bits / (value_bits + index_bits)


def bitmap(value_bits: int) -> float:
    """S > 1 / v: a bit for each element, whatever it is.

    >>> bitmap(32)
    0.03125
    """
    return 1 / value_bits


def of_sizes(
    size_bytes: Callable[[int], int], elements: int, dense_bytes: int
) -> float | None:
    """The least sparsity at which `size_bytes`, of the number of non-zeros, is below
    `dense_bytes`; None if there is none. The size must not fall with the non-zeros.

    >>> of_sizes(lambda nonzeros: 44 + 8 * nonzeros, elements=100, dense_bytes=400)
    0.56
    """
    found = bisect.bisect_left(range(elements + 1), dense_bytes, key=size_bytes) - 1
    return None if found < 0 else (elements - found) / elements


def of_weights(
    matrix: NDArray[Any], encoded_bytes: Callable[[NDArray[Any]], int]
) -> float | None:
    """The least sparsity at which this matrix (R, C) becomes smaller than it is dense,
    its weights being set to zero from the smallest magnitude up; None if there is none.

    For formats whose size goes with where the zeros lie. It is found by bisection, as
    if the size never grew with sparsity, in about log2(R C) countings of the matrix.
    """
    flat = matrix.reshape(-1)
    largest_first = np.argsort(-np.abs(flat.astype(np.float64)), kind="stable")

    def size_bytes(nonzeros: int) -> int:
        pruned = flat.copy()
        pruned[largest_first[nonzeros:]] = 0
        return encoded_bytes(pruned.reshape(matrix.shape))

    return of_sizes(size_bytes, flat.size, matrix.nbytes)
