"""A worker's job: trials one after another, each announced before it may crash."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Protocol

from harness.observe.kernel_sweep.limits import wrong
from harness.observe.kernel_sweep.shapes import Trial, of_plain
from harness.observe.kernel_sweep.ways import ways_of


class Telling(Protocol):
    """The worker's end of its pipe."""

    def send(self, kind: str, **fields: Any) -> None: ...


class Library(Protocol):
    """A runtime's module."""

    NOT_OFFERED: tuple[type[Exception], ...]

    def errors(self, trial: Trial, way: str | None = None) -> dict[str, float]: ...

    def kernel(self, trial: Trial, direction: str) -> str | None: ...


def run_job(job: Mapping[str, Any], channel: Telling) -> dict[str, Any]:
    """Of a "trying" and a "tried" message each; what is wrong is named, and its ways
    round are tried, unless the job is to see whether the trials are right here."""
    trials = [of_plain(one) for one in job["trials"]]
    library = library_of(job["runtime"])
    for index, trial in enumerate(trials):
        channel.send("trying", index=index)
        channel.send("tried", index=index, **tried(trial, library, job["explain"]))
    return {}


def library_of(runtime: str) -> Library:
    if runtime == "torch":
        from harness.observe.kernel_sweep import in_torch

        return in_torch
    from harness.observe.kernel_sweep import in_onnx

    return in_onnx


def tried(trial: Trial, library: Library, explain: bool) -> dict[str, Any]:
    """Errors by direction, None for what is no number; of wrong ones the kernels, and
    of each way round the directions that are right by it."""
    try:
        errors = library.errors(trial)
    except library.NOT_OFFERED as error:
        return {"errors": {}, "reason": str(error).partition("\n")[0]}
    found: dict[str, Any] = {"errors": _sendable(errors)}
    bad = wrong(errors, *trial.family)
    if bad and explain:
        found["kernels"] = {one: library.kernel(trial, one) for one in bad}
        found["ways"] = {way: _right(trial, way, library) for way in ways_of(trial)}
    return found


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
