"""Every compression is held against the same scores of the uncompressed weights."""

import json

import numpy as np
import pytest
import torch
from tiny_task import ERRORS, SIZE, TINY, tiny_data

from workloads import baseline
from workloads.baseline import SCORES, baseline_scores, plain_run, write_scores
from workloads.metrics.error_rates import ErrorRate
from workloads.metrics.scores import Scores
from workloads.training import weights
from workloads.training.weights import Weights

DATA = tiny_data()


@pytest.fixture
def trained(tmp_path):
    """Weights that are not the random ones of an untrained model."""
    torch.manual_seed(3)
    path = tmp_path / "tiny.safetensors"
    state = TINY.model(SIZE).state_dict()
    weights.save(TINY, SIZE, state, TINY.constants(DATA), {"command": "by hand"}, path)
    return Weights(path)


def test_the_baseline_runs_the_weights_of_the_file_as_they_are(trained):
    features = DATA.validation.features
    model = weights.load(TINY, SIZE, trained.path)
    with torch.inference_mode():
        expected = model(torch.from_numpy(features)).numpy()
    found = plain_run(TINY, SIZE, trained)(features)
    np.testing.assert_array_equal(found, expected)
    other = plain_run(TINY, SIZE, Weights(None))(features)
    assert np.abs(other - expected).max() > 1e-3


@pytest.mark.parametrize("batch_size", [1, 5, 12])
def test_what_is_written_are_the_tasks_scores_over_all_held_out_data(
    trained, tmp_path, batch_size
):
    write_scores(tmp_path, TINY, SIZE, trained, DATA, batch_size)
    found = Scores.from_plain(json.loads((tmp_path / SCORES).read_text()))
    run = plain_run(TINY, SIZE, trained)
    assert found == TINY.score(run, DATA, batch_size)
    assert found.measures[ERRORS].n == 12


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Another process's scores, and all keys that were asked for."""
    keys = []

    def made(key, make, arguments):
        assert make is write_scores
        keys.append(dict(key))
        scores = Scores.of(ErrorRate(ERRORS, (1, 0), (1, 1)))
        (tmp_path / SCORES).write_text(json.dumps(scores.to_plain()))
        return tmp_path

    monkeypatch.setattr(baseline, "made", made)
    return keys


def test_scores_come_back_as_they_were_counted(made, trained):
    found = baseline_scores(TINY, SIZE, trained, DATA, 4)
    assert found.measures == {ERRORS: ErrorRate(ERRORS, (1, 0), (1, 1))}
    assert len(made) == 1


def test_scores_are_kept_apart_by_all_that_they_depend_on(made, trained):
    other_data = tiny_data(checksum="1" * 64)
    cases = [
        (trained, DATA, 4),
        (Weights(None), DATA, 4),
        (trained, other_data, 4),
        (trained, DATA, 8),  # rounding may differ
    ]
    for case in cases:
        baseline_scores(TINY, SIZE, *case)
    assert len({str(key) for key in made}) == len(cases)
    # A compression is no part: all are held against the same.
    baseline_scores(TINY, SIZE, Weights(trained.path, is_fitted=True), DATA, 4)
    assert made[-1] == made[0]


def test_the_baseline_is_computed_in_a_process_of_its_own(
    trained, tmp_path, monkeypatch
):
    monkeypatch.setenv("SPEECHMARK_CACHE", str(tmp_path / "cache"))
    found = baseline_scores(TINY, SIZE, trained, DATA, 4)
    assert found == TINY.score(plain_run(TINY, SIZE, trained), DATA, 4)
    monkeypatch.setattr("workloads.compression.artifacts.run_elsewhere", None)
    assert baseline_scores(TINY, SIZE, trained, DATA, 4) == found  # kept
