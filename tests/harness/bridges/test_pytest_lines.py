"""What a run prints of its cases, by pytest's own verbosity."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path
from xml.etree import ElementTree

import pytest
from measuring_runs import OPTIONS, SMOKE, run, write_cases

MODELS = ("self-profiled", "unsupported", "broken")
FIGURES = r"ms/step: \S+.*, RTFx: \S+, error %: wer 10\.0"


@pytest.fixture
def three(bench: pytest.Pytester) -> pytest.Pytester:
    """A case that is measured, one that is skipped and one that fails."""
    write_cases(bench, *MODELS)
    return bench


def lines_of(ran: pytest.RunResult) -> list[str]:
    """From the collection to the failures."""
    lines = ran.stdout.lines
    ends = [n for n, line in enumerate(lines) if " FAILURES " in line]
    return [line for line in lines[: ends[0]] if line]


def test_a_case_has_one_line_in_a_pipe_whatever_colours_are_forced(
    three: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.setenv(name, "1")
    ran = run(three, *SMOKE, "--junit-xml=junit.xml")
    *_, collected, first, second, third = lines_of(ran)
    assert "collected 3 items" in collected
    end = r"/fp32/eager/cpu/b1  "
    assert re.fullmatch(rf"\[1/3\] toy/self-profiled{end}{FIGURES}  \(\d+ s\)", first)
    assert re.fullmatch(
        rf"\[2/3\] toy/unsupported{end}skipped: the toy has no such operator: use "
        r"another model  \(\d+ s\)",
        second,
    )
    assert re.fullmatch(
        rf"\[3/3\] toy/broken{end}failed: stage build: ValueError: .*  \(\d+ s\)", third
    )
    assert ran.stderr.str() == ""
    assert "\r" not in ran.stdout.str()
    # pytest's own summary of failures keeps its word
    assert re.search(r"FAILED\S* benchmarks/bench_toy", ran.stdout.str())
    ran.assert_outcomes(passed=1, skipped=1, failed=1)
    tests = ElementTree.parse(three.path / "junit.xml").iter("testcase")
    results = [test.find("properties/property") for test in tests]
    assert [one is not None and one.get("name") for one in results] == [
        "speechmark"
    ] * 3
    assert results[0] is not None
    assert re.fullmatch(FIGURES, results[0].get("value", ""))


def test_quietly_there_are_pytests_dots_and_no_lines(three: pytest.Pytester) -> None:
    ran = run(three, *SMOKE, "-q")
    assert [line.split()[0] for line in lines_of(ran)] == [".sF"]
    assert "[1/3]" not in ran.stdout.str()


def test_verbosely_pytests_own_line_has_the_result(three: pytest.Pytester) -> None:
    ran = run(three, *SMOKE, "-v")
    first, second, third = lines_of(ran)[-3:]
    name = r"benchmarks/bench_toy\.py::test_toy\[toy/"
    assert re.match(rf"{name}self-profiled/.*\] PASSED {FIGURES} +\[ 33%\]", first)
    assert re.match(rf"{name}unsupported/.*\] SKIPPED .*\[ 66%\]", second)
    assert re.match(rf"{name}broken/.*\] FAILED +\[100%\]", third)
    assert "[1/3]" not in ran.stdout.str()


def test_other_tests_of_a_session_keep_their_dots(bench: pytest.Pytester) -> None:
    write_cases(bench, "self-profiled")
    ran = bench.runpytest_subprocess(
        *OPTIONS[:-1], *SMOKE, "--benchmark-disable", "benchmarks", "tests"
    )
    assert "benchmarks/bench_toy.py s" in ran.stdout.str()
    assert "tests/test_x.py ." in ran.stdout.str()


def on_a_terminal(columns: int, project: Path) -> str:
    """What a run prints there, without its colours."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("COLUMNS", "LINES", "CI", "NO_COLOR")
    }
    command = [sys.executable, "-m", "pytest", *OPTIONS, *SMOKE]
    running = subprocess.Popen(
        command, cwd=project, stdout=its, stderr=its, env=kept | {"TERM": "xterm"}
    )
    os.close(its)
    seen = bytearray()
    with contextlib.suppress(OSError):  # Linux says so at the end of a terminal
        while some := os.read(ours, 1 << 16):
            seen += some
    os.close(ours)
    running.wait()
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", seen.decode()).replace("\r\n", "\n")


@pytest.mark.parametrize(("columns", "between"), [(80, "\n    "), (160, "  ")])
def test_a_terminal_shows_the_case_under_way_and_keeps_its_line(
    bench: pytest.Pytester, columns: int, between: str
) -> None:
    write_cases(bench, "self-profiled")
    printed = on_a_terminal(columns, bench.path)
    case = "toy/self-profiled/fp32/eager/cpu/b1"
    # How long it should take depends on the machine.
    assert re.search(rf"\r\[1/1\] about \d+ s left, start: {case}", printed)
    line = rf"\[1/1\] {case}{between}{FIGURES}  \(\d+ s\)\n"
    assert re.search(line, printed)
    tables = printed.partition("\noperations\n")[2].splitlines()
    assert max(map(len, tables[:2])) <= columns
