from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch
from workloads.wav2letter.recipe import LETTERS, PHONEMES, Recipe, SpecAugment
from workloads.wav2letter.training import SLOWEST, initialise, mask, train

from workloads.compression.qat import simulated_int8
from workloads.metrics.error_rates import ErrorRate
from workloads.wav2letter.model import Wav2Letter

CPU = torch.device("cpu")
RECIPE = Recipe(
    learning_rate=3e-3,
    weight_decay=1e-4,
    batch_size=14,
    epochs=3,
    augment=SpecAugment(frequency_bands=4, time_frames=10),
)
STEPS = 5  # an epoch: 70 tones in batches of 14


def started(size):
    torch.manual_seed(0)
    model = Wav2Letter(size)
    initialise(model)
    return model


def trained(size, dataset, **changes):
    return list(train(started(size), replace(RECIPE, **changes), dataset, CPU))


@pytest.fixture(scope="module")
def whole(tiny, letters):
    return trained(tiny, letters)


def masked(augment, lengths, frames, seed):
    features = torch.ones(len(lengths), frames, 40)
    mask(features, lengths, augment, np.random.default_rng(seed))
    return features


def test_a_frequency_mask_covers_bands_in_every_frame():
    augment = SpecAugment(frequency_bands=8, time_masks=0)
    widths = set()
    for seed in range(200):
        (features,) = masked(augment, [30], 30, seed)
        bands = features.eq(0).any(0)
        assert features[:, bands].eq(0).all()
        widths.add(int(bands.sum()))
        assert stretches(bands) <= 1
    assert widths == set(range(9))


def test_a_time_mask_covers_frames_in_every_band():
    augment = SpecAugment(frequency_masks=0, time_frames=5)
    widths = set()
    for seed in range(200):
        (features,) = masked(augment, [100], 100, seed)
        frames = features.eq(0).any(1)
        assert features[frames].eq(0).all()
        widths.add(int(frames.sum()))
        assert stretches(frames) <= 1
    assert widths == set(range(6))


def test_a_time_mask_covers_a_fifth_of_an_utterance_at_most():
    augment = SpecAugment(frequency_masks=0, time_frames=25)
    widths, covered = set(), torch.zeros(200, dtype=torch.bool)
    for seed in range(300):
        short, long = masked(augment, [42, 200], 200, seed).eq(0).any(2)
        widths.add(int(short.sum()))
        covered |= short
        assert long.sum() <= 25
    assert widths == set(range(9))  # 42 // 5 = 8
    assert covered.nonzero().flatten().tolist() == list(range(42))  # not the padding


def stretches(flags):
    """How many runs of True."""
    edges = torch.diff(flags.int(), prepend=torch.zeros(1, dtype=torch.int))
    return int(edges.eq(1).sum())


def test_masks_are_as_many_as_asked_for():
    augment = SpecAugment(3, 2, 4, 3)
    found = [masked(augment, [100], 100, seed)[0].eq(0) for seed in range(100)]
    assert max(stretches(one.all(0)) for one in found) == 3
    assert max(stretches(one.all(1)) for one in found) == 4


def test_every_utterance_gets_masks_of_its_own():
    one, other = masked(SpecAugment(), [100, 100], 100, seed=1)
    assert not one.equal(other)


def test_a_training_lowers_the_loss(whole):
    assert [epoch.number for epoch in whole] == [1, 2, 3]
    assert whole[-1].loss < 0.8 * whole[0].loss
    assert whole[-1].validation_loss < whole[0].validation_loss
    assert set(whole[0].errors) == {"cer", "levenshtein"}
    assert whole[0].errors["levenshtein"].n == 10


def test_a_training_is_the_same_twice(tiny, letters, whole):
    assert trained(tiny, letters) == whole


def test_the_model_of_the_caller_is_trained_in_place(tiny, letters):
    model, before = started(tiny), started(tiny)
    next(train(model, RECIPE, letters, CPU))
    changed = zip(model.parameters(), before.parameters(), strict=True)
    assert not any(now.equal(then) for now, then in changed)


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"learning_rate": 1e-3},
        {"weight_decay": 0.1},
        {"batch_size": 10},
        {"clip_norm": 0.1},
        {"precision": "bf16"},
        {"warmup_steps": 3},
        {"augment": SpecAugment(frequency_masks=0, time_masks=0)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_number_of_the_recipe_matters(tiny, letters, whole, change):
    (found,) = trained(tiny, letters, epochs=1, **change)
    assert np.isfinite(found.loss)
    assert found.loss != whole[0].loss


def test_bf16_differs_by_its_precision_alone(tiny, letters, whole):
    (found,) = trained(tiny, letters, epochs=1, precision="bf16")
    assert found.loss == pytest.approx(whole[0].loss, rel=0.05)


def test_the_rate_rises_over_the_warm_up(tiny, letters):
    found = trained(tiny, letters, epochs=3, warmup_steps=2 * STEPS)
    half = RECIPE.learning_rate * (SLOWEST + (1 - SLOWEST) / 2)
    expected = [half, RECIPE.learning_rate, RECIPE.learning_rate]
    assert [epoch.learning_rate for epoch in found] == pytest.approx(expected)


def test_the_first_steps_of_a_warm_up_hardly_move(tiny, letters):
    """As opposed to a rate that begins at its height."""
    moved = {}
    for steps in (0, 1000):
        model, before = started(tiny), started(tiny)
        recipe = replace(RECIPE, warmup_steps=steps)
        next(train(model, recipe, letters, CPU))
        pairs = zip(model.parameters(), before.parameters(), strict=True)
        moved[steps] = max((a - b).abs().max().item() for a, b in pairs)
    assert moved[1000] < 0.02 * moved[0]


def judged_as(monkeypatch, *distances):
    """Let the epochs reach these edit distances, whatever is trained."""
    left = iter(distances)

    def rates(*_):
        return {"levenshtein": ErrorRate("levenshtein", (next(left),), (1,))}

    monkeypatch.setattr("workloads.wav2letter.training.error_rates", rates)


def test_the_rate_falls_to_a_tenth_after_patience_without_a_lower_distance(
    tiny, letters, monkeypatch
):
    judged_as(monkeypatch, 9, 8, 8, 9, 8, 8, 8, 8)
    found = trained(tiny, letters, epochs=8, patience=2, learning_rate=1e-3)
    # From the second epoch's 8 on, three epochs are more than a patience of two.
    assert [epoch.learning_rate for epoch in found] == pytest.approx(
        [1e-3] * 5 + [1e-4] * 3
    )


def test_a_warm_up_does_not_raise_a_rate_that_fell(tiny, letters, monkeypatch):
    judged_as(monkeypatch, 5, 5, 5, 5)
    found = trained(tiny, letters, epochs=4, patience=0, warmup_steps=STEPS + 2)
    rates = [epoch.learning_rate for epoch in found]
    assert rates[2:] == pytest.approx([rates[1] / 10, rates[1] / 100])


def test_a_training_with_simulated_int8_learns_and_leaves_plain_weights(
    tiny, letters, whole
):
    model, before = started(tiny), started(tiny)
    with simulated_int8(model):
        found = list(train(model, replace(RECIPE, epochs=3), letters, CPU))
    assert found[0].loss != whole[0].loss
    assert found[-1].loss < 0.8 * found[0].loss
    assert model.state_dict().keys() == before.state_dict().keys()


def test_the_documents_recipes_are_its_own():
    for recipe, rate, decay in ((LETTERS, 2e-4, 5e-5), (PHONEMES, 2e-3, 1e-5)):
        assert (recipe.learning_rate, recipe.weight_decay) == (rate, decay)
        assert (recipe.batch_size, recipe.patience) == (128, 5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"precision": "int8"}, "precision 'int8' is unknown: use fp32 or bf16"),
        ({"batch_size": 0}, "batch_size 0 and epochs 3"),
        ({"epochs": 0}, "epochs 0 must both be 1 or more"),
    ],
)
def test_an_impossible_recipe_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(RECIPE, **change)


def test_an_epoch_takes_every_utterance_once(tiny, letters):
    part = letters.train
    seen = []

    class Watched:
        frames = part.frames

        def read(self, positions):
            seen.extend(positions)
            return part.rows.read(positions)

    watched = replace(letters, train=replace(part, rows=Watched()))
    list(islice(train(started(tiny), RECIPE, watched, CPU), 1))
    assert sorted(seen) == list(range(70))
    assert seen != sorted(seen)
