"""What a task states of itself, and what it need not state."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from tiny_task import SIZE, TINY, TinyModel, TinySize, tiny_data
from torch import nn

from workloads.compression.known import parse
from workloads.metrics.scores import Scores
from workloads.task import DataRequest, Gate, NotHereError, Task
from workloads.training.objective import ALONE


class Bare(Task):
    """Only what every task has to state."""

    name, sizes = "bare", {SIZE.name: SIZE}

    def dataset(self, size, request):
        return tiny_data()

    def model(self, size):
        return TinyModel(size)

    def example(self, size):
        return TINY.example(size)

    def inputs(self, size, data, batch_size, options):
        return TINY.inputs(size, data, batch_size, options)

    def score(self, run, data, batch_size):
        return Scores({})

    def macs(self, size, frames, counted):
        return 0.0


BARE = Bare()
DATA = tiny_data()


@pytest.mark.parametrize(
    ("gate", "baseline", "allowed"),
    [
        (Gate(0.01), 0.2, 0.01),
        (Gate(0.01), -5.0, 0.01),
        (Gate(0.05, is_share=True), 8.0, 0.4),
        (Gate(0.05, is_share=True), -8.0, 0.4),  # in dB, which may be below 0
    ],
)
def test_a_gate_is_a_number_or_a_share_of_the_baseline(gate, baseline, allowed):
    assert gate.of(baseline) == pytest.approx(allowed)


def test_a_task_that_states_too_little_is_refused():
    class Less(Task):
        name, sizes = "less", {}

    with pytest.raises(TypeError, match="abstract method"):
        Less()


@pytest.mark.parametrize(
    ("ask", "lacks"),
    [
        (lambda: BARE.calibration(DATA), "inputs to calibrate with"),
        (lambda: BARE.channel_groups(nn.Identity()), "pruning of whole channels"),
        (lambda: BARE.gradient_sample(DATA, 1), "pruning by gradients"),
        (lambda: BARE.gradient_loss(nn.Identity(), None), "pruning by gradients"),
        (lambda: BARE.recipe(SIZE, DATA), "training"),
        (lambda: BARE.timed_recipe(SIZE, DATA, "quick"), "training"),
        (lambda: BARE.objective(SIZE, None, DATA, None, ALONE), "training"),
        (lambda: BARE.work_of(SIZE, DATA), "training"),
        (lambda: BARE.typical_batches(DATA, 4, 2), "training"),
    ],
)
def test_what_a_task_does_not_state_is_named_where_it_is_asked_for(
    ask: Callable[[], object], lacks: str
):
    with pytest.raises(NotHereError, match=f"^bare has no {lacks}$"):
        ask()


def test_a_task_takes_every_case_as_it_is_unless_it_says_otherwise():
    model = BARE.model(SIZE)
    case = (SIZE, parse("int8-static"), "openvino", "cpu", {})
    assert BARE.why_not(*case) is None
    assert BARE.float_layers(parse("int8-static"), "openvino") == 0
    assert BARE.only_shape(SIZE, 4, {}) is None
    assert not BARE.is_recurrent(SIZE)
    assert BARE.deployed(model) is model
    assert BARE.adapted(model, {}) == (model, {})
    assert BARE.arithmetic(SIZE) == ""
    assert BARE.train_s(SIZE) is None


def test_a_task_without_constants_has_data_that_any_weights_fit():
    assert BARE.constants(DATA) == {}
    assert BARE.with_constants(DATA, {"mean": np.zeros(8)}) is DATA
    assert BARE.batch_facts(DATA, [[0, 1]]) == {}
    assert BARE.epoch_facts(DATA, TINY.recipe(SIZE, DATA)) == {}


def test_the_parameters_that_are_left_are_counted():
    size = TinySize("wide", hidden=10)
    assert BARE.count(size, BARE.model(size)) == {
        "parameters": 8 * 10 + 10 + 10 * 3 + 3
    }
    assert BARE.count(size, nn.Linear(4, 2)) == {"parameters": 4 * 2 + 2}


def test_the_deployed_model_runs_on_what_is_timed():
    inputs = BARE.inputs(SIZE, DATA, 4, {})
    deployed = BARE.deployed(BARE.model(SIZE)).eval()
    for one in inputs:
        assert one.features.shape == (4, *BARE.example(SIZE))
        assert one.lengths == (12,) * 4
        with torch.inference_mode():
            assert deployed(torch.from_numpy(one.features)).shape == (4, 3)


def test_a_request_is_for_built_in_data_unless_it_names_a_folder():
    request = DataRequest("quick")
    assert request.root is None
    assert (dict(request.options), request.train_s) == ({}, None)
    request.progress("making mixtures", 1, 2)  # by default nobody looks
