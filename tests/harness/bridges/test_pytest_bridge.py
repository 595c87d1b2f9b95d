"""End to end: pytest runs real workers over the toy workload."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from measuring_runs import (
    BENCH,
    HASTE,
    SMOKE,
    Ran,
    journals,
    lay_out,
    only_file,
    only_result,
    run,
    run_once,
    write_cases,
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Every case of the toy in the quick profile, nothing left out."""
    project = tmp_path_factory.mktemp("whole")
    lay_out(project)
    return run_once(project)


@pytest.fixture(scope="module")
def chosen(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """The smoke profile with options that must reach worker and result."""
    project = tmp_path_factory.mktemp("chosen")
    lay_out(project)
    (project / "conftest.py").write_text(HASTE)
    options = ("--profile=smoke", "--hardware=cpu:threads=1", "--seed=7")
    return run_once(project, *options)


def test_every_way_a_case_can_end_is_a_row_and_none_stops_the_run(whole: Ran) -> None:
    assert "2 failed, 3 passed, 1 skipped" in whole.printed
    records = {record.model: record for record in whole.result.records}
    assert records["unsupported"].status == "skipped"
    assert "no such operator" in (records["unsupported"].reason or "")
    assert records["broken"].status == "failed"
    assert "broken on purpose" in (records["broken"].reason or "")
    assert records["killed"].status == "failed"
    assert "signal 9 (SIGKILL)" in (records["killed"].reason or "")
    assert records["other"].status == "ok"
    assert "toy/good/fp32/eager/cpu/b1" in whole.printed
    assert f"result: {only_file(whole.project).relative_to(whole.project)}" in (
        whole.printed
    )


def test_pytest_benchmark_shows_exactly_the_samples_of_the_worker(whole: Ran) -> None:
    benchmarks = json.loads(only_file(whole.project).read_text())["benchmarks"]
    assert len(benchmarks) == 3
    for benchmark in benchmarks:
        (samples,) = benchmark["extra_info"]["timing"]["samples_s"]
        assert benchmark["stats"]["data"] == samples
        assert benchmark["stats"]["rounds"] == len(samples)
        assert benchmark["group"] == benchmark["extra_info"]["workload"]
        assert benchmark["params"] == {"case": benchmark["param"]}


def test_a_record_fills_every_group_that_this_hardware_can_fill(whole: Ran) -> None:
    good = [record for record in whole.result.records if record.model == "good"]
    assert {record.stage for record in good} == {"infer", "train"}
    for record in good:
        for group in ("work", "timing", "accuracy", "utilization", "energy", "memory"):
            assert getattr(record, group), group
        assert record.kernels is not None
        assert record.roofline is not None
        assert record.roofline.peak_flops_per_s
        assert {noise.process for noise in record.noise} == {0}
        assert (record.tta is not None) == (record.stage == "train")


def test_a_finished_case_leaves_no_scratch_and_a_failed_one_keeps_its_own(
    whole: Ran,
) -> None:
    folders = (whole.project / "results" / "local").glob("*/scratch/*/")
    left = {folder.name.split("_")[1] for folder in folders if folder.is_dir()}
    assert {"broken", "killed"} <= left
    assert not {"good", "other"} & left


def test_the_result_carries_the_machine_and_the_run(chosen: Ran) -> None:
    result = chosen.result
    assert result.machine["cpu_model"]
    assert result.run["profile"] == "smoke"
    (training,) = [record for record in result.records if record.tta is not None]
    assert training.tta is not None
    assert training.tta.seed == 7


def test_hardware_becomes_part_of_the_id_and_reaches_the_worker(chosen: Ran) -> None:
    (record,) = [record for record in chosen.result.records if record.tta is None]
    assert record.case_id == "toy/good/fp32/eager/cpu:threads=1/b1"
    assert record.details["threads"] == "1"


def test_benchmark_only_runs_the_benchmarks(chosen: Ran) -> None:
    assert " 2 passed in" in chosen.printed


def test_plain_pytest_runs_the_tests(bench: pytest.Pytester) -> None:
    bench.runpytest_subprocess("-p", "harness.bridges.pytest").assert_outcomes(passed=1)


SPOILS_RESULT = """
from harness.bridges import result_json

whole = result_json.write_whole
result_json.write_whole = lambda path, text: whole(path, text[:-20])
"""


def test_a_result_that_cannot_be_read_back_is_stated_at_the_end(
    bench: pytest.Pytester,
) -> None:
    bench.makeconftest(HASTE + SPOILS_RESULT)
    write_cases(bench, "self-profiled")
    ran = run(bench, *SMOKE)
    ran.assert_outcomes(passed=1)
    (journal,) = journals(bench)
    ran.stdout.fnmatch_lines(
        [f"*is not JSON (*; every record is safe in *{journal.name}"]
    )
    assert "INTERNALERROR" not in ran.stdout.str() + ran.stderr.str()
    assert ran.ret == pytest.ExitCode.OK


@pytest.mark.parametrize(
    ("options", "stated"),
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
    bench: pytest.Pytester, options: tuple[str, ...], stated: str
) -> None:
    ran = run(bench, *options)
    assert ran.ret == pytest.ExitCode.USAGE_ERROR
    ran.stderr.fnmatch_lines([f"*{stated}*"])


def test_a_results_folder_that_cannot_be_written_is_found_before_measuring(
    bench: pytest.Pytester,
) -> None:
    (bench.path / "file").write_text("")
    ran = run(bench, "--results", "file/results")
    assert ran.ret == pytest.ExitCode.USAGE_ERROR
    ran.stderr.fnmatch_lines(["*cannot write into the results folder file/results*"])


def test_an_unknown_profile_is_named_where_cases_are_only_listed(
    bench: pytest.Pytester,
) -> None:
    ran = run(bench, "--collect-only", "--profile", "fast")
    assert ran.ret != pytest.ExitCode.OK
    assert "unknown profile 'fast': expected one of smoke" in ran.stdout.str()
    assert "INTERNALERROR" not in ran.stdout.str() + ran.stderr.str()


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


RISING_PEAKS = """
from itertools import count

from harness.measure.run import Runner
from harness.observe.roofline import Peaks

PEAKS = count(1)


def peaks(*_):
    return Peaks("fp32", flops_per_s=1e15 * next(PEAKS))


Runner.peaks = peaks
"""


def test_all_cases_of_a_result_stand_over_one_peak(bench: pytest.Pytester) -> None:
    """However late in the run it was found, and whoever reads the file."""
    bench.makeconftest(HASTE + RISING_PEAKS)
    run(bench, "--profile=smoke")
    result = only_result(bench.path)
    rooflines = [one.roofline for one in result.records if one.roofline]
    peaks = [one.peak_flops_per_s for one in rooflines]
    assert len(peaks) > 1
    assert set(peaks) == {1e15 * len(peaks)}
    (journal,) = journals(bench)
    last_lines = {}
    for line in map(json.loads, journal.read_text().splitlines()):
        if "case_id" in line:
            last_lines[line["case_id"]] = line["roofline"]["peak_flops_per_s"]
    assert set(last_lines.values()) == set(peaks)


def test_two_workloads_of_one_name_are_refused(bench: pytest.Pytester) -> None:
    """Their cases would have one id."""
    (bench.path / "benchmarks" / "bench_again.py").write_text(BENCH)
    result = run(bench, "--profile=smoke")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    expected = "*more than one workload is called toy, toy-training: rename that of*"
    result.stderr.fnmatch_lines([expected])
    assert not journals(bench)


def test_a_workload_that_is_no_file_is_refused(bench: pytest.Pytester) -> None:
    result = run(bench, "--workload=gone.py")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    expected = "*--workload gone.py: expected a Python file that declares WORKLOADS*"
    result.stderr.fnmatch_lines([expected])
