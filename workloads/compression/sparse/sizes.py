"""What all weights of a model take in each format."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from workloads.compression.sparse.elements import DTYPES, Matrix, bits_of
from workloads.compression.sparse.formats import FORMATS


@dataclass(frozen=True)
class TensorSizes:
    """Of a tensor of two axes or more, as a matrix (its first axis, all others);
    `stored_bytes` by the name of the format."""

    name: str
    shape: tuple[int, ...]
    zeros: int
    dense_bytes: int
    stored_bytes: dict[str, int]


@dataclass(frozen=True)
class ModelSizes:
    """`rest_bytes` of the tensors that are dense in every format, by their names: those
    of fewer than two axes, such as biases, without elements, or of other types."""

    tensors: tuple[TensorSizes, ...]
    rest_bytes: dict[str, int]

    def _total(self, sizes: list[int]) -> int:
        return sum(sizes) + sum(self.rest_bytes.values())

    @property
    def dense_bytes(self) -> int:
        return self._total([one.dense_bytes for one in self.tensors])

    @property
    def stored_bytes(self) -> dict[str, int]:
        """All in one format, by its name."""
        return {
            name: self._total([one.stored_bytes[name] for one in self.tensors])
            for name in (format.name for format in FORMATS)
        }

    @property
    def sparsity(self) -> float:
        """The share of zeros among the weights of all tensors in the table.

        Raises ValueError if there are none.
        """
        if not self.tensors:
            raise ValueError(
                f"of {len(self.rest_bytes)} tensors none is a matrix of weights: "
                "give the state of a model with some"
            )
        weights = sum(int(np.prod(one.shape)) for one in self.tensors)
        return sum(one.zeros for one in self.tensors) / weights


def model_sizes(state: Mapping[str, Any]) -> ModelSizes:
    """Of the arrays of a model by name; torch tensors on the CPU serve as arrays."""
    arrays = {name: np.asarray(values) for name, values in state.items()}
    weights = {
        name: array
        for name, array in arrays.items()
        if array.ndim >= 2 and array.size and array.dtype in DTYPES
    }
    tensors = tuple(_tensor_sizes(name, array) for name, array in weights.items())
    rest = {name: one.nbytes for name, one in arrays.items() if name not in weights}
    return ModelSizes(tensors, rest)


def _tensor_sizes(name: str, array: Matrix) -> TensorSizes:
    matrix = array.reshape(array.shape[0], -1)
    zeros = matrix.size - int(np.count_nonzero(bits_of(matrix)))
    stored = {format.name: format.encoded_bytes(matrix) for format in FORMATS}
    return TensorSizes(name, array.shape, zeros, array.nbytes, stored)
