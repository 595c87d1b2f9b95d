"""End to end: pytest runs real workers over the toy workload."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from harness.record.result import Result, load

BENCH = """
from toy import TRAINING, WORKLOAD

WORKLOADS = (WORKLOAD, TRAINING)


def test_toy(planned, measure):
    measure(planned)
"""
OPTIONS = ("-p", "harness.bridges.pytest", "--benchmark-only")


@pytest.fixture
def bench(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project with one benchmark file."""
    pytester.makeini("[pytest]\npython_files = bench_*.py test_*.py\n")
    (pytester.path / "benchmarks").mkdir()
    (pytester.path / "benchmarks" / "bench_toy.py").write_text(BENCH)
    (pytester.path / "tests").mkdir()
    (pytester.path / "tests" / "test_x.py").write_text("def test_x(): pass\n")
    return pytester


def run(bench: pytest.Pytester, *options: str) -> pytest.RunResult:
    return bench.runpytest_subprocess(*OPTIONS, *options)


def only_result(bench: pytest.Pytester) -> Result:
    (path,) = (bench.path / "results" / "local").glob("*.json")
    return load(path)


def journals(bench: pytest.Pytester) -> list[Path]:
    return sorted((bench.path / "results" / "local").glob("*.journal.jsonl"))


def test_every_way_a_case_can_end_is_a_row_and_none_stops_the_run(
    bench: pytest.Pytester,
) -> None:
    ran = run(bench)
    ran.assert_outcomes(passed=3, failed=2, skipped=1)
    records = {record.model: record for record in only_result(bench).records}
    assert records["unsupported"].status == "skipped"
    assert "no such operator" in (records["unsupported"].reason or "")
    assert records["broken"].status == "failed"
    assert "broken on purpose" in (records["broken"].reason or "")
    assert records["killed"].status == "failed"
    assert "signal 9 (SIGKILL)" in (records["killed"].reason or "")
    assert records["other"].status == "ok"
    ran.stdout.fnmatch_lines(["*toy/good/fp32/eager/cpu/b1*", "result: results/*"])


def test_pytest_benchmark_shows_exactly_the_samples_of_the_worker(
    bench: pytest.Pytester,
) -> None:
    run(bench, "-k", "good")
    (path,) = (bench.path / "results" / "local").glob("*.json")
    for benchmark in json.loads(path.read_text())["benchmarks"]:
        (samples,) = benchmark["extra_info"]["timing"]["samples_s"]
        assert benchmark["stats"]["data"] == samples
        assert benchmark["stats"]["rounds"] == len(samples)
        assert benchmark["group"] == benchmark["extra_info"]["workload"]


def test_a_record_fills_every_group_that_this_hardware_can_fill(
    bench: pytest.Pytester,
) -> None:
    run(bench, "-k", "good")
    for record in only_result(bench).records:
        for group in ("work", "timing", "accuracy", "utilization", "energy", "memory"):
            assert getattr(record, group), group
        assert record.kernels is not None
        assert record.roofline is not None
        assert record.roofline.peak_flops_per_s
        assert record.noise is not None
        assert (record.tta is not None) == (record.stage == "train")


def test_the_result_carries_the_machine_and_the_run(bench: pytest.Pytester) -> None:
    run(bench, "-k", "toy-training", "--profile", "smoke", "--seed", "7")
    result = only_result(bench)
    assert result.machine["cpu_model"]
    assert result.run["profile"] == "smoke"
    (record,) = result.records
    assert record.tta is not None
    assert record.tta.seed == 7


def test_hardware_becomes_part_of_the_id_and_reaches_the_worker(
    bench: pytest.Pytester,
) -> None:
    arguments = ("--hardware", "cpu:threads=1", "--profile", "smoke")
    run(bench, *arguments, "-k", "toy/good")
    (record,) = only_result(bench).records
    assert record.case_id == "toy/good/fp32/eager/cpu:threads=1/b1"
    assert record.details["threads"] == "1"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--profile", "fast"), "unknown profile 'fast': expected one of smoke"),
        (("--hardware", "tpu:0"), "unknown hardware 'tpu:0': expected 'cpu'"),
        (("--hardware", "cuda:99"), "cuda:99: this machine has * CUDA devices"),
        (("--hardware", "cpu:isa=mmx"), "unknown hardware 'cpu:isa=mmx'"),
        (("--hardware", "cpu:threads=4096"), "only * CPUs may be used here"),
        (("--data-root", "nowhere"), "--data-root nowhere is not a folder"),
        (("--resume",), "--resume: no unfinished run"),
    ],
)
def test_bad_options_are_found_before_measuring(
    bench: pytest.Pytester, options: tuple[str, ...], told: str
) -> None:
    ran = run(bench, *options)
    assert ran.ret == pytest.ExitCode.USAGE_ERROR
    ran.stderr.fnmatch_lines([f"*{told}*"])


def test_a_results_folder_that_cannot_be_written_is_found_before_measuring(
    bench: pytest.Pytester,
) -> None:
    (bench.path / "file").write_text("")
    ran = run(bench, "--results", "file/results")
    assert ran.ret == pytest.ExitCode.USAGE_ERROR
    ran.stderr.fnmatch_lines(["*cannot write into the results folder file/results*"])


def test_plain_pytest_runs_the_tests_and_benchmark_only_the_benchmarks(
    bench: pytest.Pytester,
) -> None:
    plain = bench.runpytest_subprocess("-p", "harness.bridges.pytest")
    plain.assert_outcomes(passed=1)
    measured = run(bench, "--profile", "smoke")
    measured.assert_outcomes(passed=2)


def start(bench: pytest.Pytester, *options: str) -> subprocess.Popen[bytes]:
    """A run in the background, to be killed."""
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", *OPTIONS, *options],
        cwd=bench.path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def wait_for(condition: Any, limit_s: float = 60.0) -> Any:
    until = time.monotonic() + limit_s
    while time.monotonic() < until:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"nothing happened within {limit_s:.0f} s")


def scratch_file(bench: pytest.Pytester, name: str) -> Path | None:
    return next((bench.path / "results" / "local").glob(f"*/scratch/**/{name}"), None)


def builds_of_good(bench: pytest.Pytester) -> int:
    """How often the case "good" has been built."""
    path = scratch_file(bench, "built-good")
    return len(path.read_text().splitlines()) if path else 0


KILL_MODULE = BENCH.replace(
    "WORKLOADS = (WORKLOAD, TRAINING)",
    """
import dataclasses
from toy import points

WORKLOADS = (
    dataclasses.replace(WORKLOAD, points={"quick": points("good", "slow-build")}),
)
""",
)


def test_a_killed_run_resumes_and_measures_no_finished_case_again(
    bench: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bench.path / "benchmarks" / "bench_toy.py").write_text(KILL_MODULE)
    first = start(bench)
    wait_for(lambda: scratch_file(bench, "building"))  # the second case is under way
    first.send_signal(signal.SIGKILL)
    first.wait()
    (journal,) = journals(bench)
    before = journal.read_bytes()
    with journal.open("ab") as file:
        file.write(b'{"torn": ')  # as if killed while it wrote
    assert builds_of_good(bench) == 1

    monkeypatch.setenv("TOY_FAST", "1")
    resumed = run(bench, "--resume")
    resumed.assert_outcomes(passed=2)
    assert builds_of_good(bench) == 1
    assert journal.read_bytes().startswith(before)
    assert {r.model for r in only_result(bench).records} == {"good", "slow-build"}


def test_the_worker_of_a_killed_run_dies_with_it(bench: pytest.Pytester) -> None:
    (bench.path / "benchmarks" / "bench_toy.py").write_text(KILL_MODULE)
    run_process = start(bench)
    pid = int(wait_for(lambda: scratch_file(bench, "building")).read_text())
    assert Path(f"/proc/{pid}").exists()
    run_process.send_signal(signal.SIGKILL)
    run_process.wait()
    wait_for(lambda: not Path(f"/proc/{pid}").exists())


def test_killing_a_worker_from_outside_fails_its_row_alone(
    bench: pytest.Pytester,
) -> None:
    (bench.path / "benchmarks" / "bench_toy.py").write_text(KILL_MODULE)
    run_process = start(bench)
    pid = int(wait_for(lambda: scratch_file(bench, "building")).read_text())
    os.kill(pid, signal.SIGKILL)
    assert run_process.wait() == pytest.ExitCode.TESTS_FAILED
    records = {record.model: record for record in only_result(bench).records}
    assert records["good"].status == "ok"
    assert records["slow-build"].status == "failed"
    assert "stage build: the worker was killed by signal 9" in (
        records["slow-build"].reason or ""
    )


def test_two_runs_cannot_share_a_results_folder(bench: pytest.Pytester) -> None:
    (bench.path / "benchmarks" / "bench_toy.py").write_text(KILL_MODULE)
    first = start(bench)
    try:
        wait_for(lambda: scratch_file(bench, "building"))
        second = run(bench)
        assert second.ret == pytest.ExitCode.USAGE_ERROR
        second.stderr.fnmatch_lines([f"*another run (process {first.pid}) writes*"])
    finally:
        first.kill()
        first.wait()


PROJECT = Path(__file__).parents[3]


@pytest.mark.parametrize("option", ["--data-root", "--results"])
def test_a_folder_option_without_an_equals_sign_says_how_to_write_it(
    option: str, tmp_path: Path
) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "--benchmark-only", option, str(tmp_path)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == pytest.ExitCode.USAGE_ERROR
    assert f"write {option}={tmp_path}, with '='" in ran.stderr


def test_a_folder_option_with_an_equals_sign_is_understood(tmp_path: Path) -> None:
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "--benchmark-only", "--collect-only"),
            *("-q", "--profile=smoke", f"--data-root={tmp_path}"),
        ],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "asr-training/ds2-small/fp32/eager/cpu/b8" in ran.stdout
    assert "test_x" not in ran.stdout
