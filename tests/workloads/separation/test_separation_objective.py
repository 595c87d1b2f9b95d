"""What a separator learns, and how a training judges it, on pairs of tones."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from workloads.metrics.separation import SILENT_DB
from workloads.separation.dataset import Separation
from workloads.separation.loss import pit_loss
from workloads.separation.scoring import score_set
from workloads.separation.task import SEPARATION
from workloads.task import NotHereError
from workloads.training.loop import Job, train
from workloads.training.objective import ALONE, Rank
from workloads.training.recipe import Adam, Plateau, Recipe

CPU = torch.device("cpu")
RECIPE = Recipe(
    Adam(1e-2),
    batch_size=4,
    epochs=4,
    clip_norm=5.0,
    schedule=Plateau(patience=4),
    own=Separation(segment_s=0.1),
)


def started(size):
    torch.manual_seed(0)
    return SEPARATION.model(size)


def trained(size, data, **changes):
    own = {key: changes.pop(key) for key in ("segment_s", "remix") if key in changes}
    recipe = replace(RECIPE, own=replace(RECIPE.own, **own), **changes)
    job = Job(SEPARATION, size, recipe, data)
    return [event for event in train(job) if event.kind == "epoch"]


def objective_of(size, data, **own):
    recipe = replace(RECIPE, own=replace(RECIPE.own, **own))
    return SEPARATION.objective(size, recipe, data, CPU, ALONE)


@pytest.fixture(scope="module")
def whole(conv, pairs):
    return trained(conv, pairs)


def test_a_training_lowers_the_loss(whole):
    assert [epoch.epoch for epoch in whole] == [1, 2, 3, 4]
    assert whole[-1].loss < whole[0].loss - 2
    assert whole[-1].validation_loss < whole[0].validation_loss - 2
    first, last = (
        epoch.scores.measures["si_sdr_improvement"].value
        for epoch in (whole[0], whole[-1])
    )
    assert last > first


def test_every_architecture_learns(tiny, pairs):
    found = trained(tiny, pairs, remix=False, epochs=2)
    assert found[1].loss < found[0].loss


@pytest.mark.parametrize(
    "change",
    [{"segment_s": 0.05}, {"remix": False}, {"precision": "bf16"}, {"seed": 1}],
    ids=str,
)
def test_every_number_of_a_separator_s_recipe_matters(conv, pairs, whole, change):
    (found,) = trained(conv, pairs, epochs=1, **change)
    assert np.isfinite(found.loss)
    assert found.loss != whole[0].loss


def test_bf16_differs_by_its_precision_alone(conv, pairs, whole):
    (found,) = trained(conv, pairs, epochs=1, precision="bf16")
    assert found.loss == pytest.approx(whole[0].loss, abs=0.5)


def test_stretches_are_as_long_as_the_recipe_says(conv, pairs):
    objective = objective_of(conv, pairs, segment_s=0.05)
    found = list(objective.batches(1, 0))
    assert [size for size, _ in found] == [4, 4, 4]
    for _, batch in found:
        assert len(batch) == 4
        assert batch.mixtures.shape == (4, 400)
        assert batch.sources.shape == (4, 2, 400)


def test_an_epoch_that_is_taken_up_has_the_batches_that_were_left(conv, pairs):
    """However many random numbers its stretches took before."""
    objective = objective_of(conv, pairs)
    whole = list(objective.batches(2, 0))
    ((_, found),) = objective.batches(2, 2)
    assert found.mixtures.equal(whole[2][1].mixtures)
    assert found.sources.equal(whole[2][1].sources)


def test_no_two_epochs_are_alike(conv, pairs):
    objective = objective_of(conv, pairs)
    first, second = (next(objective.batches(epoch, 0))[1] for epoch in (1, 2))
    assert not first.mixtures.equal(second.mixtures)


def test_a_batch_by_positions_is_of_the_beginnings(conv, pairs):
    batch = objective_of(conv, pairs).batch((3, 8))
    for row, position in enumerate((3, 8)):
        signals = pairs.train.held[position]
        np.testing.assert_array_equal(batch.mixtures[row], signals.mixture[:800])
        np.testing.assert_array_equal(batch.sources[row], signals.sources[:, :800])


def test_the_loss_is_summed_over_mixtures_in_fp32(conv, pairs):
    objective = objective_of(conv, pairs)
    batch, model = objective.batch((3, 8, 1)), started(conv).eval()
    with torch.no_grad():
        outputs = objective.forward(model, batch)
        found = objective.loss(outputs.bfloat16(), batch)
    assert found.dtype == torch.float32
    expected = 3 * pit_loss(outputs.bfloat16().float(), batch.sources)
    torch.testing.assert_close(found, expected)


def test_the_validation_loss_is_the_mean_over_whole_mixtures(conv, pairs):
    model = started(conv)
    found = objective_of(conv, pairs).evaluate(model).loss
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


def test_an_evaluation_has_the_loss_and_the_measures_of_whole_mixtures(conv, pairs):
    model = started(conv)
    found = objective_of(conv, pairs).evaluate(model)
    deployed = SEPARATION.deployed(model)

    def run(waves):
        with torch.inference_mode():
            return deployed(torch.from_numpy(waves)).numpy()

    expected = score_set(run, pairs.validation)
    values = {name: score.value for name, score in found.scores.measures.items()}
    assert values == pytest.approx({one.name: one.value for one in expected.measures})
    assert -found.loss == pytest.approx(values["si_sdr"], abs=0.05)


def test_a_training_that_explodes_ends_after_an_epoch_with_the_scores_of_silence(
    conv, pairs
):
    (found,) = trained(conv, pairs, optimizer=Adam(1e30))
    assert not np.isfinite(found.validation_loss)
    assert found.scores.measures["si_sdr"].value == pytest.approx(SILENT_DB)
    assert "estimates of sources that speak are silent" in str(found.scores.faults)


def test_waveforms_are_no_text_to_show(conv, pairs):
    objective = objective_of(conv, pairs)
    assert objective.samples(started(conv), objective.batch((0,))) == ()


def test_several_devices_are_refused(conv, pairs):
    with pytest.raises(NotHereError, match="separators train on one device"):
        SEPARATION.objective(conv, RECIPE, pairs, CPU, Rank(0, 2))
