"""What it takes to show a case's samples to pytest-benchmark, once they are timed.

That is after the timed stage and in another process, so that it disturbs no sample: it
makes a run longer.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from harness.bridges.pytest import show_samples
from harness.environment import inherited
from harness.record.schema import Record, Timing, WorkRecord
from harness.suite import python_environment

SAMPLES = 1000  # of a case; a quick one has 2000 at most
CASES = 12
_TEST = """
import pytest

from harness.bridges.cost import show_once
from harness.bridges.pytest import CLOCK


@pytest.mark.benchmark(timer=CLOCK)
@pytest.mark.parametrize("case", range({cases}))
def test_show(case, benchmark):
    show_once(benchmark)
"""
_SECONDS = Path("seconds.jsonl")


@dataclass(frozen=True)
class Showing:
    """Seconds for a case of `samples` samples: the median, the least and the most of
    `cases` cases. They are of one process: that has no interval."""

    samples: int
    cases: int
    median_s: float
    least_s: float
    most_s: float


def measure_showing(cases: int = CASES) -> Showing:
    """Show so many cases in a pytest of their own; RuntimeError where that fails."""
    with TemporaryDirectory() as folder:
        (Path(folder) / "test_show.py").write_text(_TEST.format(cases=cases))
        command = (sys.executable, "-m", "pytest", "-q", "--rootdir", folder, folder)
        ran = subprocess.run(
            command,
            cwd=folder,
            env={**inherited(), **python_environment()},
            capture_output=True,
            text=True,
            check=False,
        )
        if ran.returncode:
            raise RuntimeError(
                f"showing samples in pytest failed (exit status {ran.returncode}):\n"
                f"{ran.stdout}{ran.stderr}"
            )
        lines = (Path(folder) / _SECONDS).read_text().splitlines()
    seconds = [json.loads(line) for line in lines]
    return Showing(SAMPLES, len(seconds), median(seconds), min(seconds), max(seconds))


def show_once(benchmark: Any) -> None:
    """Show one made-up case, and note the seconds in the working folder."""
    record = _record([1e-3] * SAMPLES)
    began = perf_counter()
    show_samples(benchmark, record)
    seconds = perf_counter() - began
    with _SECONDS.open("a") as file:
        file.write(f"{json.dumps(seconds)}\n")


def _record(samples_s: list[float]) -> Record:
    return Record(
        case_id="none/a/fp32/eager/cpu/b1",
        workload="none",
        model="a",
        compression="fp32",
        runtime="eager",
        hardware="cpu",
        batch_size=1,
        options={},
        profile="quick",
        stage="infer",
        status="ok",
        work=WorkRecord(
            items_per_step=1.0,
            audio_s_per_step=1.0,
            parameters=None,
            macs_per_step=None,
            model_bytes=None,
        ),
        timing=Timing(
            samples_s=[samples_s],
            warmup_s=0.0,
            steady=True,
            mean_change_percent=0.0,
            processes=1,
            cycle=1,
            median_s=1e-3,
            median_interval_s=None,
            latency_ms=None,
            throughput_items_per_s=1e3,
            rtfx=1e3,
            stage_s={},
        ),
    )
