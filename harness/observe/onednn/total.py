"""Calls and times of executions, added up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.observe.onednn.execution import Execution
from harness.observe.onednn.log import Log


@dataclass
class Total:
    """Of the executions of one group; those without a time are in `calls` alone."""

    calls: int = 0
    untimed: int = 0
    time_ms: float = 0.0
    shortest_ms: float = float("inf")
    longest_ms: float = 0.0

    def add(self, time_ms: float | None) -> None:
        self.calls += 1
        if time_ms is None:
            self.untimed += 1
            return
        self.time_ms += time_ms
        self.shortest_ms = min(self.shortest_ms, time_ms)
        self.longest_ms = max(self.longest_ms, time_ms)

    @property
    def mean_ms(self) -> float | None:
        timed = self.calls - self.untimed
        return self.time_ms / timed if timed else None


def totals_of_logs(logs: Sequence[Log]) -> dict[Execution, Total]:
    """Of each distinct execution in these logs."""
    found: dict[Execution, Total] = {}
    for log in logs:
        for call in log.calls:
            found.setdefault(call.execution, Total()).add(call.time_ms)
    return found
