"""Whose tables a run prints."""

from __future__ import annotations

import re

import pytest
from measuring_runs import SMOKE, run, write_cases

OTHER = """

def test_other(benchmark):
    benchmark(lambda: None)
"""


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        ((), False),
        (("--benchmark-sort=name",), True),
        (("--benchmark-columns", "median,rounds"), True),
    ],
)
def test_a_run_shows_one_table_unless_more_are_asked_for(
    bench: pytest.Pytester, options: tuple[str, ...], asked: bool
) -> None:
    write_cases(bench, "self-profiled")
    path = bench.path / "benchmarks" / "bench_toy.py"
    path.write_text(path.read_text() + OTHER)
    printed = run(bench, *SMOKE, *options).stdout.str()
    assert ("benchmark 'toy': 1 tests" in printed) == asked
    assert ("above: pytest-benchmark's tables, of single samples" in printed) == asked
    assert "benchmark: 1 tests" in printed  # of what is no case
    assert "\noperations\n" in printed
    if options and options[0] == "--benchmark-columns":
        assert re.search(r"Name \(time in .s\) +Median +Rounds\n", printed)


def test_options_that_stand_elsewhere_ask_for_the_table_too(
    bench: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_cases(bench, "self-profiled")
    monkeypatch.setenv("PYTEST_ADDOPTS", "--benchmark-group-by=fullname")
    printed = run(bench, *SMOKE).stdout.str()
    assert "benchmark 'benchmarks/bench_toy.py::test_toy[toy/self-profiled" in printed
