import numpy as np
import pytest

from workloads.feeding.normaliser import Normaliser, RunningMoments

FEATURES = 7


def test_streamed_moments_are_those_of_all_frames_at_once():
    frames = np.random.default_rng(0).normal(3.0, 2.0, (1000, FEATURES))
    moments = RunningMoments(FEATURES)
    for part in np.split(frames, [1, 17, 400]):
        moments.add(part)
    normaliser = moments.normaliser()
    np.testing.assert_allclose(normaliser.mean, frames.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(normaliser.std, frames.std(axis=0), rtol=1e-6)


def test_a_normaliser_of_nothing_is_refused():
    with pytest.raises(ValueError, match="training set is empty"):
        RunningMoments(FEATURES).normaliser()


def test_a_constant_feature_stays_finite():
    moments = RunningMoments(1)
    moments.add(np.full((5, 1), 3.0, np.float32))
    out = np.empty((1, 1), np.float32)
    moments.normaliser().write(np.array([[3.0]], np.float32), out)
    assert out == 0


def test_a_normaliser_is_taken_out_of_the_weights_that_it_was_put_among():
    saved = Normaliser(np.arange(3.0), np.ones(3))
    weights = {"conv.weight": np.zeros(2), **saved.to_arrays()}
    found = Normaliser.taken_from(weights)
    assert list(weights) == ["conv.weight"]
    np.testing.assert_array_equal(found.mean, saved.mean)
    np.testing.assert_array_equal(found.std, saved.std)
