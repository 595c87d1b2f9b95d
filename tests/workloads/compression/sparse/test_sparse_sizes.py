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


def test_tensors_are_matrices_of_their_first_axis_and_what_is_none_is_dense(state):
    conv = state["conv.weight"].reshape(16, 40)
    matrices = conv, state["linear.weight"]
    assert model_sizes(state).stored_bytes == {
        format.name: sum(len(format.encode(one)) for one in matrices) + 80
        for format in FORMATS
    }


def test_sparsity_is_the_share_of_zeros_in_the_table(state):
    zeros = (state["conv.weight"] == 0).sum()
    assert model_sizes(state).sparsity == zeros / (640 + 600)


def test_tensors_of_torch_count_as_arrays(state):
    tensors = {name: torch.from_numpy(array) for name, array in state.items()}
    assert model_sizes(tensors) == model_sizes(state)


def test_other_types_and_tensors_without_elements_count_dense(state):
    others = {"ids": np.ones((3, 4), np.int64), "none": np.ones((0, 4))}
    found, before = model_sizes(state | others), model_sizes(state)
    assert found.sparsity == before.sparsity
    for name, size in before.stored_bytes.items():
        assert found.stored_bytes[name] == size + 96


def test_a_model_without_matrices_has_no_sizes():
    with pytest.raises(ValueError, match="of 1 tensors none is a matrix of weights"):
        model_sizes({"b": np.ones(3, np.float32)})
