"""End to end: runs and workers that are killed, and runs that go on."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from measuring_runs import (
    SMOKE,
    builds,
    journals,
    kill_while_building,
    only_result,
    run,
    scratch_file,
    start,
    wait_for,
    write_cases,
)


def test_a_killed_run_resumes_and_measures_no_finished_case_again(
    bench: pytest.Pytester,
) -> None:
    write_cases(bench, "self-profiled", "slow-build")
    kill_while_building(bench)
    (journal,) = journals(bench)
    before = journal.read_bytes()
    with journal.open("ab") as file:
        file.write(b'{"torn": ')  # as if killed while it wrote
    assert builds(bench) == 1

    (scratch_file(bench, "building").parents[1] / "fast").touch()
    resumed = run(bench, *SMOKE, "--resume")
    resumed.assert_outcomes(passed=2)
    assert builds(bench) == 1
    assert journal.read_bytes().startswith(before)
    models = {record.model for record in only_result(bench.path).records}
    assert models == {"self-profiled", "slow-build"}


def test_the_worker_of_a_killed_run_dies_with_it(bench: pytest.Pytester) -> None:
    write_cases(bench, "slow-build")
    run_process = start(bench, *SMOKE)
    pid = int(wait_for(lambda: scratch_file(bench, "building")).read_text())
    assert Path(f"/proc/{pid}").exists()
    run_process.send_signal(signal.SIGKILL)
    run_process.wait()
    wait_for(lambda: not Path(f"/proc/{pid}").exists())


def test_killing_a_worker_from_outside_fails_its_row_alone(
    bench: pytest.Pytester,
) -> None:
    write_cases(bench, "slow-build", "self-profiled")
    run_process = start(bench, *SMOKE)
    pid = int(wait_for(lambda: scratch_file(bench, "building")).read_text())
    os.kill(pid, signal.SIGKILL)
    assert run_process.wait() == pytest.ExitCode.TESTS_FAILED
    records = {record.model: record for record in only_result(bench.path).records}
    assert records["self-profiled"].status == "ok"
    assert records["slow-build"].status == "failed"
    assert "stage build: the worker was killed by signal 9" in (
        records["slow-build"].reason or ""
    )


def test_two_runs_cannot_share_a_results_folder(bench: pytest.Pytester) -> None:
    write_cases(bench, "slow-build")
    first = start(bench, *SMOKE)
    try:
        wait_for(lambda: scratch_file(bench, "building"))
        second = run(bench, *SMOKE)
        assert second.ret == pytest.ExitCode.USAGE_ERROR
        second.stderr.fnmatch_lines([f"*another run (process {first.pid}) writes*"])
    finally:
        first.kill()
        first.wait()
