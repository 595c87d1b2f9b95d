"""A case that computes something else is failed, whoever made its kernels."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
import toy
from outcomes import outcome

from harness.case import Case
from harness.hardware import Machine
from harness.measure.run import Runner, Settings
from harness.measure.values import values_record, wrong_values
from harness.measure.watch import Instruments
from harness.observe.roofline import Peaks
from harness.profile import SMOKE
from harness.record.schema import Record
from harness.workload import Values, nothing_to_compare

TWO = replace(SMOKE, processes=2, warmup_s=0.0)
MACHINE = Machine(tuple(os.sched_getaffinity(0)), isas=(), cuda_devices=0)


def run(folder: Path, model: str, workload: str = "toy") -> Record:
    runner = Runner(
        Settings(TWO, MACHINE, folder),
        Instruments({"cpu": None}),
        {("cpu", "fp32"): Peaks("fp32", reason="not asked for")},
    )
    case = Case(workload, model, "fp32", "eager", "cpu", 1)
    chosen = toy.WORKLOAD if workload == "toy" else toy.TRAINING
    return runner.run(chosen, case, lambda progressing: None)


def test_right_values_stand_in_the_record(tmp_path: Path) -> None:
    record = run(tmp_path, "good")
    assert record.status == "ok"
    assert record.values is not None
    assert (record.values.error, record.values.limit) == (1e-6, 1e-4)
    assert (record.values.outputs, record.values.passed) == (3, True)


def test_garbage_fails_the_case_and_names_layer_and_kernel(tmp_path: Path) -> None:
    record = run(tmp_path, "garbage")
    assert record.status == "failed"
    assert record.reason == (
        "wrong values: a relative error of 1.1 (limit 0.2) against a plain path; the "
        "first that departs: conv, Conv1d(8, 64), computed by brg_conv_fwd:amx; "
        "another runtime, precision or instruction set (--hardware=cpu:isa=...) may "
        "have another kernel; `speechmark doctor --kernels` lists what is wrong "
        "here, with ways round: see docs/values.md"
    )
    assert record.values is not None
    assert (record.values.error, record.values.passed) == (1.1, False)
    built = tmp_path / "scratch" / "built-garbage"
    assert len(built.read_text().split()) == 1  # no second process is timed


def test_what_is_no_number_is_wrong_and_fits_the_record(tmp_path: Path) -> None:
    record = run(tmp_path, "not-finite")
    assert record.reason is not None
    assert record.reason.startswith("wrong values: no finite numbers (limit 0.2)")
    assert record.values is not None
    assert (record.values.error, record.values.passed) == (None, False)


@pytest.mark.parametrize("workload", ["toy", "toy-training"])
def test_values_that_were_not_compared_say_why(tmp_path: Path, workload: str) -> None:
    record = run(tmp_path, "not-compared", workload)
    assert record.status == "ok"
    assert record.values is not None
    assert record.values.passed is None
    assert record.values.reason == nothing_to_compare().reason


def test_a_worker_that_ended_before_has_no_wrong_values() -> None:
    assert wrong_values(None) is None
    assert wrong_values(outcome().done.values) is None


def test_an_error_at_the_limit_passes_and_the_next_number_does_not() -> None:
    assert Values(0.2, 0.2, 1, "plain").passed is True
    beyond = values_record(Values(0.2000001, 0.2, 1, "plain"))
    assert beyond.passed is False
    assert (wrong_values(beyond) or "").startswith("wrong values: a relative error")


@pytest.mark.parametrize(
    "given",
    [
        {"error": 0.1},
        {"error": 0.1, "limit": 0.2},
        {"error": None},
        {"error": None, "limit": 0.2, "against": "plain", "reason": "none"},
    ],
)
def test_values_are_whole_or_say_why_there_are_none(given: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="values"):
        Values(**given)  # type: ignore[arg-type]
