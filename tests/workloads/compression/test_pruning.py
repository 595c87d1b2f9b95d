import pytest
import torch
from torch.nn.utils import prune

from workloads.compression.pruning import l1_unstructured


def test_the_smallest_weights_become_zero_and_the_others_stay():
    state = {"w": torch.tensor([[0.1, -3.0], [-0.2, 2.0]])}
    pruned = l1_unstructured(state, 50)
    assert pruned["w"].tolist() == [[0.0, -3.0], [0.0, 2.0]]


@pytest.mark.parametrize(
    ("percent", "zeros"), [(1, 1), (20, 21), (33.3, 35), (99, 104)]
)
def test_the_count_is_exact(percent, zeros):
    weights = torch.randn(3, 5, 7, generator=torch.Generator().manual_seed(0))
    pruned = l1_unstructured({"w": weights}, percent)["w"]
    assert int((pruned == 0).sum()) == zeros


def test_of_equal_weights_the_first_ones_go():
    pruned = l1_unstructured({"w": torch.tensor([[1.0, -1.0, 1.0, -1.0]])}, 50)
    assert pruned["w"].tolist() == [[0.0, 0.0, 1.0, -1.0]]


def test_each_tensor_is_pruned_on_its_own():
    state = {"small": torch.full((2, 2), 0.01), "large": torch.full((2, 2), 9.0)}
    pruned = l1_unstructured(state, 50)
    assert [int((t == 0).sum()) for t in pruned.values()] == [2, 2]


def test_biases_and_counters_are_left_alone():
    state = {"bias": torch.tensor([0.1, 2.0]), "steps": torch.tensor([[1, 2]])}
    pruned = l1_unstructured(state, 90)
    assert all(torch.equal(pruned[name], state[name]) for name in state)


def test_the_state_given_is_not_changed():
    state = {"w": torch.randn(4, 4).t()}
    before = state["w"].clone()
    l1_unstructured(state, 50)
    assert torch.equal(state["w"], before)


def test_it_agrees_with_torchs_own():
    layer = torch.nn.Conv1d(6, 7, 5)
    reference = prune.L1Unstructured(0.3).prune(layer.weight.detach())
    assert torch.equal(l1_unstructured(layer.state_dict(), 30)["weight"], reference)


@pytest.mark.parametrize("percent", [-1, 0, 100, 101, float("nan")])
def test_a_percentage_outside_is_refused(percent):
    with pytest.raises(ValueError, match=f"{percent} percent .* more than 0 and less"):
        l1_unstructured({}, percent)


def test_weights_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="w holds weights that are not finite"):
        l1_unstructured({"w": torch.tensor([[1.0, float("nan")]])}, 50)
