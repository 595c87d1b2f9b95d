"""`speechmark doctor --kernels`, as a user types it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness import cli, kernels_doctor
from harness.commands import doctor
from harness.hardware import Machine
from harness.observe.kernel_sweep.messages import (
    Absent,
    Message,
    TriedMessage,
    TryingMessage,
)
from harness.observe.kernel_sweep.shapes import FORWARD
from harness.observe.kernel_sweep.sweep import Request
from harness.report.tables import outputs

MACHINE = Machine(cpus=(0,), isas=("avx2",), cuda_devices=1)


def invoke(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli.main, ["doctor", *arguments])
    return done.exit_code, done.output


@pytest.fixture
def errors(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """Of each runtime's first trial; in place of workers."""
    given: dict[str, float] = {}

    class Fake:
        def __init__(self, machine: Machine, hardware: object, folder: Path) -> None:
            assert machine is MACHINE
            assert folder.is_dir()

        def __call__(self, request: Request) -> Iterator[Message]:
            if request.runtime not in given:
                yield Absent("not installed")
            else:
                error = {FORWARD: given[request.runtime]}
                yield TryingMessage(0)
                yield TriedMessage(0, error)

    monkeypatch.setattr(kernels_doctor, "InWorkers", Fake)
    monkeypatch.setattr(kernels_doctor, "trials", lambda r: kernels_of(r)[:1])
    monkeypatch.setattr(doctor, "this_machine", lambda: MACHINE)
    return given


kernels_of = kernels_doctor.trials


def test_nothing_wrong_is_said_and_the_status_is_0(errors: dict[str, float]) -> None:
    errors |= {"torch": 1e-3, "openvino": 1e-3}
    status, printed = invoke("--kernels")
    assert status == 0
    assert printed.splitlines() == [
        "left out: onnxruntime: not installed",
        "nothing wrong found in 2 checks in 0 s",
    ]


def test_a_wrong_kernel_is_stated_and_the_status_is_1(
    errors: dict[str, float], tmp_path: Path
) -> None:
    errors |= {"torch": 1.25, "openvino": 1e-3}
    out = tmp_path / "kernels.json"
    status, printed = invoke("--kernels", "--json", str(out))
    assert status == 1
    assert printed.startswith("WRONG: torch conv1d bf16 forward, 1 of 1 shapes")
    assert "1 wrong value found in 2 checks" in printed
    (wrong,) = json.loads(out.read_text())["wrong"]
    assert wrong["relative_error"] == 1.25


def test_what_checked_nothing_has_not_passed(errors: dict[str, float]) -> None:
    assert not errors
    status, printed = invoke("--kernels")
    assert status == 1
    assert "Error: nothing was checked" in printed


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--kernels", "--csv", "a.csv"), "--csv does nothing with --kernels"),
        (("--kernels", "--parquet", "a"), "--parquet does nothing with --kernels"),
        (("--budget-s", "9"), "--budget-s does nothing without --kernels"),
        (("--kernels", "--results", "."), "--results does nothing with --kernels"),
        (("--kernels", "--budget-s", "0"), "0 is not in the range"),
        (("--kernels", "--json", "no/a.json"), "cannot write there"),
        (("--kernels", "--hardware", "tpu"), "unknown hardware 'tpu'"),
        (("--kernels", "--hardware", "cuda:0"), "only the CPU's kernels"),
        (("--kernels", "--hardware", "cpu:isa=amx"), "this CPU lacks amx"),
    ],
)
def test_bad_options_are_named(
    errors: dict[str, float],
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    said: str,
) -> None:
    assert not errors
    monkeypatch.setattr(outputs, "find_spec", lambda name: True)
    status, printed = invoke(*arguments)
    assert status == 2
    assert said in " ".join(printed.split())
