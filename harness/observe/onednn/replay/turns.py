"""Steps and replays of their primitives in turns."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from time import monotonic

from harness.observe.fingerprint import caches
from harness.observe.onednn.capture import logged
from harness.observe.onednn.execution import Execution
from harness.observe.onednn.replay.projection import Projection, Times, projection
from harness.observe.onednn.replay.replaying import (
    Eviction,
    Replayed,
    found_for,
    timed,
)
from harness.observe.onednn.total import totals_of_logs

Tell = Callable[[str], None]
MOST_EVICTED_BYTES = 1 << 29  # of caches that a whole host shares, no guest has all
ROUNDS = 5  # of steps and replays in turns


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
    replayed: list[Replayed] = []
    missed: dict[Execution, str] = {}
    times: dict[Execution, Times] = {}
    evict = Eviction(caches_bytes())
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
        ran = primitives_of(totals_of_logs([log]))
        known = {one for replay in replayed for one in replay.runs} | missed.keys()
        more, without = found_for([one for one in ran if one not in known], until=until)
        replayed += more
        missed |= without
        these = [one for one in replayed if one.runs.intersection(ran)]
        timed(these, times, None, runs, until)
        timed(these, times, evict, runs, until)
    found = projection(totals_of_logs(logs), times, missed, wall_s)
    return replace(found, steps=len(logs) * steps)


def primitives_of(executions: Mapping[Execution, object]) -> list[Execution]:
    return [one for one in executions if one.kind == "primitive"]


def caches_bytes() -> int:
    every = caches().values()
    held = sum(one["size_bytes"] * one["instances"] for one in every)
    return min(held, MOST_EVICTED_BYTES)
