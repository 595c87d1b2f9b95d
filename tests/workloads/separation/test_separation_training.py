from dataclasses import replace

import numpy as np
import pytest
import torch

from workloads.separation import training
from workloads.separation.dataset import Dataset, Part
from workloads.separation.loss import pit_loss
from workloads.separation.models import make
from workloads.separation.recipe import Recipe
from workloads.separation.training import mean_loss, on, train

CPU = torch.device("cpu")
RECIPE = Recipe(learning_rate=1e-2, batch_size=4, epochs=4, segment_s=0.1)


def started(size):
    torch.manual_seed(0)
    return make(size)


def trained(size, dataset, **changes):
    return list(train(started(size), replace(RECIPE, **changes), dataset, CPU))


@pytest.fixture(scope="module")
def whole(conv, pairs):
    return trained(conv, pairs)


def test_a_training_lowers_the_loss(whole):
    assert [epoch.number for epoch in whole] == [1, 2, 3, 4]
    assert whole[-1].loss < whole[0].loss - 2
    assert whole[-1].validation_loss < whole[0].validation_loss - 2


def test_every_architecture_learns(tiny, pairs):
    found = trained(tiny, pairs, remix=False, epochs=2)
    assert found[1].loss < found[0].loss


def test_a_training_is_the_same_twice(conv, pairs, whole):
    assert trained(conv, pairs, epochs=1) == whole[:1]


def test_the_model_of_the_caller_is_trained_in_place(conv, pairs):
    model, before = started(conv), started(conv)
    next(train(model, RECIPE, pairs, CPU))
    changed = zip(model.parameters(), before.parameters(), strict=True)
    assert not any(now.equal(then) for now, then in changed)


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"learning_rate": 1e-3},
        {"batch_size": 3},
        {"clip_norm": 0.1},
        {"segment_s": 0.05},
        {"remix": False},
        {"precision": "bf16"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_number_of_the_recipe_matters(conv, pairs, whole, change):
    (found,) = trained(conv, pairs, epochs=1, **change)
    assert np.isfinite(found.loss)
    assert found.loss != whole[0].loss


@pytest.mark.parametrize(
    ("annealed", "shares"), [(False, [1, 1, 1, 1]), (True, [1, 0.8536, 0.5, 0.1464])]
)
def test_an_annealed_rate_falls_along_a_cosine(conv, pairs, annealed, shares):
    """(1 + cos(pi n / N)) / 2 of it after n of N epochs."""
    found = trained(conv, pairs, annealed=annealed)
    rates = [epoch.learning_rate / RECIPE.learning_rate for epoch in found]
    assert rates == pytest.approx(shares, abs=1e-4)


def test_bf16_differs_by_its_precision_alone(conv, pairs, whole):
    (found,) = trained(conv, pairs, epochs=1, precision="bf16")
    assert found.loss == pytest.approx(whole[0].loss, abs=0.5)


def test_segments_are_as_long_as_the_recipe_says(conv, pairs, monkeypatch):
    shapes = []

    def watched(device, array):
        shapes.append(array.shape)
        return on(device, array)

    monkeypatch.setattr(training, "on", watched)
    trained(conv, pairs, epochs=1, segment_s=0.05, batch_size=6)
    # two batches of six, then four whole mixtures to validate on; sources beside
    assert shapes[:4] == [(6, 400), (6, 2, 400)] * 2
    assert sorted(shapes[4:]) == [(1, 2_000)] * 4 + [(2, 2_000)] * 4


def test_gradients_are_clipped_by_their_norm(conv, pairs, monkeypatch):
    norms, clip = [], torch.nn.utils.clip_grad_norm_

    def watched(parameters, limit):
        parameters = list(parameters)
        clip(parameters, limit)
        gradients = [p.grad.flatten() for p in parameters]
        norms.append(torch.cat(gradients).norm().item())

    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", watched)
    trained(conv, pairs, epochs=1, clip_norm=0.01)
    assert norms == pytest.approx([0.01] * 3, rel=1e-3)


def judged_as(monkeypatch, *losses):
    """Let the epochs reach these validation losses, whatever is trained."""
    left = iter(losses)
    monkeypatch.setattr(training, "mean_loss", lambda *_: next(left))


def rates_of(epochs):
    return [epoch.learning_rate for epoch in epochs]


@pytest.fixture
def one_step(pairs):
    """An epoch that takes no time."""
    part = Part(pairs.train.mixtures[:1], pairs.train.sample_rate_hz)
    return Dataset("one", "0" * 64, part, part)


def test_the_rate_is_halved_after_patience_without_a_lower_loss(
    conv, one_step, monkeypatch
):
    judged_as(monkeypatch, -9, -10, -10, -9, -10, -9.99999, -11, -11, -11)
    found = trained(conv, one_step, epochs=9, patience=2, learning_rate=1e-3)
    expected = [1e-3] * 4 + [5e-4] * 2 + [2.5e-4] * 3
    assert rates_of(found) == pytest.approx(expected)


def test_a_loss_that_is_hardly_higher_is_not_a_lower_one(conv, one_step, monkeypatch):
    """Losses are negative: a share of them is not a margin but its contrary."""
    judged_as(monkeypatch, -10, -9.9999, -9.9998, -9.9997)
    found = trained(conv, one_step, epochs=4, patience=3)
    assert rates_of(found) == [1e-2] * 4
    judged_as(monkeypatch, -10, -9.9999, -9.9998, -9.9997, -9.9996)
    found = trained(conv, one_step, epochs=5, patience=3)
    assert rates_of(found) == [1e-2] * 4 + [5e-3]


def test_training_ends_after_so_many_epochs_without_a_lower_loss(
    conv, one_step, monkeypatch
):
    judged_as(monkeypatch, -9, -10, -10, -9.5, -10, -99)
    found = trained(conv, one_step, epochs=6, stop_after=3)
    assert [epoch.number for epoch in found] == [1, 2, 3, 4, 5]


def test_training_ends_where_the_loss_is_no_number(conv, one_step, monkeypatch):
    judged_as(monkeypatch, -9, float("nan"), -10)
    assert len(trained(conv, one_step, epochs=3)) == 2


def test_a_training_that_explodes_ends_after_an_epoch(conv, pairs):
    (found,) = trained(conv, pairs, learning_rate=1e30)
    assert np.isnan([found.loss, found.validation_loss]).any()


def test_the_validation_loss_is_the_mean_over_whole_mixtures(conv, pairs):
    model = started(conv)
    found = mean_loss(model, pairs.validation, CPU)
    assert not model.training
    with torch.inference_mode():
        losses = [
            pit_loss(
                model(torch.from_numpy(one.mixture)[None]),
                torch.from_numpy(one.sources)[None],
            ).item()
            for one in pairs.validation.held
        ]
    assert len(losses) == 4
    assert found == pytest.approx(sum(losses) / 4)
