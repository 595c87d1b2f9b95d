"""A worker's job: trials one after another, each announced before it may crash."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from harness.observe.kernel_sweep.limits import wrong
from harness.observe.kernel_sweep.messages import TriedMessage, TryingMessage
from harness.observe.kernel_sweep.shapes import Trial
from harness.observe.kernel_sweep.ways import ways_of


@dataclass(frozen=True)
class SweepTask:
    """Trials of a runtime; `explain`: find kernels and ways round of what is wrong,
    which is left out where the question is whether the trials are right here."""

    runtime: str
    trials: tuple[Trial, ...]
    explain: bool


class Sending(Protocol):
    """The worker's end of its pipe."""

    def send(self, message: object) -> None: ...


class Library(Protocol):
    """A runtime's module."""

    NOT_OFFERED: tuple[type[Exception], ...]

    def errors(self, trial: Trial, way: str | None = None) -> dict[str, float]: ...

    def kernel(self, trial: Trial, direction: str) -> str | None: ...


def run_job(task: SweepTask, channel: Sending) -> None:
    """Of a "trying" and a "tried" message each."""
    library = library_of(task.runtime)
    for index, trial in enumerate(task.trials):
        channel.send(TryingMessage(index))
        channel.send(tried(index, trial, library, task.explain))


def library_of(runtime: str) -> Library:
    if runtime == "torch":
        from harness.observe.kernel_sweep import in_torch

        return in_torch
    from harness.observe.kernel_sweep import in_onnx

    return in_onnx


def tried(index: int, trial: Trial, library: Library, explain: bool) -> TriedMessage:
    """What came of a trial."""
    try:
        errors = library.errors(trial)
    except library.NOT_OFFERED as error:
        return TriedMessage(index, {}, reason=str(error).partition("\n")[0])
    found = TriedMessage(index, _sendable(errors))
    bad = wrong(errors, *trial.family)
    if not bad or not explain:
        return found
    return replace(
        found,
        kernels={one: library.kernel(trial, one) for one in bad},
        ways={way: _right(trial, way, library) for way in ways_of(trial)},
    )


def _right(trial: Trial, way: str, library: Library) -> list[str]:
    """The directions that a way round gives right values in."""
    try:
        errors = library.errors(trial, way)
    except library.NOT_OFFERED:
        return []
    bad = wrong(errors, *trial.family)
    return [direction for direction in errors if direction not in bad]


def _sendable(errors: Mapping[str, float]) -> dict[str, float | None]:
    """JSON has no infinity."""
    return {name: e if math.isfinite(e) else None for name, e in errors.items()}
