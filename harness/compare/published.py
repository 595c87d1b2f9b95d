"""Times that documents published, as the benchmarks declare them: shown beside ours,
labelled, never as our own."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from harness.compare.model import PublishedTime
from harness.workload import Workload


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
