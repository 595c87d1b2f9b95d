"""Loss and gradients of a first step, here and on a plain path."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_task import RECIPE, SIZE, TINY, tiny_data

from workloads.training.gradients import (
    MOST_ENTRIES,
    first_gradients,
    plain_gradients,
    write_gradients,
)
from workloads.training.learner import Learner
from workloads.training.loop import Job
from workloads.training.objective import ALONE
from workloads.training.weights import Weights, save
from workloads.values import plain
from workloads.values.compare import GRADIENT_LIMITS, gradient_error

CPU = torch.device("cpu")
DATA = tiny_data()
POSITIONS = (3, 8, 11, 2)


def learner_of(size=SIZE, **changes):
    recipe = replace(RECIPE, clip_norm=1e9, **changes)
    torch.manual_seed(recipe.seed)
    objective = TINY.objective(size, recipe, DATA, CPU, ALONE)
    return Learner(TINY.model(size), objective, recipe, CPU)


def found_by(learner):
    return first_gradients(learner, learner.objective.batch(POSITIONS))


def test_they_are_torch_s_without_dropout():
    learner = learner_of()
    model, batch = learner_of().model.eval(), learner.objective.batch(POSITIONS)
    loss = torch.nn.functional.cross_entropy(model(batch.features), batch.labels)
    loss.backward()
    found = found_by(learner)
    assert found["loss"] == pytest.approx([4 * loss.item()])
    assert set(found) == {"loss", *dict(model.named_parameters())}
    for name, parameter in model.named_parameters():
        expected = parameter.grad.flatten().numpy()
        np.testing.assert_allclose(found[name], expected, rtol=1e-4, atol=1e-6)


def test_some_entries_stand_for_those_of_a_large_parameter():
    large = replace(SIZE, hidden=2 * MOST_ENTRIES)
    learner = learner_of(large)
    found = found_by(learner)
    assert len(found["first.bias"]) == MOST_ENTRIES
    whole = learner.model.first.bias.grad
    np.testing.assert_array_equal(found["first.bias"], whole[::2].numpy())


def test_parameters_of_one_number_or_two_are_left_out():
    """Their gradients are sums that may cancel."""
    learner = learner_of()
    learner.model.register_parameter("slope", torch.nn.Parameter(torch.ones(1)))
    learner.model.register_parameter("pair", torch.nn.Parameter(torch.ones(2)))
    assert not {"slope", "pair"} & found_by(learner).keys()
    assert "last.bias" in found_by(learner)


def test_a_plain_path_finds_the_same_and_keeps_it(tmp_path, monkeypatch):
    monkeypatch.setenv("SPEECHMARK_CACHE", str(tmp_path))
    recipe = replace(RECIPE, precision="bf16", clip_norm=1e9)
    arguments = (Job(TINY, SIZE, recipe, DATA), POSITIONS, Weights(None))
    expected = plain_gradients(*arguments)
    found = found_by(learner_of())
    assert expected.keys() == found.keys()
    for name, one in expected.items():
        assert gradient_error(found[name], one) < GRADIENT_LIMITS["fp32"], name

    def nobody(*_):
        raise AssertionError("they were made before")

    monkeypatch.setattr("workloads.compression.artifacts.run_elsewhere", nobody)
    assert plain_gradients(*arguments).keys() == expected.keys()


def test_the_seed_and_the_positions_decide(tmp_path, monkeypatch):
    """Without oneDNN's caps, which only a process of its own can have."""
    found = []
    for number, (seed, positions) in enumerate(
        [(0, POSITIONS), (0, POSITIONS), (1, POSITIONS), (0, POSITIONS[:3])]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        recipe = replace(RECIPE, seed=seed, batch_size=len(positions))
        write_gradients(folder, TINY, SIZE, recipe, DATA, positions, None, [])
        with np.load(folder / plain.OUTPUTS) as kept:
            found.append(float(kept["loss"][0]))
    assert found[0] == found[1]
    assert len(set(found)) == 3


def test_weights_of_a_file_are_those_of_the_step(tmp_path):
    torch.manual_seed(7)
    model, path = TINY.model(SIZE), tmp_path / "own.safetensors"
    save(TINY, SIZE, model.state_dict(), TINY.constants(DATA), {}, path)
    recipe = replace(RECIPE, batch_size=len(POSITIONS))
    write_gradients(tmp_path, TINY, SIZE, recipe, DATA, POSITIONS, path, [])
    with np.load(tmp_path / plain.OUTPUTS) as kept:
        own = float(kept["loss"][0])
    write_gradients(tmp_path, TINY, SIZE, recipe, DATA, POSITIONS, None, [])
    with np.load(tmp_path / plain.OUTPUTS) as kept:
        assert float(kept["loss"][0]) != own
    given = learner_of().objective.batch(POSITIONS)
    with torch.no_grad():
        logits = TINY.model(SIZE)
        logits.load_state_dict(model.half().float().state_dict())
        expected = torch.nn.functional.cross_entropy(
            logits.eval()(given.features), given.labels, reduction="sum"
        )
    assert own == pytest.approx(float(expected), rel=1e-4)
