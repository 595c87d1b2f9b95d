"""What a sampler saw: samples, and a summary per stage."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from harness.observe.gpu import GpuReading


@dataclass(frozen=True)
class Sample:
    """Means since the sample before; memory, utilization and power at the moment.

    `worker_cpu_percent` counts 100 for one core, children included;
    `machine_cpu_percent` goes from 0 to 100 for all cores. None: the worker is gone,
    or (machine) no tick of its clock has passed.
    """

    t_s: float
    stage: str
    worker_cpu_percent: float | None
    machine_cpu_percent: float | None
    rss_bytes: int | None
    gpus: tuple[GpuReading, ...] = ()


@dataclass(frozen=True)
class GpuSummary:
    """One GPU's means and peak over a stage's samples."""

    index: int
    utilization_percent: float | None
    power_w: float | None
    peak_memory_bytes: int | None


@dataclass(frozen=True)
class StageSummary:
    """A stage from its mark to the next; processor times from counters, hence exact.

    `sampled_peak_rss_bytes` may miss a peak between two samples.
    """

    stage: str
    start_s: float
    seconds: float
    samples: int
    worker_cpu_percent: float | None
    machine_cpu_percent: float | None
    sampled_peak_rss_bytes: int | None
    joules: float | None
    gpus: tuple[GpuSummary, ...]


@dataclass(frozen=True)
class Utilization:
    """What a sampler saw; its cost is in percent of one core."""

    seconds: float
    sampler_hz: float
    sampler_cost_percent: float
    timeline: tuple[Sample, ...]
    stages: tuple[StageSummary, ...]


def gpu_summaries(samples: Sequence[Sample]) -> tuple[GpuSummary, ...]:
    by_index: dict[int, list[GpuReading]] = {}
    for sample in samples:
        for reading in sample.gpus:
            by_index.setdefault(reading.index, []).append(reading)
    return tuple(
        GpuSummary(
            index=index,
            utilization_percent=_mean(r.utilization_percent for r in readings),
            power_w=_mean(r.power_w for r in readings),
            peak_memory_bytes=max(
                (r.memory_used_bytes for r in readings if r.memory_used_bytes),
                default=None,
            ),
        )
        for index, readings in by_index.items()
    )


def thin(timeline: Sequence[Sample], points: int) -> tuple[Sample, ...]:
    """At most `points` samples, each the last of a run of neighbours.

    Processor percentages are means over the run (samples are a period apart), memory
    its highest; GPUs as the run's last sample has them.
    """
    run = max(1, -(-len(timeline) // points))
    return tuple(_merge(timeline[i : i + run]) for i in range(0, len(timeline), run))


def _merge(run: Sequence[Sample]) -> Sample:
    return replace(
        run[-1],
        worker_cpu_percent=_mean(sample.worker_cpu_percent for sample in run),
        machine_cpu_percent=_mean(sample.machine_cpu_percent for sample in run),
        rss_bytes=max((s.rss_bytes for s in run if s.rss_bytes), default=None),
    )


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
