"""Times that papers published, as the benchmarks declare them: shown beside ours,
labelled, never as our own."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from harness.metrics import Better
from harness.workload import Workload


@dataclass(frozen=True)
class PublishedTime:
    """A time to accuracy that a paper published for a machine."""

    machine: str
    workload: str
    model: str
    setting: str  # "batch 96"
    metric: str
    level: float
    tta_s: float | None  # None: not reached
    source: str
    compression: str
    batch_size: int
    better: Better = "lower"


def published_times(
    workloads: Iterable[Workload], among: Collection[str]
) -> tuple[PublishedTime, ...]:
    """Those of the workloads whose names are `among` the compared ones, in the order
    in which they are declared."""
    return tuple(
        PublishedTime(
            machine=found.machine,
            workload=workload.name,
            model=found.model,
            setting=found.setting,
            metric=found.target.metric,
            level=found.target.level,
            better=found.target.better,
            tta_s=found.tta_s,
            source=found.source,
            compression=found.compression,
            batch_size=found.batch_size,
        )
        for workload in workloads
        if workload.name in among
        for found in workload.published
    )
