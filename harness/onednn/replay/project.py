"""A log, or a case of this suite, projected on the machine that replays it."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from time import monotonic

from harness.observe.cpu import cpu_list
from harness.observe.fingerprint import caches
from harness.observe.onednn.execution import Execution
from harness.observe.onednn.header import Header
from harness.observe.onednn.log import Log
from harness.onednn.replay.projection import Projection, Times, projection
from harness.onednn.totals import Total

Tell = Callable[[str], None]
MOST_EVICTED_BYTES = 1 << 29  # of caches that a whole host shares, no guest has all
ROUNDS = 5  # of steps and replays in turns


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
    from harness.onednn.replay.replaying import Eviction, found_for, timed

    replayed, missed = found_for(_primitives(executions), _tell_each(tell))
    times: dict[Execution, Times] = {}
    evict = Eviction(_caches_bytes())
    for number, one in enumerate(replayed, 1):
        tell(f"replaying {number} of {len(replayed)}")
        timed([one], times, None, runs)
        timed([one], times, evict, runs)
    return projection(executions, times, missed, wall_s)


def projected_in_turns(
    step: Callable[[], object],
    steps: int,
    runs: int,
    tell: Tell,
    budget_s: float = math.inf,
) -> Projection:
    """Of steps of our own: their log is taken in turns with the replays, so that a host
    which gives less gives less to both. Steps may take inputs of other lengths each
    time; what is new in a turn has its call looked for, until the budget is spent, and
    then no turn begins. Loads torch."""
    from harness.observe.onednn.capture import logged
    from harness.onednn.replay.replaying import (
        Eviction,
        Replayed,
        found_for,
        timed,
    )

    replayed: list[Replayed] = []
    missed: dict[Execution, str] = {}
    times: dict[Execution, Times] = {}
    evict = Eviction(_caches_bytes())
    logs, wall_s = [], 0.0
    until = monotonic() + budget_s
    step()
    for turn in range(ROUNDS):
        if turn and monotonic() > until:
            break
        tell(f"turn {turn + 1} of {ROUNDS}: {steps} steps, then their replays")
        log, spent_s = logged(step, steps)
        logs.append(log)
        wall_s += spent_s
        ran = _primitives(totals_of_logs([log]))
        known = {one for replay in replayed for one in replay.runs} | missed.keys()
        more, without = found_for([one for one in ran if one not in known], until=until)
        replayed += more
        missed |= without
        these = [one for one in replayed if one.runs.intersection(ran)]
        timed(these, times, None, runs, until)
        timed(these, times, evict, runs, until)
    found = projection(totals_of_logs(logs), times, missed, wall_s)
    return replace(found, steps=len(logs) * steps)


def totals_of_logs(logs: Sequence[Log]) -> dict[Execution, Total]:
    found: dict[Execution, Total] = {}
    for log in logs:
        for call in log.calls:
            found.setdefault(call.execution, Total()).add(call.time_ms)
    return found


def _primitives(executions: Mapping[Execution, Total]) -> list[Execution]:
    return [one for one in executions if one.kind == "primitive"]


def _tell_each(tell: Tell) -> Callable[[Execution], None]:
    return lambda one: tell(f"looking for the call of {one.primitive} {one.problem}")


def _caches_bytes() -> int:
    every = caches().values()
    held = sum(one["size_bytes"] * one["instances"] for one in every)
    return min(held, MOST_EVICTED_BYTES)
