"""How fast a program's primitives could be, each alone: from its log and replays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median

from harness.observe.onednn.execution import Execution
from harness.observe.onednn.total import Total

NO_TIME = "the log has no time of it, or its replays have none"
WITHIN = 0.05  # of an observed time, as clocks and logs have them


@dataclass
class Times:
    """Of one execution, by its replays' own log."""

    hot_ms: list[float] = field(default_factory=list)
    cold_ms: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Projected:
    """One distinct execution: its calls and their mean time in the program, and medians
    of its replays."""

    execution: Execution
    calls: int
    observed_ms: float
    hot_ms: float
    cold_ms: float | None
    runs: int = 1  # that the hot time is the median of

    @property
    def error(self) -> float:
        """Of the hot time, relative to the observed."""
        return self.hot_ms / self.observed_ms - 1 if self.observed_ms else 0.0

    @property
    def is_bracketed(self) -> bool:
        """Whether the observed time lies between hot and cold, or next to them."""
        ends = [self.hot_ms, self.cold_ms or self.hot_ms]
        return min(ends) * (1 - WITHIN) <= self.observed_ms <= max(ends) * (1 + WITHIN)

    @property
    def gain_ms(self) -> float:
        """What all its calls would take less."""
        return self.calls * max(0.0, self.observed_ms - self.hot_ms)


@dataclass(frozen=True)
class Projection:
    rows: tuple[Projected, ...]
    missed: Mapping[Execution, str]
    missed_ms: Mapping[Execution, float]
    wall_s: float | None
    steps: int = 1  # that its calls are of

    @property
    def observed_ms(self) -> float:
        """Of what is reproduced."""
        return sum(row.calls * row.observed_ms for row in self.rows)

    @property
    def projected_ms(self) -> float:
        return sum(row.calls * row.hot_ms for row in self.rows)

    @property
    def logged_ms(self) -> float:
        return self.observed_ms + sum(self.missed_ms.values())

    @property
    def reproduced(self) -> float:
        """Share of the logged time."""
        return self.observed_ms / self.logged_ms if self.logged_ms else 0.0

    @property
    def of_wall(self) -> float | None:
        return self.observed_ms / 1000 / self.wall_s if self.wall_s else None

    @property
    def efficiency(self) -> float | None:
        """Projected over observed: 1 where a program runs its kernels as fast as they
        run alone."""
        return self.projected_ms / self.observed_ms if self.observed_ms else None

    @property
    def median_error(self) -> float:
        """Of hot times, over distinct executions, weighted by their time."""
        return weighted_median(
            [(abs(row.error), row.calls * row.observed_ms) for row in self.rows]
        )

    @property
    def bracketed(self) -> float:
        """Share of the reproduced time whose execution is bracketed."""
        inside = (row.calls * row.observed_ms for row in self.rows if row.is_bracketed)
        return sum(inside) / self.observed_ms if self.observed_ms else 0.0


def projection(
    totals: Mapping[Execution, Total],
    times: Mapping[Execution, Times],
    missed: Mapping[Execution, str],
    wall_s: float | None,
) -> Projection:
    rows = []
    for execution, found in times.items():
        total = totals.get(execution)
        if total is None or total.mean_ms is None or not found.hot_ms:
            continue
        rows.append(
            Projected(
                execution,
                total.calls - total.untimed,
                total.mean_ms,
                median(found.hot_ms),
                median(found.cold_ms) if found.cold_ms else None,
                len(found.hot_ms),
            )
        )
    rows.sort(key=lambda row: -row.calls * row.observed_ms)
    reproduced = {row.execution for row in rows}
    lost = {one: why for one, why in missed.items() if one not in reproduced}
    lost_ms = {
        execution: total.time_ms
        for execution, total in totals.items()
        if execution.kind == "primitive" and execution not in reproduced
    }
    return Projection(tuple(rows), lost, lost_ms, wall_s)


def weighted_median(values: list[tuple[float, float]]) -> float:
    """Of pairs of a value and its weight.

    >>> weighted_median([(1.0, 1.0), (2.0, 1.0), (9.0, 5.0)])
    9.0
    """
    ordered = sorted(values)
    half, reached = sum(weight for _, weight in ordered) / 2, 0.0
    for value, weight in ordered:
        reached += weight
        if reached >= half:
            return value
    return 0.0
