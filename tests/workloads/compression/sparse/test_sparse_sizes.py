import numpy as np
import pytest
import torch

from workloads.compression.sparse.formats import FORMATS
from workloads.compression.sparse.sizes import model_sizes


@pytest.fixture
def state():
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(16, 8, 5)).astype(np.float32)
    kernel[rng.random(kernel.shape) < 0.9] = 0
    dense = rng.normal(size=(20, 30)).astype(np.float32)
    return {"conv.weight": kernel, "linear.weight": dense, "b": np.ones(20, np.float32)}


def test_tensors_are_matrices_of_their_first_axis(state):
    sizes = model_sizes(state)
    conv = state["conv.weight"].reshape(16, 40)
    first = sizes.tensors[0]
    assert (first.name, first.shape, first.dense_bytes) == (
        "conv.weight",
        (16, 8, 5),
        2560,
    )
    assert first.zeros == (conv == 0).sum()
    assert first.stored_bytes == {f.name: len(f.encode(conv)) for f in FORMATS}


def test_what_is_no_matrix_counts_dense_in_every_format(state):
    sizes = model_sizes(state)
    assert sizes.rest_bytes == {"b": 80}
    assert sizes.dense_bytes == 2560 + 2400 + 80
    for format in FORMATS:
        stored = sum(x.stored_bytes[format.name] for x in sizes.tensors)
        assert sizes.stored_bytes[format.name] == stored + 80


def test_sparsity_is_the_share_of_zeros_in_the_table(state):
    zeros = (state["conv.weight"] == 0).sum()
    assert model_sizes(state).sparsity == zeros / (640 + 600)


def test_tensors_of_torch_count_as_arrays(state):
    tensors = {name: torch.from_numpy(array) for name, array in state.items()}
    assert model_sizes(tensors) == model_sizes(state)


def test_other_types_count_dense():
    sizes = model_sizes({"ids": np.ones((3, 4), np.int64), "none": np.ones((0, 4))})
    assert sizes.rest_bytes == {"ids": 96, "none": 0}


def test_a_model_without_matrices_has_no_sparsity():
    with pytest.raises(ValueError, match="of 1 tensors none is a matrix of weights"):
        _ = model_sizes({"b": np.ones(3)}).sparsity
