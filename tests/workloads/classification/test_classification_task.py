"""What all classifiers of sounds of one length state alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from workloads.classification.data import LabelledSounds, Sounds
from workloads.classification.task import CALIBRATION_SOUNDS, ClassificationTask
from workloads.task import NotHereError
from workloads.training.objective import Rank
from workloads.training.recipe import Adam, Recipe

FRAMES, WIDTH, CLASSES = 6, 3, 2


@dataclass(frozen=True)
class Size:
    name: str = "tiny"


class Tiny(ClassificationTask[Size]):
    name, sizes = "tiny", {"tiny": Size()}
    shape, item_s = (FRAMES, WIDTH), 0.5

    def dataset(self, size: Size, request: object) -> LabelledSounds:
        return data()

    def model(self, size: Size) -> nn.Module:
        return nn.Linear(WIDTH, CLASSES)


TASK, SIZE = Tiny(), Size()
RECIPE = Recipe(Adam(1e-1), batch_size=4, epochs=1, clip_norm=5.0)


def data(train: int = 10, validation: int = 5) -> LabelledSounds:
    """Of class 1 where the first feature is above 0 in the mean."""
    rng = np.random.default_rng(0)
    features = rng.standard_normal((train + validation, FRAMES, WIDTH), np.float32)
    labels = (features[:, :, 0].mean(1) > 0).astype(np.int64)
    sounds = Sounds(features, labels)
    return LabelledSounds("d", "0" * 64, sounds.cut(0, train), sounds.cut(train))


def objective(found: LabelledSounds | None = None) -> object:
    return TASK.objective(SIZE, RECIPE, found or data(), torch.device("cpu"), Rank())


def test_a_sound_is_of_the_class_that_is_highest_in_the_mean_over_frames() -> None:
    outputs = np.array([[[9.0, 0.0], [0.0, 3.0]], [[1.0, 0.0], [0.0, 3.0]]])
    scores = TASK.scores_of(outputs, np.array([0, 0]))
    rate = scores.measures["error_rate"]
    assert (rate.value, rate.n, rate.per_item) == (0.5, 2, [(0, 1), (1, 1)])


@pytest.mark.parametrize("batch_size", [1, 2, 5, 64])
def test_scores_are_of_every_validation_sound_once_whatever_the_batch(
    batch_size: int,
) -> None:
    shapes: list[int] = []

    def run(features: np.ndarray) -> np.ndarray:
        shapes.append(len(features))
        right = features[:, :, 0].mean(1, keepdims=True)
        return np.stack([-right, right], axis=2)

    assert TASK.score(run, data(), batch_size).measures["error_rate"].value == 0
    assert sum(shapes) == 5
    assert max(shapes) == min(batch_size, 5)


@pytest.mark.parametrize(("batch_size", "count"), [(1, 5), (2, 3), (8, 1)])
def test_inputs_have_the_only_shape_and_hold_every_validation_sound(
    batch_size: int, count: int
) -> None:
    inputs = TASK.inputs(SIZE, data(), batch_size, {})
    shape = TASK.only_shape(SIZE, batch_size, {})
    assert shape == (batch_size, FRAMES, WIDTH)
    assert [one.features.shape for one in inputs] == [shape] * count
    assert {one.audio_s for one in inputs} == {0.5 * batch_size}
    timed = {one.tobytes() for batch in inputs for one in batch.features}
    assert timed == {one.tobytes() for one in data().validation.features}


def test_an_epoch_takes_every_sound_once_in_an_order_of_its_own() -> None:
    def order(epoch: int, skip: int = 0) -> list[bytes]:
        made = objective().batches(epoch, skip)  # type: ignore[attr-defined]
        return [row.numpy().tobytes() for _, batch in made for row in batch.features]

    first = order(1)
    assert sorted(first) == sorted(one.tobytes() for one in data().train.features)
    assert order(1) == first != order(2)
    assert order(1, skip=2) == first[8:]


def test_the_loss_is_a_sum_over_sounds_and_falls_as_it_learns() -> None:
    learned = objective()
    batch = learned.batch(range(10))  # type: ignore[attr-defined]
    assert len(batch) == 10
    outputs: Tensor = torch.zeros(10, FRAMES, CLASSES)
    loss = learned.loss(outputs, batch)  # type: ignore[attr-defined]
    assert float(loss) == pytest.approx(10 * np.log(2))
    weights = torch.tensor([[-5.0, 0, 0], [5.0, 0, 0]])
    model = nn.Linear(WIDTH, CLASSES, bias=False)
    model.weight.data = weights
    found = learned.evaluate(model)  # type: ignore[attr-defined]
    assert found.scores.measures["error_rate"].value == 0
    assert found.loss < np.log(2)


def test_ranges_are_calibrated_evenly_over_the_training_part() -> None:
    many = data(train=3 * CALIBRATION_SOUNDS)
    found = TASK.calibration(many)
    assert len(found) == CALIBRATION_SOUNDS
    np.testing.assert_array_equal(found[0], many.train.features[1])


def test_work_is_that_of_the_chosen_sounds() -> None:
    macs = FRAMES * WIDTH * CLASSES
    assert TASK.work_of(SIZE, data()) == (10, 5.0, 3 * 10 * macs)
    assert TASK.work_of(SIZE, data(), [1, 2]) == (2, 1.0, 3 * 2 * macs)


@pytest.mark.parametrize(("batch_size", "sizes"), [(4, [4, 4]), (64, [10])])
def test_typical_batches_are_whole(batch_size: int, sizes: list[int]) -> None:
    found = TASK.typical_batches(data(), batch_size, 9)
    assert list(map(len, found)) == sizes
    assert len(TASK.typical_batches(data(), 4, 1)) == 1


def test_sounds_without_a_label_each_are_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(2, 3, 4\) for 1 labels"):
        Sounds(np.zeros((2, 3, 4), np.float32), np.zeros(1, np.int64))


def test_classifiers_train_on_one_device() -> None:
    with pytest.raises(NotHereError, match="classifiers train on one device"):
        TASK.objective(SIZE, RECIPE, data(), torch.device("cpu"), Rank(0, 2))
