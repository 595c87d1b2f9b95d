"""What sensors and the operating system tell, in a record: use, energy, memory, threads
and noise."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from harness.record.fields import (
    Amount,
    Bytes,
    Count,
    Difference,
    Number,
    Percent,
    RecordPart,
    Seconds,
)

MOST_GPUS = 64  # of a machine


class SensedPart(RecordPart):
    """Open to readings that the schema does not know: files of before, whose schema
    left `utilization` to the sensors, may hold some."""

    model_config = ConfigDict(extra="allow")


class GpuUse(SensedPart):
    """A GPU at one moment, as `gpu.GpuReading` tells."""

    index: Count | None = None
    utilization_percent: Percent | None = None
    memory_used_bytes: Bytes | None = None
    power_w: Number | None = None
    energy_j: Number | None = None
    sm_clock_mhz: Count | None = None
    throttle_reasons: list[str] | None = None


class UsePoint(SensedPart):
    """A point of the timeline, as `timeline.Sample` tells."""

    t_s: Seconds
    stage: str
    worker_cpu_percent: Number | None = None
    machine_cpu_percent: Number | None = None
    rss_bytes: Bytes | None = None
    gpus: Annotated[list[GpuUse], Field(max_length=MOST_GPUS)] = Field(
        default_factory=list
    )


class GpuStage(SensedPart):
    """A GPU over a stage, as `timeline.GpuSummary` tells."""

    index: Count | None = None
    utilization_percent: Percent | None = None
    power_w: Number | None = None
    peak_memory_bytes: Bytes | None = None


class UseOfStage(SensedPart):
    """A stage as a whole, as `timeline.StageSummary` tells."""

    stage: str
    start_s: Seconds | None = None
    seconds: Seconds | None = None
    samples: Count | None = None
    worker_cpu_percent: Number | None = None
    machine_cpu_percent: Number | None = None
    sampled_peak_rss_bytes: Bytes | None = None
    joules: Number | None = None
    gpus: Annotated[list[GpuStage], Field(max_length=MOST_GPUS)] = Field(
        default_factory=list
    )


class UtilizationRecord(SensedPart):
    """What the sampler saw of processors and GPUs, over the timed stage and over time;
    its own cost is in percent of one core."""

    sampler_hz: Amount | None = None
    sampler_cost_percent: Number | None = None
    timed: UseOfStage | None = None
    timeline: list[UsePoint] = Field(default_factory=list)


class Energy(RecordPart):
    joules: Amount | None
    joules_per_audio_hour: Amount | None
    source: Literal["rapl", "nvml", "rapl+nvml", "none"]
    reason: str | None
    idle_watts: Amount | None


class Memory(RecordPart):
    peak_rss_bytes: Bytes | None
    peak_device_bytes: Bytes | None


class PoolRecord(RecordPart):
    """A thread pool of `threads` threads: its library's file, the package it is of."""

    api: str
    library: str
    package: str | None
    threads: Count


class Threads(RecordPart):
    """The worker's own threads over the timed stage, as `threads.Crowd` tells: the
    highest of all processes; and the pools that were loaded in the first. `asked` is
    what the hardware says, `allowed` how many CPUs the first worker could use, and
    `quota_cores` the CPU time per time that its container gave."""

    busy: Count | None
    cpus: Count | None
    runnable_mean: Amount | None
    pools: list[PoolRecord]
    asked: Count | None = None
    allowed: Count | None = None
    quota_cores: Amount | None = None


class VariablesRecord(RecordPart):
    """The worker's environment, as `environment.Variables` tells it."""

    set: dict[str, str]
    passed: dict[str, str]
    told: dict[str, str]
    inherited: list[str]
    dropped: list[str]


class HostRecord(RecordPart):
    """What the host gave at both ends of a segment: the yardstick's rates, and what
    share they were of the best that this machine was known to give then; on average,
    and between cores the slower. `at_unix_s` is the segment's end. Records of before
    handovers were read, and of a single CPU, hold none."""

    at_unix_s: Amount
    registers_bytes_per_s: Amount
    memory_bytes_per_s: Amount
    registers: Amount
    memory: Amount
    handovers_per_s: Amount | None = None
    handovers: Amount | None = None


class NoiseRecord(RecordPart):
    """The noise of successive samples of one process, measured as `noise.Noise` tells.

    They are `samples` samples from number `first_sample` on, of the process's list in
    `timing.samples_s`, or, where not `counted`, in `timing.spoiled_samples_s`. What is
    not `judged` was too short for the counters there are: neither clean nor spoiled,
    unless something else `exceeded` its limit. Records
    of before noise came by segments hold one a process, without these fields.
    """

    process: Count | None = None
    first_sample: Count | None = None
    samples: Count | None = None
    spoiled: bool | None = None
    judged: bool | None = None
    counted: bool = True
    host: HostRecord | None = None
    exceeded: list[str] = Field(default_factory=list)
    seconds: Seconds | None = None
    steal_percent: Number | None = None
    steal_worst_cpu_percent: Number | None = None
    others_cpu_percent: Number | None = None
    others_cores: Number | None = None
    waiting_percent: Number | None = None
    quota_throttled_percent: Number | None = None
    quota_throttled_s: Number | None = None
    involuntary_switches: Difference | None = None
    involuntary_switches_per_s: Number | None = None
    minor_faults: Difference | None = None
    major_faults: Difference | None = None
    throttle_events: Difference | None = None
    frequency_min_mhz: Number | None = None
    frequency_mean_mhz: Number | None = None
    frequency_max_mhz: Number | None = None
    frequency_fastest_mhz: Number | None = None
    load_1min_before: Number | None = None
    load_1min_after: Number | None = None
    unknown: dict[str, str] = Field(default_factory=dict)
