"""A workload that sleeps, for tests of the harness that start real workers."""

from __future__ import annotations

import atexit
import errno
import hashlib
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

from harness.observe.kernels import Entry, Profiled
from harness.workload import (
    Accuracy,
    Context,
    Metric,
    Operation,
    Point,
    Target,
    Training,
    UnsupportedError,
    Values,
    Work,
    Workload,
    nothing_to_compare,
)

HUNGER_BYTES = 300 << 20
PROFILING = ("falls-back", "full-disk", "keeps-first", "self-profiled", "unprofiled")
SECOND = {"second-killed": 5, "second-broken": 5, "second-killed-late": 1000}
ENDLESS_S = 120.0
PLAIN = "a plain path"
VALUES = {
    "good": Values(1e-6, 1e-4, 3, PLAIN),
    "garbage": Values(1.1, 0.2, 3, PLAIN, "conv, Conv1d(8, 64)", "brg_conv_fwd:amx"),
    "not-finite": Values(float("inf"), 0.2, 3, PLAIN),
    "not-compared": nothing_to_compare(),
}
ACCURATE = Accuracy({"wer": Metric(0.1, 50, (0.05, 0.15))})


def build(context: Context) -> Operation:
    """What the model's name says."""
    if context.case.model == "unsupported":
        raise UnsupportedError("the toy has no such operator: use another model")
    if context.case.model == "broken":
        raise ValueError("the toy is broken on purpose")
    if context.case.model == "slow-build":
        partial = context.scratch_dir / "partial"
        partial.write_text(str(os.getpid()))
        partial.rename(context.scratch_dir / "building")
        time.sleep(0 if (context.scratch_dir.parent / "fast").exists() else 60)
    built = _count(context)
    if context.case.model in PROFILING:
        return _profiling(context)
    if context.case.model == "second-never-leaves" and built == 2:
        atexit.register(time.sleep, ENDLESS_S)
    if context.case.model in SECOND:
        return replace(_operation(context), step=_second(context.case.model, built))
    return _operation(context)


def _operation(context: Context) -> Operation:
    return Operation(
        step=_step(context.case.model),
        values=lambda: VALUES.get(context.case.model, VALUES["good"]),
        work=Work(items=2, audio_s=6.0, parameters=10, macs=1e6, model_bytes=40),
        accuracy=_hungry if context.case.model == "hungry" else lambda: ACCURATE,
        accuracy_from={"weights": "toy"} if context.case.model == "kept" else None,
        details={
            "threads": os.environ["OMP_NUM_THREADS"],
            "isa": os.environ.get("ONEDNN_MAX_CPU_ISA", "any"),
            "case": context.case.id,
        },
    )


def make(context: Context) -> None:
    """What the model's name says; leaves a line for each time that it made."""
    model = context.case.model
    if model == "unsupported":
        raise UnsupportedError("the toy has no such operator: use another model")
    if model == "broken":
        raise ValueError("the toy is broken on purpose")
    if model == "killed":
        print("last words of the toy", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    if model == "endless":
        time.sleep(ENDLESS_S)
    if model == "warns":
        logging.getLogger("speechmark").warning("a damaged cache")
    with (context.scratch_dir.parent / f"made-{model}").open("a") as file:
        file.write(f"{os.getpid()} {context.hardware.text} {context.profile.name}\n")


def _profiling(context: Context) -> Operation:
    """A runtime with a profiler of its own: two layers, of which the first is float."""
    found: dict[str, float | str] = {}

    def profile(steps: int) -> Profiled:
        if context.case.model == "full-disk":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        layers = [
            Entry("convolution", "forward", "FusedConv", "f32,f32,f32", "first", 1.0),
            Entry("convolution", "forward", "QLinearConv", "u8,s8,u8", "second", 3.0),
        ]
        return Profiled(steps * layers, 0.008 * steps, "toy profile", unparsed_lines=2)

    def close() -> None:
        found["torch"] = "loaded" if "torch" in sys.modules else "not loaded"

    return Operation(
        step=_step(context.case.model),
        work=Work(items=2, audio_s=6.0, model_bytes=40),
        accuracy=lambda: ACCURATE,
        details=found,
        close=close,
        profile=None if context.case.model == "unprofiled" else profile,
        float_layers=1 if context.case.model == "keeps-first" else 0,
    )


def _count(context: Context) -> int:
    """Leave a line for each process that builds, where no scratch folder is removed;
    how many there are."""
    path = context.scratch_dir.parent / f"built-{context.case.model}"
    with path.open("a") as file:
        file.write(f"{os.getpid()}\n")
    return len(path.read_text().splitlines())


def _second(model: str, built: int) -> Callable[[], object]:
    """A step that ends the second worker that builds, some steps after its first."""
    steps = count()

    def step() -> None:
        time.sleep(0.0005)
        if built == 2 and next(steps) == SECOND[model]:
            if model != "second-broken":
                os.kill(os.getpid(), signal.SIGKILL)
            raise ValueError("the second is broken on purpose")

    return step


def _hungry() -> Accuracy:
    """Bytes of 1, as pages of zeros would take no memory."""
    assert bytearray(b"\1") * HUNGER_BYTES
    return ACCURATE


def _step(model: str) -> Callable[[], object]:
    if model == "warns":
        logging.getLogger("speechmark").warning("a damaged cache")
    if model in ("killed", "warns"):
        return lambda: os.kill(os.getpid(), signal.SIGKILL)
    if model == "crowded":
        return _crowd(len(os.sched_getaffinity(0)) + 1)
    return lambda: time.sleep(0.0005)


def _crowd(threads: int) -> Callable[[], object]:
    """A step of so many threads at work at once: hashing holds no lock of Python's."""
    pool, data = ThreadPoolExecutor(threads), bytes(1 << 20)
    return lambda: list(pool.map(hashlib.sha256, [data] * 8 * threads))


@dataclass(frozen=True)
class Event:
    kind: str
    state: str = "train"
    epoch: int = 1
    loss: float | None = None
    validation_loss: float | None = None
    values: dict[str, float] | None = None
    notes: dict[str, Any] | None = None


def build_training(context: Context) -> Training:
    _count(context)

    def events(notes: Callable[[], dict[str, Any]]) -> Iterator[Event]:
        for epoch in range(1, 6):
            yield Event("state", "train", epoch)
            time.sleep(0.01)
            yield Event("step", "train", epoch)
            yield Event("state", "evaluate", epoch)
            yield Event("epoch", "evaluate", epoch, 1.0, 1.5, {"cer": 0.5 / epoch})

    return Training(
        events=events,
        targets=(Target("cer", 0.25), Target("cer", 0.001)),
        most_epochs=3 if context.case.model == "three-epochs" else None,
        work_per_epoch=Work(items=8, audio_s=24.0, macs=1e6),
        accuracy=lambda: ACCURATE,
        step=lambda: time.sleep(0.001),
    )


def points(*models: str) -> tuple[Point, ...]:
    return tuple(Point(model, "fp32", "eager", 1, 1.0) for model in models)


WORKLOAD = Workload(
    "toy",
    "infer",
    "sleeps",
    build,
    {
        "smoke": points("good"),
        "quick": points("good", "unsupported", "broken", "killed", "other"),
    },
)
STEP = Workload("toy-step", "train", "sleeps", build, WORKLOAD.points)
TRAINING = Workload(
    "toy-training",
    "train",
    "sleeps",
    build_training,
    {"smoke": points("good"), "quick": points("good")},
)


def see_environment(job: dict[str, Any], channel: object) -> dict[str, str]:
    """A worker's job: its variables."""
    return dict(os.environ)


def leave_much_behind(job: dict[str, Any], channel: object) -> str:
    """A worker's job: a thread that would keep the process for a minute, and an exit
    handler, as libraries leave them. It returns the file that the handler writes."""
    path = Path(job["folder"]) / "left"
    threading.Thread(target=time.sleep, args=(60,)).start()
    atexit.register(path.touch)
    return str(path)


def transcribed(
    transcripts: Sequence[tuple[str, str, str, int]], pairs: Sequence[tuple[int, int]]
) -> dict[str, Any]:
    """An accuracy as a worker sends it, with transcripts (rank, reference, hypothesis,
    edits) and edits by length."""
    names = ("rank", "reference", "hypothesis", "edits")
    return {
        "metrics": {"cer": {"value": 0.1, "n": 50, "interval": [0.05, 0.15]}},
        "reason": None,
        "edits_by_length": [list(pair) for pair in pairs],
        "transcripts": [dict(zip(names, one, strict=True)) for one in transcripts],
    }
