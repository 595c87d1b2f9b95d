"""A log, or a case of this suite, projected on the machine that replays it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from harness.observe.cpu import cpu_list
from harness.observe.onednn.execution import Execution
from harness.observe.onednn.header import Header
from harness.observe.onednn.replay.projection import Projection, Times, projection
from harness.observe.onednn.replay.turns import Tell, caches_bytes, primitives_of
from harness.observe.onednn.total import Total


def differences(
    theirs: Header, ours: Header, threads: int | None, cpus: int
) -> Iterator[str]:
    """What of library, processor and threads is another here than where the log was
    written; of `threads` to run on, and of the `cpus` that there are for them."""
    for name in ("version", "isa"):
        logged, here = getattr(theirs, name), getattr(ours, name)
        if logged and here and logged != here:
            yield f"{name} {logged} in the log, {here} here"
    if not theirs.version:
        yield "the log does not say which library wrote it"
    if threads and theirs.threads and threads != theirs.threads:
        yield f"threads {theirs.threads} in the log, {threads} here"
    if (threads or 0) > cpus:
        yield f"{threads} threads, for which there are {cpus} CPUs here"


def bind(text: str) -> None:
    """This process, before any library of threads is loaded, to CPUs such as "0-3,8".
    ValueError where there are none such."""
    there = os.sched_getaffinity(0)
    chosen = cpu_list(text)
    if not chosen or not chosen <= there:
        raise ValueError(
            f"cannot run on CPUs {text!r}: expected some of {sorted(there)}, "
            "such as 0-1"
        )
    os.sched_setaffinity(0, chosen)


def here() -> Header:
    """What torch's oneDNN says of itself. It says so once in a process, so this goes
    before any other log; loads torch."""
    import torch

    from harness.observe.onednn.capture import logged

    x, w = torch.rand(1, 16, 1, 64), torch.rand(16, 16, 1, 3)
    ones = [1, 1]
    log, _ = logged(
        lambda: torch.ops.aten.mkldnn_convolution(x, w, None, [0, 0], ones, ones, 1)
    )
    return log.header


def projected(
    executions: Mapping[Execution, Total], runs: int, wall_s: float | None, tell: Tell
) -> Projection:
    """Of a log: each of its primitives replayed, hot and cold; loads torch."""
    from harness.observe.onednn.replay.replaying import Eviction, found_for, timed

    replayed, missed = found_for(
        primitives_of(executions),
        lambda one: tell(f"looking for the call of {one.primitive} {one.problem}"),
    )
    times: dict[Execution, Times] = {}
    evict = Eviction(caches_bytes())
    for number, one in enumerate(replayed, 1):
        tell(f"replaying {number} of {len(replayed)}")
        timed([one], times, None, runs)
        timed([one], times, evict, runs)
    return projection(executions, times, missed, wall_s)
