import pytest
import torch
from torch import nn

from workloads.compression.pruning.criteria import Pruning
from workloads.compression.pruning.importance import (
    PruningChoice,
    gradient_magnitudes,
    importance,
)

WEIGHTS = torch.tensor([[0.5, -2.0], [0.0, 1.0]])


def of(criterion, structured=True, **needs):
    recipe = PruningChoice(Pruning(criterion, structured, 50), **needs)
    return importance(nn.Linear(2, 2), recipe)("weight", WEIGHTS)


def test_magnitudes_are_taken_or_squared():
    assert of("l1").tolist() == [[0.5, 2.0], [0.0, 1.0]]
    assert of("l2").tolist() == [[0.25, 4.0], [0.0, 1.0]]


def test_random_importance_depends_on_the_seed_alone():
    assert torch.equal(of("random", seed=1), of("random", seed=1))
    assert not torch.equal(of("random", seed=1), of("random", seed=2))


def test_gradients_count_by_their_magnitude():
    found = of("gradient", gradients=lambda model: {"weight": -WEIGHTS})
    assert found.tolist() == [[0.5, 2.0], [0.0, 1.0]]


def test_gradient_pruning_without_gradients_is_refused():
    with pytest.raises(ValueError, match="prune-gradient-unstructured-50 needs gradie"):
        of("gradient", structured=False)


class Scaled(nn.Module):
    """y = a * x, and a parameter that does nothing."""

    def __init__(self):
        super().__init__()
        self.a = nn.Parameter(torch.tensor(3.0))
        self.idle = nn.Parameter(torch.ones(2))

    def forward(self, x):
        return self.a * x


def test_magnitudes_of_gradients_are_summed_over_batches():
    # d(ax)/da = x: 2 and -5, whose magnitudes add up while they themselves do not
    found = gradient_magnitudes(
        Scaled(), [torch.tensor(2.0), torch.tensor(-5.0)], lambda model, x: model(x)
    )
    assert found["a"].item() == 7
    assert found["idle"].tolist() == [0, 0]


def test_taking_gradients_leaves_no_trace_in_the_model():
    model = Scaled()
    gradient_magnitudes(model, [torch.tensor(2.0)], lambda model, x: model(x))
    assert model.a.grad is None
    assert model.a.item() == 3
