"""Training after a compression, on pairs of tones."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from workloads.separation.compressing import load, ready

from workloads.compression.names import parse
from workloads.compression.pruning.prune import Schedule
from workloads.separation import fine_tuning
from workloads.separation.channels import channel_groups
from workloads.separation.counting import parameters_of
from workloads.separation.fine_tuning import FineTuning, told
from workloads.separation.recipe import Recipe
from workloads.separation.training import Epoch, mean_loss, train

CPU = torch.device("cpu")
RECIPE = Recipe(learning_rate=1e-2, batch_size=4, epochs=1, segment_s=0.05)
TWO_ROUNDS = Schedule(rounds=2, worst=100.0)


@pytest.fixture
def said():
    return []


@pytest.fixture
def tuning(pairs, said):
    return FineTuning(RECIPE, pairs, TWO_ROUNDS, said.append)


def weights_of(model):
    return [p for p in model.parameters() if p.ndim > 1]


def judged_as(monkeypatch, *losses):
    """Let the model before, then each round's, have these validation losses; training
    does nothing."""
    first, *after = losses
    left = iter(after)
    monkeypatch.setattr(fine_tuning, "mean_loss", lambda *_: first)
    monkeypatch.setattr(
        fine_tuning, "train", lambda *_: iter([Epoch(1, 0.0, next(left), 0.0)])
    )


@pytest.mark.parametrize("criterion", ["l1", "gradient"])
def test_pruned_weights_stay_zero_through_all_rounds(conv, tuning, said, criterion):
    before = load(conv, None)
    compression = parse(f"prune-{criterion}-unstructured-50")
    mended = tuning.of(before, compression)
    for old, new in zip(weights_of(before), weights_of(mended.model), strict=True):
        assert int((new == 0).sum()) == round(old.numel() / 2)
        assert not new[new != 0].equal(old[new != 0])  # the others were trained
    assert mended.warning == ""
    assert mended.validation_loss == mean_loss(
        mended.model, tuning.dataset.validation, CPU
    )
    assert [text for text in said if text.startswith("round")] == [
        "round 1 of 2",
        "round 2 of 2",
    ]
    assert said[1].startswith("epoch 1: SI-SDR ")


def test_whole_channels_stay_zero_and_can_be_taken_out(tiny, tuning):
    compression = parse("prune-l2-structured-50")
    mended = tuning.of(load(tiny, None), compression)
    small = ready(mended.model, compression)
    # a quarter of each matrix and half of each vector stays, one output apart
    assert parameters_of(small) < 0.45 * parameters_of(mended.model)
    assert len(channel_groups(small)) == len(channel_groups(mended.model))
    found = mean_loss(small, tuning.dataset.validation, CPU)
    assert found == pytest.approx(mended.validation_loss, abs=1e-3)


def test_the_model_before_is_left_as_it_was(conv, tuning):
    before, same = load(conv, None), load(conv, None)
    tuning.of(before, parse("prune-l1-structured-50"))
    pairs = zip(before.parameters(), same.parameters(), strict=True)
    assert all(one.equal(other) for one, other in pairs)


def test_a_round_that_is_worse_is_rolled_back(conv, tuning, monkeypatch):
    judged_as(monkeypatch, -10.0, -9.6, -9.4)
    strict = replace(tuning, schedule=Schedule(rounds=2, worst=0.05))
    mended = strict.of(load(conv, None), parse("prune-l1-unstructured-75"))
    zeros = sum(int((p == 0).sum()) for p in weights_of(mended.model))
    total = sum(p.numel() for p in weights_of(mended.model))
    assert zeros / total == pytest.approx(0.5, abs=0.01)
    assert mended.validation_loss == -9.6  # of the round that was kept
    assert "in place of 75 %: round 2, at 75.0 %, had a validation" in mended.warning
    assert "above the -9.5 allowed; the state of round 1 was kept" in mended.warning


def test_a_first_round_that_is_worse_leaves_the_model_as_it_was(
    conv, tuning, monkeypatch
):
    judged_as(monkeypatch, -10.0, -5.0)
    before = load(conv, None)
    strict = replace(tuning, schedule=Schedule(worst=0.05))
    mended = strict.of(before, parse("prune-l1-unstructured-50"))
    state = mended.model.state_dict()
    assert state.keys() == before.state_dict().keys()
    assert all(one.equal(state[name]) for name, one in before.state_dict().items())
    assert mended.validation_loss == -10.0


def test_a_pruning_whose_training_explodes_is_rolled_back(conv, tuning):
    wild = replace(tuning, recipe=replace(RECIPE, learning_rate=1e30))
    mended = wild.of(load(conv, None), parse("prune-l1-unstructured-50"))
    assert "the state of the unpruned model was kept" in mended.warning
    assert all(p.isfinite().all() for p in mended.model.parameters())


@pytest.fixture
def wide(conv):
    """Wide enough that factors are smaller than what they stand for."""
    return replace(conv, hidden=40, bottleneck=30)


@pytest.mark.parametrize(("method", "factor"), [("cp", 0.1), ("tucker", 1.0)])
def test_cp_is_trained_at_a_tenth_of_the_rate(
    wide, tuning, monkeypatch, method, factor
):
    rates = []

    def watched(model, recipe, *rest):
        rates.append(recipe.learning_rate)
        return train(model, recipe, *rest)

    monkeypatch.setattr(fine_tuning, "train", watched)
    before = load(wide, None)
    mended = tuning.of(before, parse(f"{method}-50"))
    assert rates == [pytest.approx(factor * RECIPE.learning_rate)]
    assert parameters_of(mended.model) < 0.7 * parameters_of(before)


def test_a_factorization_that_changes_nothing_is_refused(conv, tuning):
    expected = (
        "^tsvd-30 changes no layer of this model, the first because tsvd changes only "
        "nn.Linear: there is nothing to fine-tune$"
    )
    with pytest.raises(ValueError, match=expected):
        tuning.of(load(conv, None), parse("tsvd-30"))


def test_training_for_int8_rounds_and_leaves_plain_weights(conv, tuning):
    before = load(conv, None)
    mended = tuning.of(before, parse("int8-qat"))
    assert mended.model.state_dict().keys() == before.state_dict().keys()
    assert not any(m._forward_pre_hooks for m in mended.model.modules())
    weight = mended.model.get_parameter("bottleneck.weight")
    assert not weight.equal(before.get_parameter("bottleneck.weight"))
    plainly = mean_loss(mended.model, tuning.dataset.validation, CPU)
    assert plainly != mended.validation_loss  # which is that of rounded ones
    assert plainly == pytest.approx(mended.validation_loss, abs=1)


@pytest.mark.parametrize("name", ["fp16", "int8-static"])
def test_what_leaves_weights_as_they_are_is_refused(conv, tuning, name):
    expected = f"^{name} leaves weights as they are: there is nothing to fine-tune$"
    with pytest.raises(ValueError, match=expected):
        tuning.of(load(conv, None), parse(name))


def test_training_that_diverges_is_refused(wide, tuning):
    wild = replace(tuning, recipe=replace(RECIPE, learning_rate=1e30))
    expected = "^training diverged at a learning rate of 1e.30: give a lower one$"
    with pytest.raises(ValueError, match=expected):
        wild.of(load(wide, None), parse("tucker-50"))


def test_the_epoch_with_the_lowest_loss_is_kept(wide, tuning, monkeypatch):
    """Even if a later one is worse."""

    def judged(model, *_):
        for number, loss in enumerate((-1.0, -3.0, -2.0), 1):
            nn.init.constant_(model.prelu.weight, number)
            yield Epoch(number, 0.0, loss, 0.0)

    monkeypatch.setattr(fine_tuning, "train", judged)
    mended = tuning.of(load(wide, None), parse("tucker-50"))
    assert mended.validation_loss == -3.0
    assert mended.model.get_parameter("prelu.weight").item() == 2


def test_gradients_are_taken_of_so_many_mixtures(conv, tuning, monkeypatch):
    heard, take = [], fine_tuning.pruning_recipe

    def watched(model, pruning, mixtures):
        heard.append(len(mixtures))
        return take(model, pruning, mixtures)

    monkeypatch.setattr(fine_tuning, "pruning_recipe", watched)
    monkeypatch.setattr(fine_tuning, "GRADIENT_MIXTURES", 3)
    tuning.of(load(conv, None), parse("prune-gradient-structured-30"))
    assert heard == [3]


def test_an_epoch_is_told_in_decibels():
    assert told(Epoch(3, -9.876, -8.5, 5e-4)) == (
        "epoch 3: SI-SDR 9.88 dB in training, 8.50 dB in validation, learning rate "
        "0.0005"
    )


def test_training_is_on_the_device_and_the_model_comes_back(conv, tuning, monkeypatch):
    asked = []

    def train_there(model, recipe, dataset, device):
        asked.append(device)
        model.to(torch.bfloat16)  # as if it were elsewhere
        yield Epoch(1, 0.0, float("inf"), 0.0)

    monkeypatch.setattr(fine_tuning, "train", train_there)
    device = torch.device("cuda:1")
    replace(tuning, device=device).of(load(conv, None), parse("prune-l1-structured-50"))
    assert asked == [device]
