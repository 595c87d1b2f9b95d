"""What a workload gets that states its task and its cases, and nothing else.

The toy lies in one file beside this one, as a user's would: no list of the suite holds
its name.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import toy_workload
from processors import SATURATES
from toy_workload import INFERENCE, MODELS, RUNS, TONES, TRAINING

from benchmarks.grid import Run
from harness.case import Case
from harness.hardware import Hardware
from harness.measure.clock import HostTimer
from harness.measure.time_to_accuracy import Run as ClockedRun
from harness.measure.time_to_accuracy import clock_training
from harness.profile import SMOKE
from harness.record.result import load
from harness.workload import Context, Operation, UnsupportedError
from workloads.task import DataRequest
from workloads.training import weights
from workloads.training.checkpoint import NAME
from workloads.training.loop import Job, train
from workloads.training.weights import trained_dir

FILE, PROJECT = Path(toy_workload.__file__), Path(__file__).parents[2]
SIZE = TONES.sizes[MODELS[0]]
KILLED_AFTER, EPOCHS = 2, 100


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """With weights of the toy, trained for a few epochs by the suite's own loop."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPEECHMARK_CACHE", str(folder))
        data = TONES.dataset(SIZE, DataRequest("smoke"))
        job = Job(TONES, SIZE, TONES.timed_recipe(SIZE, data, "smoke"), data)
        model = TONES.model(SIZE)
        for event in train(Job(**{**vars(job), "model": model})):
            if event.kind == "epoch" and event.epoch == EPOCHS:
                break
        path = trained_dir() / f"{SIZE.name}.safetensors"
        facts = {"command": "by this test"}
        weights.save(TONES, SIZE, model.state_dict(), {}, facts, path)
        yield folder


@pytest.fixture(autouse=True)
def places(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEECHMARK_CACHE", str(cache))


def context_of(scratch: Path, case: Case) -> Context:
    return Context(
        case, SMOKE, Hardware.parse("cpu"), 0, scratch, None, lambda what, done, n: None
    )


def built(run: Run, scratch: Path) -> Operation:
    """The operation of a case; skips what this CPU or its libraries cannot do."""
    case = Case("tones", SIZE.name, run.compression, run.runtime, "cpu", 1)
    try:
        return toy_workload.build(context_of(scratch, case))
    except UnsupportedError as reason:
        if "bf16" not in run.compression:
            raise
        pytest.skip(str(reason))


@pytest.mark.parametrize(
    "run", RUNS, ids=lambda run: f"{run.runtime}-{run.compression}"
)
def test_every_compression_runs_on_every_runtime_and_is_judged(
    run: Run, tmp_path: Path
) -> None:
    if SATURATES and run.compression == "int8-static":
        pytest.skip("int8 saturates on x86 without VNNI")
    operation = built(run, tmp_path)
    operation.step()
    assert operation.work.items == 1
    assert operation.work.parameters == 16 * 32 + 32 + 32 * 4 + 4
    values = operation.values()
    assert values.passed, values
    metric = operation.accuracy().metrics["error_rate"]
    assert metric.n == 64
    assert metric.value < 0.3
    if run.compression == "fp32":
        assert (metric.gate, metric.passed) == (None, None)
        return
    assert metric.baseline_case == "tones/tone-net/fp32/eager/cpu/b1"
    assert (metric.gate, metric.passed) == (0.05, True)


def test_a_compression_that_ruins_the_model_fails_its_gate(tmp_path: Path) -> None:
    metric = built(Run("eager", "prune-l1-unstructured-99"), tmp_path).accuracy()
    assert metric.metrics["error_rate"].passed is False


def clocked(scratch: Path, killed_after: int | None = None) -> ClockedRun:
    """A training of the toy; its process is killed at the end of an epoch."""
    case = Case("tones-training", SIZE.name, "fp32", "eager", "cpu", 16)
    training = toy_workload.build_training(context_of(scratch, case))

    def tell(event: object, seconds: float) -> None:
        begun = (getattr(event, "kind", ""), getattr(event, "epoch", 0))
        if begun == ("state", (killed_after or -2) + 1):
            os.kill(os.getpid(), signal.SIGKILL)

    return clock_training(
        training.events, training.targets, 60.0, HostTimer().now_s, tell
    )


def test_a_training_is_clocked_killed_and_resumed(tmp_path: Path) -> None:
    program = (
        "from pathlib import Path; from test_toy_workload import clocked\n"
        f"clocked(Path({str(tmp_path)!r}), {KILLED_AFTER})"
    )
    path = os.pathsep.join(filter(None, sys.path))
    killed = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert (tmp_path / NAME).exists()
    resumed = clocked(tmp_path)
    assert resumed.resumed == 1
    assert [point.epoch for point in resumed.curve] == [
        *range(1, len(resumed.curve) + 1)
    ]
    assert len(resumed.curve) > KILLED_AFTER
    (target,) = resumed.targets
    assert target.reached
    assert target.tta_s is not None
    assert resumed.curve[KILLED_AFTER - 1].end_s < target.tta_s
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    whole = clocked(fresh)
    errors = [[point.errors for point in one.curve] for one in (resumed, whole)]
    assert errors[0] == errors[1]  # as if it had never stopped


def speechmark(arguments: Sequence[str], folder: Path, **more: str) -> str:
    """What a command prints, in the suite's own folder."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=PROJECT,
        env={**os.environ, **more, "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_plan_lists_its_cases(tmp_path: Path) -> None:
    command = ("-m", "harness.cli", "plan", "-k", "tones", f"--workload={FILE}")
    printed = speechmark(command, tmp_path)
    for run in RUNS:
        assert f"tones/tone-net/{run.compression}/{run.runtime}/cpu/b1" in printed
    assert "which of four tones" in printed
    assert "tones-training" not in printed  # it declares no quick profile


DISCOVER = """
import sys
from asv_runner.discovery import list_benchmarks

with open(sys.argv[2], "w") as found:
    list_benchmarks(sys.argv[1], found)
"""


def test_asv_finds_its_classes(tmp_path: Path) -> None:
    pytest.importorskip("asv_runner")  # asv is left out where it cannot be compiled
    found = tmp_path / "found.json"
    arguments = ("-c", DISCOVER, str(PROJECT / "benchmarks"), str(found))
    speechmark(arguments, tmp_path, SPEECHMARK_WORKLOADS=str(FILE))
    names = {one["name"]: one for one in json.loads(found.read_text())}
    prefix = "bench_elsewhere.toy_workload"
    assert {name for name in names if name.startswith("bench_elsewhere")} == {
        f"{prefix}_Steady.time_per_item",
        f"{prefix}_Plain.time_cycle",
        f"{prefix}_Plain.peakmem_cycle",
        f"{prefix}_Tracked.track_error_rate",
        *(
            f"{prefix}_Tracked.track_{name}"
            for name in ("joules_per_audio_hour", "model_bytes", "peak_rss_bytes")
        ),
    }
    (cases,) = names[f"{prefix}_Steady.time_per_item"]["params"]
    assert cases == ["'tones/tone-net/fp32/eager/cpu/b1'"]


def test_smoke_measures_it_with_the_rest(tmp_path: Path) -> None:
    """By real workers, which find the file by its path."""
    command = ("-m", "pytest", "--benchmark-only", "--profile=smoke", "-k", "tones")
    results = f"--results={tmp_path / 'results'}"
    speechmark((*command, results, f"--workload={FILE}"), tmp_path)
    (path,) = (tmp_path / "results").glob("*.json")
    records = {record.workload: record for record in load(path).records}
    assert set(records) == {INFERENCE.name, TRAINING.name}
    assert all(record.status == "ok" for record in records.values()), records
    assert records["tones-training"].tta is not None
    assert all(one.details["workload_sha256"] for one in records.values())


def test_its_tones_are_hard_by_one_frame_and_easy_by_all() -> None:
    """So that an error rate means something."""
    held_out = TONES.dataset(SIZE, DataRequest("smoke")).validation
    assert held_out.features.shape == (64, 50, 16)
    loudest = held_out.features[..., [1, 3, 5, 7]]
    for frames, low, high in ((1, 0.05, 0.9), (50, -0.01, 0.3)):
        guesses = loudest[:, :frames].mean(1).argmax(1)
        assert low < np.mean(guesses != held_out.labels) < high


def test_it_takes_sixty_lines() -> None:
    lines = FILE.read_text().splitlines()
    assert len([line for line in lines if line.strip()]) <= 60
