"""Axes: `B` mixtures, `S` samples, `C` sources."""

from types import SimpleNamespace

import numpy as np
import pytest

from workloads.corpora.mixtures.mixture import Signals
from workloads.metrics.kinds import SI_SDR_IMPROVEMENT
from workloads.metrics.separation import NAMES, no_scores, score
from workloads.separation.scoring import (
    batches_of_one_length,
    score_set,
    scores_of,
)


def signals(number, samples=400):
    rng = np.random.default_rng(number)
    sources = rng.uniform(-0.5, 0.5, (2, samples)).astype(np.float32)
    return Signals(sources.sum(0), sources)


def set_of(*lengths):
    held = [signals(number, samples) for number, samples in enumerate(lengths)]
    return SimpleNamespace(held=held)


def halves(waves):
    """Half of each mixture (B, S, 1) is one source, the other half with noise the
    other: (B, S, 2)."""
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, waves.shape[1:])
    return np.concatenate([0.5 * waves, 0.5 * waves + noise], axis=2)


@pytest.mark.parametrize(
    ("lengths", "batch_size", "expected"),
    [
        ([5, 5, 5, 5], 2, [[5, 5], [5, 5]]),
        ([5, 5, 5], 2, [[5, 5], [5]]),
        ([5, 7, 7, 5], 4, [[5], [7, 7], [5]]),
        ([5, 7], 1, [[5], [7]]),
        ([], 3, []),
    ],
)
def test_a_batch_ends_where_it_is_full_or_the_length_changes(
    lengths, batch_size, expected
):
    held = set_of(*lengths).held
    found = list(batches_of_one_length(held, batch_size))
    assert [[len(one.mixture) for one in batch] for batch in found] == expected
    assert [one for batch in found for one in batch] == held


@pytest.mark.parametrize("batch_size", [1, 2, 8])
def test_every_mixture_is_scored_whole_and_in_order(batch_size):
    mixtures = set_of(400, 400, 300, 300, 300)
    found = score_set(halves, mixtures, batch_size)
    expected = no_scores()
    for one in mixtures.held:
        (estimates,) = halves(one.mixture[None, :, None])
        expected = expected + score(estimates.T, one.sources, one.mixture)
    assert found == expected
    assert found.si_sdr.n == 5


def test_estimates_are_given_waveforms_of_one_channel():
    shapes = []

    def run(waves):
        shapes.append(waves.shape)
        return halves(waves)

    score_set(run, set_of(400, 400, 300), batch_size=2)
    assert shapes == [(2, 400, 1), (1, 300, 1)]


def test_a_runtime_that_loses_a_mixture_is_noticed():
    with pytest.raises(ValueError, match="shorter"):
        score_set(lambda waves: halves(waves)[:1], set_of(400, 400), batch_size=2)


def test_the_three_measures_are_known_by_their_names():
    found = score_set(halves, set_of(400, 400))
    scores = scores_of(found)
    assert tuple(scores.measures) == NAMES
    assert scores.measures[SI_SDR_IMPROVEMENT.name] == found.si_sdr_improvement
    assert scores.faults == {}
    assert scores.transcribed is None


def test_silence_in_place_of_a_source_fails_the_improvement_whatever_it_is():
    def with_silence(waves):
        return halves(waves) * np.array([1, 0])

    scores = scores_of(score_set(with_silence, set_of(400, 400, 400)))
    assert scores.faults.keys() == {SI_SDR_IMPROVEMENT.name}
    assert scores.faults[SI_SDR_IMPROVEMENT.name].startswith(
        "3 estimates of sources that speak are silent: look for an underflow"
    )
