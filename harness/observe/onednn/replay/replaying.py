"""Primitives of a log run alone again: which call runs each, and how long each takes
with its data in the caches, and with the caches full of something else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from time import monotonic, perf_counter

from harness.observe.cgroups import memory_available_bytes
from harness.observe.onednn.capture import logged
from harness.observe.onednn.execution import Execution
from harness.observe.onednn.log import Log
from harness.observe.onednn.replay.operators import NoOperator, Operator, operators
from harness.observe.onednn.replay.projection import Times

NOT_THE_SAME = "no call of torch ran it as the log has it here"
TOO_LATE = "the time for replays was up"
NO_MEMORY = "no memory was left for its data"
LEAST_MEMORY_BYTES = 1 << 30  # of which a log, its steps and one more call have room
RUNS = 15  # of a call, at a time
MOST_S = 0.5  # for these
_ERRORS = (RuntimeError, ValueError, TypeError, IndexError, NotImplementedError)


@dataclass(frozen=True)
class Replayed:
    """A call, and which executions it runs: the primitive's own, and those that come
    with it, such as reorders of its weights."""

    call: Operator
    runs: frozenset[Execution]


def found_for(
    wanted: Collection[Execution],
    tell: Callable[[Execution], None] = lambda one: None,
    until: float = math.inf,
) -> tuple[list[Replayed], dict[Execution, str]]:
    """Calls that run all of the wanted executions that any call runs, and why the
    others have none. A call counts only by its log: its executions' lines are those of
    the wanted, but for their times. None is tried when the monotonic clock has passed
    `until`, or when memory runs short: each call holds its data."""
    left, missed = dict.fromkeys(wanted), {}
    found = []
    for execution in sorted(wanted, key=_is_moved):
        if execution not in left:
            continue  # it came with another
        if monotonic() > until:
            missed[execution] = TOO_LATE
            continue
        if memory_available_bytes() < LEAST_MEMORY_BYTES:
            missed[execution] = NO_MEMORY
            continue
        tell(execution)
        try:
            replayed = _first_that_runs(execution)
        except NoOperator as error:
            missed[execution] = str(error)
            continue
        if replayed is None:
            missed[execution] = NOT_THE_SAME
            continue
        found.append(replayed)
        for one in replayed.runs:
            left.pop(one, None)
            missed.pop(one, None)
    return found, missed


def _is_moved(execution: Execution) -> bool:
    """Reorders last: most come with the operator that needs them."""
    return execution.primitive == "reorder"


def _first_that_runs(execution: Execution) -> Replayed | None:
    for call in operators(execution):
        ran = _ran(call)
        if execution in ran:
            return Replayed(call, ran)
    return None


def _ran(call: Operator) -> frozenset[Execution]:
    """What a call runs, the second time: the first may compile. Nothing where torch has
    no such call after all."""
    try:
        call()
        log, _ = logged(call)
    except _ERRORS:
        return frozenset()
    return frozenset(one.execution for one in log.calls)


def timed(
    replayed: Iterable[Replayed],
    times: dict[Execution, Times],
    evict: Callable[[], object] | None = None,
    runs: int = RUNS,
    until: float = math.inf,
) -> None:
    """Adds to the times of what is replayed, by the log of so many runs of each call,
    as far as MOST_S lets them: hot ones, or cold ones where `evict` fills the caches
    before each. None begins when the monotonic clock has passed `until`; a call that
    fails now has no times."""
    for one in replayed:
        if monotonic() > until:
            return
        try:
            logs = (
                _hot(one.call, runs) if evict is None else _cold(one.call, evict, runs)
            )
        except _ERRORS:  # such as memory that has become short
            continue
        for execution, found_ms in _times_of(logs, one.runs).items():
            found = times.setdefault(execution, Times())
            (found.cold_ms if evict else found.hot_ms).extend(found_ms)


def _hot(call: Operator, runs: int) -> list[Log]:
    """One log of all: what stands between two would cool the caches. As many runs go
    before, for a core that waited needs some to come to its speed again."""
    began = perf_counter()
    call()
    each_s = max(perf_counter() - began, 1e-9)
    count = max(1, min(runs, int(MOST_S / each_s)))
    log, _ = logged(call, 2 * count)
    half = len(log.calls) // 2
    return [Log(log.calls[half:], log.header, log.passed_over)]


def _cold(call: Operator, evict: Callable[[], object], runs: int) -> list[Log]:
    spent_s, logs = 0.0, []
    for _ in range(runs):
        evict()
        log, each_s = logged(call)
        logs.append(log)
        spent_s += each_s
        if spent_s > MOST_S:
            break
    return logs


def _times_of(
    logs: Sequence[Log], wanted: Collection[Execution]
) -> dict[Execution, list[float]]:
    found: dict[Execution, list[float]] = {}
    for log in logs:
        for call in log.calls:
            if call.execution in wanted and call.time_ms is not None:
                found.setdefault(call.execution, []).append(call.time_ms)
    return found


class Eviction:
    """Fills all caches with other memory, twice as much as they hold."""

    def __init__(self, caches_bytes: int) -> None:
        import torch

        self.memory = torch.zeros(max(2 * caches_bytes, 1 << 26) // 4)

    def __call__(self) -> None:
        self.memory.add_(1.0)
