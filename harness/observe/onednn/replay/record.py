"""Replays as a record has them."""

from __future__ import annotations

from collections.abc import Callable

from harness.observe.onednn.replay.projection import Projected, Projection
from harness.observe.onednn.replay.turns import projected_in_turns
from harness.record.kernels import ReplayedPrimitive, Replays

MOST = 10  # primitives that are told one by one
STEPS, RUNS = 3, 7  # in each turn


def replays_of(step: Callable[[], object], budget_s: float) -> Replays | None:
    """None where the steps log no primitive that can be replayed; loads torch."""
    found = projected_in_turns(step, STEPS, RUNS, _say_nothing, budget_s)
    return record_of(found) if found.rows else None


def record_of(found: Projection) -> Replays:
    by_gain = sorted(found.rows, key=lambda row: -row.gain_ms)
    return Replays(
        steps=found.steps,
        reproduced_percent=100 * found.reproduced,
        observed_s=found.observed_ms / 1e3,
        projected_s=found.projected_ms / 1e3,
        bracketed_percent=100 * found.bracketed,
        most_to_gain=[_primitive(row) for row in by_gain[:MOST] if row.gain_ms > 0],
    )


def _primitive(row: Projected) -> ReplayedPrimitive:
    return ReplayedPrimitive(
        primitive=row.execution.primitive,
        direction=row.execution.direction,
        implementation=row.execution.implementation,
        dtypes=row.execution.dtypes,
        problem=row.execution.problem,
        calls=row.calls,
        observed_s=row.observed_ms / 1e3,
        hot_s=row.hot_ms / 1e3,
        cold_s=None if row.cold_ms is None else row.cold_ms / 1e3,
    )


def _say_nothing(text: str) -> None:
    """A worker's standard output is its log's."""
