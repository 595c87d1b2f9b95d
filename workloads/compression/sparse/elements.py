"""A matrix of weights as the bit patterns that a storage format sees.

Only the pattern of +0.0, in which no bit is set, counts as zero: -0.0, denormals and
NaN with their payloads are values like any other, so that decoding is exact to the bit.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[Any]
Bits = NDArray[np.unsignedinteger[Any]]
Offsets = NDArray[np.int64]

DTYPES = ("float32", "float16", "float64", "int8", "uint8", "uint16")
LARGEST_AXIS = 2**32 - 1


def bits_of(matrix: Matrix) -> Bits:
    """(R, C) bit patterns, in the order of rows; a view where that is possible.

    Raises ValueError unless the matrix has two axes, at least one element, and a type
    of DTYPES. (bfloat16, which numpy lacks, can be given as its bits, in uint16.)
    """
    if matrix.ndim != 2 or not matrix.size or max(matrix.shape) > LARGEST_AXIS:
        raise ValueError(
            f"an array of shape {matrix.shape} has no sparse storage: give a matrix "
            f"(rows, columns) of 1 to {LARGEST_AXIS} each"
        )
    if matrix.dtype not in DTYPES:
        raise ValueError(
            f"a matrix of {matrix.dtype} has no sparse storage: "
            f"give one of {', '.join(DTYPES)}, in this machine's byte order"
        )
    return np.ascontiguousarray(matrix).view(f"u{matrix.dtype.itemsize}")
