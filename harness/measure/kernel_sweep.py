"""Trials of kernels in workers of their own, with a worker's environment: what a user's
variables steer, and what a kernel does to its process, stays outside."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from harness.hardware import Hardware, Machine
from harness.measure import messages
from harness.measure.jobs import Job, PipeError, checked
from harness.measure.messages import FailureMessage, ResultMessage, json_of
from harness.measure.spawn import Worker, how_it_ended
from harness.observe.kernel_sweep.job import SweepTask
from harness.observe.kernel_sweep.messages import (
    Absent,
    Died,
    Late,
    Message,
    TriedMessage,
    TryingMessage,
)
from harness.observe.kernel_sweep.sweep import Request

ENTRY = "harness.observe.kernel_sweep.job:run_job"
AnyMessage = TryingMessage | TriedMessage | messages.Message
NEEDED = {"torch": ("torch",), "onnxruntime": ("onnxruntime", "onnx")}


@dataclass(frozen=True)
class InWorkers:
    """A runner for `sweep`."""

    machine: Machine
    hardware: Hardware
    folder: Path  # of logs

    def __call__(self, request: Request) -> Iterator[Message]:
        needed = NEEDED.get(request.runtime, (request.runtime, "onnx"))
        for name in needed:
            if importlib.util.find_spec(name) is None:
                yield Absent(f"{name} is not installed")
                return
        isa = request.isa or self.hardware.isa
        hardware = replace(self.hardware, isa=isa)
        trials, explain = tuple(request.trials), request.isa is None
        task = SweepTask(request.runtime, trials, explain)
        job = Job(ENTRY, tuple(hardware.affinity(self.machine)), task)
        environment = hardware.environment(self.machine)
        worker = Worker(job, environment, self.folder / f"{request.runtime}.log")
        try:
            yield from _followed(worker, request.limit_s)
        finally:
            worker.close()


def _followed(worker: Worker, limit_s: float) -> Iterator[Message]:
    """Its messages; how it ended comes last where it was before the end of its job."""
    try:
        for line in worker.lines(limit_s):
            match checked(_adapter(), json_of(line), "message"):
                case TryingMessage() | TriedMessage() as message:
                    yield message
                case ResultMessage():
                    return
                case FailureMessage(reason=reason):
                    yield Died(reason)
                    return
    except TimeoutError as error:
        yield Late(str(error))
        return
    except PipeError as error:
        yield Died(str(error))
        return
    yield Died(how_it_ended(worker.wait(), None))


@cache
def _adapter() -> TypeAdapter[Any]:
    """Of a worker's messages, and those of a sweep."""
    return TypeAdapter(Annotated[AnyMessage, Field(discriminator="kind")])
