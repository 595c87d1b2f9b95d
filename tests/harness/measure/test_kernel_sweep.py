"""Trials in real workers: crashes, a user's variables, and the kernel that is wrong on
CPUs with AMX."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.hardware import Hardware
from harness.measure import kernel_sweep
from harness.measure.kernel_sweep import InWorkers
from harness.observe.kernel_sweep import report
from harness.observe.kernel_sweep.shapes import FORWARD, Shape, Trial
from harness.observe.kernel_sweep.sweep import Sweep, sweep, way_of
from harness.observe.kernel_sweep.ways import FILLED
from harness.run_session import this_machine

WIDE, FEW = Shape("product", 40, 64), Shape("conv1d", 8, 64, taps=32)
BUDGET_S = 600.0  # beside other load; milliseconds are needed
ONE_THREAD = Hardware.parse("cpu:threads=1")


def swept(folder: Path, *trials: Trial, isas: tuple[str, ...] = ()) -> Sweep:
    run = InWorkers(this_machine(), ONE_THREAD, folder)
    return sweep({trials[0].runtime: trials}, run, BUDGET_S, isas)


def test_a_crash_costs_its_family_and_says_by_which_signal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel_sweep, "ENTRY", "crashing_kernels:run_job")
    trials = [Trial("torch", kind, WIDE) for kind in ("fp32", "bf16", "fp16", "bf16")]
    found = swept(tmp_path, *trials)
    assert [one.trial.precision for one in found.tried] == ["fp32", "fp16"]
    (crash,) = found.crashes
    assert (crash.trial, crash.lost) == (trials[1], 2)
    assert "killed by signal 4 (SIGILL)" in crash.reason


def test_a_users_variables_steer_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel_sweep, "ENTRY", "crashing_kernels:run_job")
    monkeypatch.setenv("DNNL_DEFAULT_FPMATH_MODE", "BF16")
    found = swept(tmp_path, Trial("torch", "fp32", WIDE))
    assert not found.is_bad
    assert found.checks == 1


def test_a_library_that_cannot_be_loaded_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel_sweep, "ENTRY", "crashing_kernels:raises")
    found = swept(tmp_path, Trial("torch", "fp32", WIDE))
    assert found.crashes[0].trial is None
    assert found.crashes[0].reason.startswith("ImportError: libomp.so")


def test_a_runtime_that_is_not_installed_is_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    found = swept(tmp_path, Trial("openvino", "fp32", WIDE))
    assert found.absent == {"openvino": "openvino is not installed"}
    assert not found.is_bad


@pytest.mark.parametrize("runtime", ["torch", "onnxruntime", "openvino"])
def test_fp32_products_are_right_here(tmp_path: Path, runtime: str) -> None:
    pytest.importorskip(runtime)
    found = swept(tmp_path, Trial(runtime, "fp32", WIDE))
    assert not found.is_bad, [*report.lines(found)]
    assert found.checks == (3 if runtime == "torch" else 1)


def test_the_wrong_kernel_of_amx_is_found_named_and_got_round(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    if "amx" not in this_machine().isas:
        pytest.skip("the kernel is one of AMX, which this CPU lacks")
    if not torch.__version__.startswith("2.14.1"):
        pytest.skip(f"known of torch 2.14.1; this is {torch.__version__}")
    isas = this_machine().isas
    few = Trial("torch", "bf16", FEW)
    wide = replace(few, shape=replace(FEW, channels=64))
    found = swept(tmp_path, few, wide, isas=isas)
    assert [one.trial for one in found.wrong] == [few]
    (one,) = found.wrong
    assert one.wrong == [FORWARD]
    assert (one.errors[FORWARD] or 0) > 0.5
    assert "amx" in (one.kernels[FORWARD] or "")
    assert FORWARD in one.ways[next(iter(FILLED))]
    assert FORWARD in one.ways[way_of("avx512_bf16")]
