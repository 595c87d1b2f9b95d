"""What replays say of a work on a candidate."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ReplayedKernel:
    """A primitive that runs faster alone: its time in a step, that of as many replays
    with its data in the caches and, where known, without."""

    primitive: str
    direction: str
    implementation: str
    dtypes: str
    problem: str
    observed_s: float
    hot_s: float
    cold_s: float | None

    @property
    def gain_s(self) -> float:
        return self.observed_s - self.hot_s


@dataclass(frozen=True)
class ReplayedKernels:
    """What primitives take of a step and would take alone, over all that were
    reproduced; `most_to_gain` are told one by one."""

    reproduced_percent: float
    observed_s: float
    projected_s: float
    most_to_gain: tuple[ReplayedKernel, ...]

    @property
    def efficiency(self) -> float | None:
        return self.projected_s / self.observed_s if self.observed_s else None
