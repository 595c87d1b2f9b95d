"""The table of shapes: what it holds, and in which order it is tried."""

from __future__ import annotations

import json

import pytest

from harness.measure.jobs import Job, plain_fields, task_of
from harness.observe.kernel_sweep.job import SweepTask, run_job
from harness.observe.kernel_sweep.shapes import (
    OFFERED,
    OPERATIONS,
    RUNTIMES,
    SHAPES,
    Shape,
    trials,
)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_all_of_a_runtime_are_tried_once(runtime: str) -> None:
    found = trials(runtime)
    wanted = sum(
        len(SHAPES[operation])
        for operations in OFFERED[runtime].values()
        for operation in operations
    )
    assert len(set(found)) == len(found) == wanted


def test_every_family_has_begun_before_any_goes_on() -> None:
    families = [one.family for one in trials("torch")]
    count = len(set(families))
    assert count == 3 * len(OPERATIONS) + 4
    assert len(set(families[:count])) == count


def test_the_first_shapes_hold_few_channels_and_framing_has_no_padding() -> None:
    few = Shape("conv1d", 8, 64, taps=32)
    assert few in SHAPES["conv1d"]
    assert few.padding == 15
    assert Shape("conv1d", 8, 64, taps=16, stride=8).padding == 0


def test_a_trial_survives_the_pipe_to_its_worker() -> None:
    task = SweepTask("onnxruntime", tuple(trials("onnxruntime")[:20]), explain=True)
    job = json.loads(json.dumps(Job("a:b", (0,), task).plain(), default=plain_fields))
    assert task_of(run_job, job) == task
