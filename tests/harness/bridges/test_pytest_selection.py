"""Which cases a run of pytest takes, and what it says where none is meant."""

from __future__ import annotations

import pytest
from measuring_runs import OPTIONS, SMOKE, journals, run, write_cases

LIST = ("--collect-only", "-q", *SMOKE)
GOOD = "*::test_toy?toy/good/fp32/eager/cpu/b1?"
TRAINING = "*::test_toy?toy-training/good/fp32/eager/cpu/b1?"


@pytest.mark.parametrize(
    "options", [("--cases=toy/*",), ("--cases", "*/b1", "--cases=toy/*", "-k", "toy/")]
)
def test_globs_choose_among_whole_ids(
    bench: pytest.Pytester, options: tuple[str, ...]
) -> None:
    ran = run(bench, *LIST, *options)
    ran.stdout.fnmatch_lines([GOOD])
    ran.stdout.no_fnmatch_line(TRAINING)
    assert "1/2 tests collected (1 deselected)" in ran.stdout.str()


def test_several_globs_choose_more(bench: pytest.Pytester) -> None:
    ran = run(bench, *LIST, "--cases=toy/*", "--cases=toy-training/*")
    ran.stdout.fnmatch_lines([GOOD, TRAINING])
    assert "2 tests collected" in ran.stdout.str()


def test_globs_leave_out_what_is_no_case(bench: pytest.Pytester) -> None:
    ran = bench.runpytest_subprocess(
        *OPTIONS[:-1], *LIST, "--cases=toy/*", "tests", "benchmarks"
    )
    ran.stdout.fnmatch_lines([GOOD])
    assert "test_x" not in ran.stdout.str()


@pytest.mark.parametrize(
    ("options", "stated"),
    [
        (("--cases=toy/god/*",), "none of the 2 cases of smoke matches --cases 'toy/"),
        (("--cases=toy/*", "--cases=no/*"), "matches --cases 'no/*'; the nearest"),
        (("-k", "trainning"), "*-k 'trainning'; the nearest: toy-training/good/fp32"),
        (("-k", "training", "--cases=toy/*"), "-k 'training' --cases 'toy/?'; the n"),
        (("-k", "batch=1"), "expressions hold no '=': --cases '?batch=1?' takes"),
        (("-k", "toy good"), "expected words of ids with and, or, not and brackets"),
    ],
)
def test_what_selects_nothing_is_refused_with_the_nearest_ids(
    bench: pytest.Pytester, options: tuple[str, ...], stated: str
) -> None:
    ran = run(bench, *SMOKE, *options)
    assert ran.ret == pytest.ExitCode.USAGE_ERROR
    ran.stderr.fnmatch_lines([f"*{stated}*"])
    assert journals(bench) == []


def test_a_session_that_has_other_tests_is_not_refused(bench: pytest.Pytester) -> None:
    ran = bench.runpytest_subprocess(
        *OPTIONS[:-1], *LIST, "-k", "test_x", "tests", "benchmarks"
    )
    assert ran.ret == pytest.ExitCode.OK
    ran.stdout.fnmatch_lines(["*::test_x"])


def test_only_what_was_chosen_is_measured(bench: pytest.Pytester) -> None:
    write_cases(bench, "self-profiled", "good")
    run(bench, *SMOKE, "--cases=*/self-profiled/*").assert_outcomes(
        passed=1, deselected=1
    )
