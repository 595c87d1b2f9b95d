"""Several workers' part of a record."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from statistics import fmean, median

from harness.measure.latency import latency_of
from harness.measure.outcome import CaseOutcome
from harness.measure.results import InstanceResult, InstancesResult
from harness.record.derive import mean_step_of_each_cycle
from harness.record.schema import InstanceRecord, InstancesRecord, WorkRecord


def of_instances(outcomes: Sequence[CaseOutcome]) -> list[InstancesResult]:
    """The results of a case of several instances, one a process; else none."""
    results = (one.result for one in outcomes)
    return [one for one in results if isinstance(one, InstancesResult)]


def instances_record(
    outcomes: Sequence[CaseOutcome], work: WorkRecord
) -> InstancesRecord | None:
    """None of a case of one."""
    processes = of_instances(outcomes)
    if not processes:
        return None
    workers = [*zip(*(one.instances for one in processes), strict=True)]
    each = [_instance(own, work, processes[0].cycle) for own in workers]
    return InstancesRecord(
        count=len(each),
        threads=len(each[0].cpus),
        window_s=[one.window_s for one in processes],
        steps_per_s=[one.steps_per_s for one in processes],
        throughput_items_per_s=sum(one.throughput_items_per_s for one in each),
        rtfx=sum(one.rtfx for one in each),
        each=each,
    )


def rate_of(own: Sequence[InstanceResult]) -> float:
    """Steps per second of the worker of one number, over all processes."""
    steps = sum(len(one.samples_s) for one in own)
    return steps / sum(one.span_s for one in own)


def _instance(
    own: Sequence[InstanceResult], work: WorkRecord, cycle: int
) -> InstanceRecord:
    """The worker of one number, in every process."""
    samples_s = [one.samples_s for one in own]
    medians_s = [
        median(mean_step_of_each_cycle(some, cycle).tolist()) for some in samples_s
    ]
    steps_per_s = rate_of(own)
    peaks = [one.memory.peak_rss_bytes for one in own]
    return InstanceRecord(
        number=own[0].number,
        cpus=list(own[0].cpus),
        numa_node=own[0].node,
        steps=sum(map(len, samples_s)),
        throughput_items_per_s=work.items_per_step * steps_per_s,
        rtfx=work.audio_s_per_step * steps_per_s,
        median_s=fmean(medians_s),
        latency_ms=latency_of(samples_s, cycle, medians_s),
        peak_rss_bytes=max((peak for peak in peaks if peak is not None), default=None),
    )


def series_s(outcomes: Sequence[CaseOutcome]) -> list[list[float]]:
    """Samples in the order in which one worker took them, a list a worker."""
    several = of_instances(outcomes)
    if not several:
        return [outcome.done.samples_s for outcome in outcomes]
    workers = chain.from_iterable(one.instances for one in several)
    return [one.samples_s for one in workers]
