"""Trials of kernels in workers of their own, with a worker's environment: what a user's
variables steer, and what a kernel does to its process, stays outside."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from harness.hardware import Hardware, Machine
from harness.measure.spawn import Worker, how_it_ended
from harness.observe.kernel_sweep.sweep import ABSENT, DIED, LATE, Message, Request

ENTRY = "harness.observe.kernel_sweep.job:run_job"
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
                yield {"kind": ABSENT, "reason": f"{name} is not installed"}
                return
        isa = request.isa or self.hardware.isa
        hardware = replace(self.hardware, isa=isa)
        job = {
            "entry": ENTRY,
            "affinity": list(hardware.affinity(self.machine)),
            "runtime": request.runtime,
            "trials": [one.plain() for one in request.trials],
            "explain": request.isa is None,
        }
        environment = hardware.environment(self.machine)
        worker = Worker(job, environment, self.folder / f"{request.runtime}.log")
        try:
            yield from _followed(worker, request.limit_s)
        finally:
            worker.close()


def _followed(worker: Worker, limit_s: float) -> Iterator[Message]:
    """Its messages; how it ended comes last where it was before the end of its job."""
    try:
        for message in worker.messages(limit_s):
            if message["kind"] == "result":
                return
            if message["kind"] == "failed":
                yield {"kind": DIED, "reason": message["reason"]}
                return
            yield message
    except TimeoutError as error:
        yield {"kind": LATE, "reason": str(error)}
        return
    yield {"kind": DIED, "reason": how_it_ended(worker.wait(), None)}
