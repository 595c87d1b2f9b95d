"""What all weights of a model take in each format."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from workloads.compression.sparse.elements import DTYPES, bits_of
from workloads.compression.sparse.formats import FORMATS


@dataclass(frozen=True)
class TensorSizes:
    """Of a tensor of two axes or more, as a matrix (its first axis, all others).

    `stored_bytes` by the name of the format.
    """

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

    @property
    def dense_bytes(self) -> int:
        return sum(x.dense_bytes for x in self.tensors) + self._rest

    @property
    def stored_bytes(self) -> dict[str, int]:
        """All in one format, by its name."""
        return {
            format.name: sum(x.stored_bytes[format.name] for x in self.tensors)
            + self._rest
            for format in FORMATS
        }

    @property
    def smallest_bytes(self) -> int:
        """Each tensor in the format that takes the fewest bytes, dense included."""
        least = (min(x.dense_bytes, *x.stored_bytes.values()) for x in self.tensors)
        return sum(least) + self._rest

    @property
    def sparsity(self) -> float:
        """The share of zeros among the weights of all tensors in the table.

        Raises ValueError if there are none.
        """
        weights = sum(int(np.prod(x.shape)) for x in self.tensors)
        if not weights:
            raise ValueError(
                f"of {len(self.rest_bytes)} tensors none is a matrix of weights: "
                "give the state of a model with some"
            )
        return sum(x.zeros for x in self.tensors) / weights

    @property
    def _rest(self) -> int:
        return sum(self.rest_bytes.values())


def model_sizes(state: Mapping[str, Any]) -> ModelSizes:
    """Of the arrays of a model by name; torch tensors on the CPU serve as arrays."""
    tensors, rest = [], {}
    for name, values in state.items():
        array = np.asarray(values)
        if array.ndim >= 2 and array.size and array.dtype in DTYPES:
            tensors.append(_tensor_sizes(name, array))
        else:
            rest[name] = array.nbytes
    return ModelSizes(tuple(tensors), rest)


def _tensor_sizes(name: str, array: np.ndarray[Any, Any]) -> TensorSizes:
    matrix = array.reshape(array.shape[0], -1)
    zeros = matrix.size - int(np.count_nonzero(bits_of(matrix)))
    stored = {format.name: format.encoded_bytes(matrix) for format in FORMATS}
    return TensorSizes(name, array.shape, zeros, array.nbytes, stored)
