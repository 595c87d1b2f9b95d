"""Runs of pytest over the toy workload, for tests of what such a run does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import toy

from harness.record.result import Result, load

BENCH = """
from toy import TRAINING, WORKLOAD

WORKLOADS = (WORKLOAD, TRAINING)


def test_toy(planned, measure):
    measure(planned)
"""
# Unused plugins of the environment would take a second of each run to load.
OPTIONS = (
    *("-p", "harness.bridges.pytest", "-p", "no:hypothesispytest", "-p", "no:xdist"),
    "--benchmark-only",
)

# The machine's peaks and its torch take seconds to look at: one run here does so.
HASTE = """
from functools import partial

from harness.measure.run import Runner
from harness.observe import fingerprint
from harness.observe.roofline import Peaks

Runner.peaks = lambda *_: Peaks("fp32", reason="not asked for")
fingerprint.fingerprint = partial(fingerprint.fingerprint, torch_software=dict)
"""


def lay_out(project: Path) -> None:
    """A project with one benchmark file."""
    (project / "pytest.ini").write_text(
        "[pytest]\npython_files = bench_*.py test_*.py\n"
    )
    for folder in ("benchmarks", "tests"):
        (project / folder).mkdir()
    (project / "benchmarks" / "bench_toy.py").write_text(BENCH)
    (project / "tests" / "test_x.py").write_text("def test_x(): pass\n")


def run(bench: pytest.Pytester, *options: str) -> pytest.RunResult:
    return bench.runpytest_subprocess(*OPTIONS, *options)


def only_result(project: Path) -> Result:
    return load(only_file(project))


def only_file(project: Path) -> Path:
    (path,) = (project / "results" / "local").glob("*.json")
    return path


def journals(bench: pytest.Pytester) -> list[Path]:
    return sorted((bench.path / "results" / "local").glob("*.journal.jsonl"))


@dataclass(frozen=True)
class Ran:
    """A run that several tests look at."""

    project: Path
    printed: str

    @property
    def result(self) -> Result:
        return only_result(self.project)


def run_once(project: Path, *options: str) -> Ran:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *OPTIONS, *options],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(Path(toy.__file__).parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    return Ran(project, done.stdout)


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


def kill_while_building(bench: pytest.Pytester) -> None:
    """Start a run, and kill it while its case "slow-build" is built."""
    run_process = start(bench, *SMOKE)
    wait_for(lambda: scratch_file(bench, "building"))
    run_process.send_signal(signal.SIGKILL)
    run_process.wait()


def builds(bench: pytest.Pytester) -> int:
    """How often the case "self-profiled" has been built."""
    path = scratch_file(bench, "built-self-profiled")
    return len(path.read_text().splitlines()) if path else 0


SMOKE = ("--profile", "smoke")


def write_cases(bench: pytest.Pytester, *models: str) -> None:
    """A benchmark of these cases, in this order; "slow-build" waits to be killed, and
    the worker of "self-profiled" has no torch to load."""
    workloads = f"""
import dataclasses
from toy import points

WORKLOADS = (dataclasses.replace(WORKLOAD, points={{"smoke": points(*{models!r})}}),)
"""
    text = BENCH.replace("WORKLOADS = (WORKLOAD, TRAINING)", workloads)
    (bench.path / "benchmarks" / "bench_toy.py").write_text(text)
