"""From which share of zeros on a format takes fewer bytes than the dense matrix."""

import bisect

import numpy as np

from workloads.compression.sparse.container import Format
from workloads.compression.sparse.elements import Matrix


def closed_form(
    value_bits: int, index_bits: int = 0, fixed_bits: int = 0, elements: int = 1
) -> float:
    """S > 1 - (v N - f) / ((v + i) N), for N elements, f bits whatever they are, and an
    index of i bits beside each value of v; above 1 there is no such sparsity.

    Headers and that bytes are filled up are left out. With pointers of p bits, f is
    p (R + 1) in CSR; with equal widths that is S > 1 + (R + 1 - R C) / (2 R C).

    >>> closed_form(32, index_bits=32, fixed_bits=32 * 5, elements=16)  # CSR of 4 x 4
    0.65625
    >>> closed_form(32, index_bits=32)
    0.5
    >>> closed_form(32, fixed_bits=1)
    0.03125
    """
    stored_bits = (value_bits + index_bits) * elements
    return (index_bits * elements + fixed_bits) / stored_bits


def of_weights(matrix: Matrix, format: Format) -> float | None:
    """The least sparsity at which this matrix (R, C) becomes smaller than it is dense,
    its weights being set to zero from the smallest magnitude up; None if there is none.

    It is found by bisection, as if the size never grew with sparsity.
    """
    flat = matrix.reshape(-1)
    largest_first = np.argsort(-np.abs(flat.astype(np.float64)), kind="stable")

    def size_bytes(nonzeros: int) -> int:
        pruned = flat.copy()
        pruned[largest_first[nonzeros:]] = 0
        return format.encoded_bytes(pruned.reshape(matrix.shape))

    sizes = range(flat.size + 1)
    found = bisect.bisect_left(sizes, matrix.nbytes, key=size_bytes) - 1
    return None if found < 0 else (flat.size - found) / flat.size
