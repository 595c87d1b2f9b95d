"""End to end: what a run's result holds, however it was interrupted or told to run."""

from __future__ import annotations

import json

import pytest
from measuring_runs import (
    HASTE,
    OPTIONS,
    SMOKE,
    journals,
    kill_while_building,
    only_file,
    only_result,
    run,
    scratch_file,
    write_cases,
)


def interrupt(bench: pytest.Pytester) -> None:
    """A run that is killed after its first case of three; the second is quick from then
    on."""
    write_cases(bench, "self-profiled", "slow-build", "keeps-first")
    kill_while_building(bench)
    (scratch_file(bench, "building").parents[1] / "fast").touch()


def test_a_resumed_run_of_other_cases_keeps_the_records_of_before_and_stays_open(
    bench: pytest.Pytester,
) -> None:
    interrupt(bench)
    ran = run(bench, *SMOKE, "--resume", "-k", "toy/keeps-first")
    models = {record.model for record in only_result(bench.path).records}
    assert models == {"self-profiled", "keeps-first"}
    assert "unfinished: 1 cases are left, 2 are safe" in ran.stdout.str()
    content = json.loads(only_file(bench.path).read_text())
    names = [one["fullname"] for one in content["benchmarks"]]
    assert (
        "benchmarks/bench_toy.py::test_toy[toy/self-profiled/fp32/eager/cpu/b1]"
        in names
    )
    ran = run(bench, *SMOKE, "--resume")
    ran.assert_outcomes(passed=3)
    assert len(only_result(bench.path).records) == 3
    assert run(bench, *SMOKE, "--resume").ret == pytest.ExitCode.USAGE_ERROR


NO_HISTOGRAM = """
import sys

from harness.bridges import pytest as bridge

bridge.find_spec = lambda name: True
sys.modules["pytest_benchmark.histogram"] = None
"""


@pytest.mark.parametrize(
    ("options", "stated"),
    [
        (("--benchmark-cprofile=tottime",), "cProfile"),
        (("--benchmark-autosave",), "Saved benchmark data"),
        (
            ("--benchmark-compare", "--benchmark-compare-fail=min:1%"),
            "--benchmark-compare-fail requires valid",
        ),
        (("--benchmark-histogram",), "pytest_benchmark.histogram"),
    ],
)
def test_no_option_of_pytest_benchmark_loses_the_result_or_its_path(
    bench: pytest.Pytester, options: tuple[str, ...], stated: str
) -> None:
    """A histogram fails after the last case: the check beforehand is made blind."""
    bench.makeconftest(HASTE + NO_HISTOGRAM)
    write_cases(bench, "self-profiled")
    ran = run(bench, *SMOKE, *options)
    assert only_result(bench.path).records[0].status == "ok"
    printed = ran.stdout.str() + ran.stderr.str()
    assert stated in printed
    assert f"result: {only_file(bench.path).relative_to(bench.path)}" in printed


def test_a_disabled_benchmark_has_a_result_all_the_same(bench: pytest.Pytester) -> None:
    write_cases(bench, "self-profiled")
    ran = bench.runpytest_subprocess(
        *OPTIONS[:-1], "--benchmark-disable", *SMOKE, "benchmarks"
    )
    assert only_result(bench.path).records[0].status == "ok"
    ran.stdout.fnmatch_lines(["result: results/local/*.json *"])


@pytest.mark.parametrize(
    ("option", "stated"),
    [
        ("--benchmark-compare-fail=min:5%", "*add --benchmark-compare*"),
        ("--benchmark-histogram", "*needs pygal: pip install*"),
    ],
)
def test_what_pytest_benchmark_would_refuse_at_the_end_is_refused_at_once(
    bench: pytest.Pytester, option: str, stated: str
) -> None:
    blind = "from harness.bridges import pytest as b\nb.find_spec = lambda _: None\n"
    bench.makeconftest(HASTE + blind)
    ran = run(bench, *SMOKE, option)
    assert ran.ret == pytest.ExitCode.USAGE_ERROR
    ran.stderr.fnmatch_lines([stated])
    assert journals(bench) == []


FULL_DISK = """
import errno, os

from harness.bridges import result_json

def write_whole(path, text):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

if "FULL" in os.environ:
    result_json.write_whole = write_whole
"""


def test_a_disk_that_is_full_for_the_result_is_stated_and_the_run_resumed(
    bench: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.makeconftest(HASTE + FULL_DISK)
    write_cases(bench, "self-profiled")
    monkeypatch.setenv("FULL", "1")
    ran = run(bench, *SMOKE)
    ran.stdout.fnmatch_lines(["cannot write the result *: No space left*--resume; *"])
    assert "INTERNALERROR" not in ran.stdout.str() + ran.stderr.str()
    monkeypatch.delenv("FULL")
    run(bench, *SMOKE, "--resume").assert_outcomes(passed=1)
    assert only_result(bench.path).records[0].status == "ok"


def test_the_benchmarks_of_another_checkout_are_not_run_by_this_one(
    bench: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONSAFEPATH", "1")  # as the script `pytest` does
    for name in ("harness", "workloads", "benchmarks"):
        (bench.path / name).mkdir(exist_ok=True)
        (bench.path / name / "__init__.py").touch()
    ran = run(bench)
    assert ran.ret == pytest.ExitCode.USAGE_ERROR
    ran.stderr.fnmatch_lines(["*holds a suite, but this environment runs the one in*"])
