import logging
import math
from itertools import pairwise

import pytest
import torch
from torch import nn

from workloads.compression.pruning.criteria import Pruning
from workloads.compression.pruning.groups import ChannelGroup, inputs, outputs
from workloads.compression.pruning.importance import PruningChoice
from workloads.compression.pruning.prune import (
    Round,
    Schedule,
    prune,
    prune_in_rounds,
)
from workloads.compression.step import CompressionError

HALF = PruningChoice(Pruning("l1", False, 50))


@pytest.fixture
def layer():
    """A thousand weights, none of them zero."""
    layer = nn.Linear(100, 10)
    layer.weight.data = torch.arange(1.0, 1001).reshape(10, 100)
    return layer


def zeros_of(layer):
    return int((layer.weight == 0).sum())


def fine_tuned(*losses, seen=None):
    """What adds 1 to all weights, and answers with these losses one after the other."""
    rest = iter(losses)

    def fine_tune(model):
        if seen is not None:
            seen.append(zeros_of(model))
        with torch.no_grad():
            for parameter in model.parameters():
                parameter += 1
        return next(rest)

    return fine_tune


def test_pruning_at_once_is_exact_and_leaves_the_model_given_alone(layer):
    before = layer.weight.detach().clone()
    found = prune(layer, HALF)
    assert zeros_of(found) == 500
    assert found.weight.flatten()[:501].count_nonzero() == 1
    assert torch.equal(layer.weight, before)


def test_pruned_weights_have_the_names_of_the_dense_model(layer):
    assert set(prune(layer, HALF).state_dict()) == {"weight", "bias"}


def test_channels_are_zero_in_the_tensors_that_make_them():
    model = nn.Sequential(nn.Linear(2, 10), nn.Linear(10, 1))
    group = ChannelGroup("between", 10, (*outputs("0"), inputs("1")))
    found = prune(model, PruningChoice(Pruning("l2", True, 30), (group,)))
    assert [int((p == 0).sum()) for p in found.parameters()] == [6, 3, 0, 0]


def test_each_round_takes_the_same_share_of_what_is_left():
    percents = Schedule(rounds=3).percents(48.8)  # 0.8 * 0.8 * 0.8 = 0.512
    assert percents == pytest.approx([20, 36, 48.8])
    assert percents[-1] == 48.8
    assert Schedule(rounds=1).percents(30) == [30]


@pytest.mark.parametrize("percent", [10, 20, 30, 50, 70, 90])
def test_the_rounds_end_at_the_amount_asked(layer, percent):
    seen = []
    found = prune_in_rounds(
        layer,
        PruningChoice(Pruning("l1", False, percent)),
        fine_tuned(-10, -10, -10, -10, -10, seen=seen),
        baseline_loss=-10,
    )
    assert zeros_of(found.model) == 10 * percent
    assert seen == [round(10 * p) for p in Schedule().percents(percent)]
    assert len(found.rounds) == 5
    assert found.warning == ""


def test_weights_are_trained_between_rounds_while_zeros_stay(layer):
    found = prune_in_rounds(layer, HALF, fine_tuned(-10, -10), -10, Schedule(rounds=2))
    weights = found.model.weight.flatten().tolist()
    assert weights[:500] == [0] * 500
    assert weights[500:] == [float(i + 2) for i in range(501, 1001)]
    assert layer.weight.flatten()[0] == 1  # the model given is not changed


def test_a_worse_loss_rolls_back_to_the_last_good_state(layer, caplog):
    with caplog.at_level(logging.WARNING, logger="speechmark"):
        found = prune_in_rounds(layer, HALF, fine_tuned(-10, -9.6, -9.4), -10)
    first, second, third = Schedule().percents(50)[:3]
    assert found.rounds == (
        Round(first, -10, kept=True),
        Round(second, -9.6, kept=True),
        Round(third, -9.4, kept=False),
    )
    assert zeros_of(found.model) == round(10 * second) == 242
    weights = found.model.weight.flatten().tolist()
    assert weights[242:] == [float(i + 2) for i in range(243, 1001)]  # two rounds
    assert found.warning == (
        "prune-l1-unstructured-50 reached 24.2 % of zeros in place of 50 %: round 3, "
        "at 34.0 %, had a validation loss of -9.4, above the -9.5 allowed; the state "
        "of round 2 was kept"
    )
    assert caplog.messages == [found.warning]


def test_a_bad_first_round_leaves_the_model_unpruned(layer):
    found = prune_in_rounds(layer, HALF, fine_tuned(1.2), 1.0)
    assert torch.equal(found.model.weight, layer.weight)
    assert zeros_of(found.model) == 0
    assert "the state of the unpruned model was kept" in found.warning


@pytest.mark.parametrize(
    ("baseline", "loss", "kept"),
    [
        (-10, -9.5, True),
        (-10, -9.49, False),
        (10, 10.5, True),
        (10, 10.51, False),
        (0, 0, True),
        (0, 0.01, False),
        (-10, -20, True),
        (-10, math.nan, False),
    ],
)
def test_worse_is_relative_to_the_magnitude_of_the_baseline(
    layer, baseline, loss, kept
):
    schedule = Schedule(rounds=1)
    found = prune_in_rounds(layer, HALF, fine_tuned(loss), baseline, schedule)
    assert [r.kept for r in found.rounds] == [kept]


def test_what_counts_as_worse_can_be_chosen(layer):
    losses = fine_tuned(*[1e9] * 5)
    found = prune_in_rounds(layer, HALF, losses, -10, Schedule(worst=math.inf))
    assert zeros_of(found.model) == 500


def test_gradients_are_taken_anew_before_each_round(layer):
    asked = []

    def gradients(model):
        asked.append(zeros_of(model))
        return {"weight": torch.ones_like(model.weight)}

    recipe = PruningChoice(Pruning("gradient", False, 50), gradients=gradients)
    prune_in_rounds(layer, recipe, fine_tuned(0, 0), 0, Schedule(rounds=2))
    assert asked == [0, 293]  # 1 - sqrt(0.5)


def test_random_rounds_nest(layer):
    seen = []

    def fine_tune(model):
        seen.append((model.weight == 0).flatten())
        return 0.0

    prune_in_rounds(layer, PruningChoice(Pruning("random", False, 50)), fine_tune, 0)
    assert all((later >= earlier).all() for earlier, later in pairwise(seen))


@pytest.mark.parametrize("baseline", [math.nan, math.inf, -math.inf])
def test_a_baseline_that_is_not_finite_is_refused(layer, baseline):
    with pytest.raises(
        CompressionError, match=f"baseline's loss is {baseline}, expected a"
    ):
        prune_in_rounds(layer, HALF, fine_tuned(1), baseline)


@pytest.mark.parametrize(("rounds", "worst"), [(0, 0.05), (5, -0.1), (5, math.nan)])
def test_a_schedule_that_cannot_be_followed_is_refused(rounds, worst):
    with pytest.raises(ValueError, match=f"of {rounds} rounds that may be {worst}"):
        Schedule(rounds, worst)


def test_a_fine_tuning_that_breaks_leaves_the_model_given_alone(layer):
    before = layer.weight.detach().clone()
    with pytest.raises(StopIteration):
        prune_in_rounds(layer, HALF, fine_tuned(), -10)
    assert torch.equal(layer.weight, before)
