"""Several workers at once, in a record: what each did, and all together."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from harness.record.fields import Amount, Bytes, Count, RecordPart, Seconds
from harness.record.timing import Latency

MOST_INSTANCES = 100_000  # more cores than any machine has


class InstanceRecord(RecordPart):
    """One worker, over all processes of the case: in each, the worker of this number
    ran on the same CPUs. `numa_node` is that of its cores and its memory, null where
    the kernel tells of no nodes."""

    number: Count
    cpus: list[Count]
    numa_node: Count | None
    steps: Count
    throughput_items_per_s: Amount
    rtfx: Amount
    median_s: Seconds
    latency_ms: Latency
    peak_rss_bytes: Bytes | None


class InstancesRecord(RecordPart):
    """`count` workers of `threads` threads each. A window is the time in which all of
    them ran: `window_s` adds up those that count, a sum a process. `steps_per_s` is of
    all workers together in each process; throughput and RTFx are sums over the
    workers."""

    count: Annotated[int, Field(ge=2, le=MOST_INSTANCES)]
    threads: Count
    window_s: list[Seconds]
    steps_per_s: list[Amount]
    throughput_items_per_s: Amount
    rtfx: Amount
    each: Annotated[list[InstanceRecord], Field(max_length=MOST_INSTANCES)]

    @model_validator(mode="after")
    def _all_are_there(self) -> InstancesRecord:
        if [one.number for one in self.each] != list(range(1, self.count + 1)):
            raise ValueError(
                f"each has {len(self.each)} instances: expected those of numbers 1 to "
                f"{self.count}, in this order"
            )
        if len(self.window_s) != len(self.steps_per_s):
            raise ValueError(
                f"window_s has {len(self.window_s)} processes and steps_per_s "
                f"{len(self.steps_per_s)}: expected as many"
            )
        return self
