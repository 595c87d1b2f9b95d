"""What all weights of a model take in each format."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from workloads.compression.sparse.elements import DTYPES, Matrix, bits_of
from workloads.compression.sparse.formats import FORMATS


class ModelSizes(NamedTuple):
    """Bytes by the name of the format, and the share of zeros among all weights."""

    stored_bytes: Mapping[str, int]
    sparsity: float


def model_sizes(state: Mapping[str, Any]) -> ModelSizes:
    """Of the arrays of a model by name; torch tensors on the CPU serve as arrays.

    A tensor of weights is a matrix (its first axis, all others). What has fewer than
    two axes, such as a bias, no elements or another type is dense in every format.
    Raises ValueError where no tensor is a matrix.
    """
    arrays = list(map(np.asarray, state.values()))
    matrices = [one.reshape(len(one), -1) for one in arrays if _is_weights(one)]
    if not matrices:
        raise ValueError(
            f"of {len(arrays)} tensors none is a matrix of weights: give the state of "
            "a model with some"
        )
    dense_bytes = sum(one.nbytes for one in arrays if not _is_weights(one))
    stored = {
        format.name: dense_bytes + sum(map(format.encoded_bytes, matrices))
        for format in FORMATS
    }
    zeros = sum(np.count_nonzero(bits_of(matrix) == 0) for matrix in matrices)
    return ModelSizes(stored, zeros / sum(matrix.size for matrix in matrices))


def _is_weights(array: Matrix) -> bool:
    return array.ndim >= 2 and array.size > 0 and array.dtype in DTYPES
