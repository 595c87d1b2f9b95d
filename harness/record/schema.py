"""The record of one case: one schema, validated on write and on read.

Units stand in names. Percentiles, throughput and RTFx are derived from the raw samples
when a record is made, and the samples stay beside them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, FailFast, Field, model_validator

from harness.metrics import Better, EditUnit
from harness.observe.kernels import ONEDNN_LOG

SCHEMA_VERSION = 2
READABLE = (1, 2)  # what is new in 2 is absent from records of 1

LARGEST = 1e100  # beyond all that is measured: products of such numbers stay finite
# More than any workload has: a page that shows them all must stay one.
MOST_METRICS, MOST_TARGETS, MOST_EPOCHS = 50, 50, 10_000

Seconds = Annotated[float, Field(ge=0, le=LARGEST, allow_inf_nan=False)]
Amount = Annotated[float, Field(ge=0, le=LARGEST, allow_inf_nan=False)]
Number = Annotated[float, Field(ge=-LARGEST, le=LARGEST, allow_inf_nan=False)]
Percent = Annotated[float, Field(ge=0, le=LARGEST, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, lt=2**63)]  # fits a machine's word, and a float
Bytes = Count
# Of a counter that may be set back, as where a thread or a processor goes.
Difference = Annotated[int, Field(ge=-(2**63), lt=2**63)]
# A list of millions with one fault in each is refused at the first.
Samples = Annotated[list[Seconds], FailFast()]


class Part(BaseModel):
    """Immutable, and closed to fields that the schema does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Bound(Part):
    """A percentile with its 99 % upper bound, or null and the samples or processes that
    it would take. Records of before bounds were of the next process, too, tell of no
    processes."""

    value: Amount | None
    upper_bound: Amount | None
    n: Count
    needed: Count
    processes: Count = 1
    processes_needed: Count = 1


class Latency(Part):
    p50: Bound
    p90: Bound
    p99: Bound
    p99_9: Bound


class DriftRecord(Part):
    """What one process's samples do over time, as `drift.Drift` tells."""

    samples: Count
    trend_percent: Number | None = None
    range_percent: Percent | None = None
    modes_percent: Percent | None = None
    found: list[str] = Field(default_factory=list)


class Timing(Part):
    """`samples_s` holds every sample, a list per process. A sample is one step; of a
    training it is the time in the state "train" of one epoch.

    `cycle` successive steps go once through all inputs, which differ in length:
    `median_s` is the median over cycles of the mean step, averaged over processes, with
    an interval that is null of a single process.

    `spoiled_samples_s` were disturbed and drawn again: kept here, a list per process,
    and in no figure. `steady`: the warm-up ended so, and no process's samples drift.
    `spoiled`: drawing again did not help, so that `samples_s` holds
    disturbed ones; `Record.noise` tells which.
    """

    samples_s: list[Samples]
    spoiled_samples_s: list[Samples] = Field(default_factory=list)
    spoiled: bool = False
    warmup_s: Seconds | None
    steady: bool | None
    drift: list[DriftRecord] = Field(default_factory=list)
    mean_change_percent: Percent | None
    processes: Count
    cycle: Annotated[int, Field(ge=1, lt=2**63)]
    median_s: Seconds
    median_interval_s: tuple[Seconds, Seconds] | None
    latency_ms: Latency | None
    throughput_items_per_s: Amount
    rtfx: Amount
    stage_s: dict[str, Seconds]

    @model_validator(mode="after")
    def _every_process_has_a_cycle(self) -> Timing:
        shortest = min(map(len, self.samples_s), default=0)
        if len(self.samples_s) != self.processes or shortest < self.cycle:
            raise ValueError(
                f"samples_s has {len(self.samples_s)} lists, the shortest of "
                f"{shortest} samples: expected a list for each of {self.processes} "
                f"processes, with at least one cycle of {self.cycle} samples"
            )
        return self


class TargetReached(Part):
    """Records of before metrics had a direction hold none: lower is better."""

    metric: str
    level: Number
    reached: bool
    tta_s: Seconds | None
    epochs_to_target: Count | None
    better: Better = "lower"

    @model_validator(mode="after")
    def _a_miss_has_no_number(self) -> TargetReached:
        if {self.tta_s is None, self.epochs_to_target is None} != {not self.reached}:
            raise ValueError(
                "tta_s and epochs_to_target must be numbers exactly when the level is "
                "reached"
            )
        return self


class CurvePoint(Part):
    epoch: Count
    end_s: Seconds
    train_s: Seconds
    loss: Number | None
    validation_loss: Number | None
    errors: Annotated[dict[str, Number], Field(max_length=MOST_METRICS)]


class TimeToAccuracy(Part):
    window_epochs: Count
    targets: Annotated[list[TargetReached], Field(max_length=MOST_TARGETS)]
    s_per_epoch: Seconds | None
    prepare_s: Seconds
    total_s: Seconds
    state_share_percent: dict[str, Percent]
    states: list[tuple[Seconds, str]]
    step_s: Samples
    curve: Annotated[list[CurvePoint], Field(max_length=MOST_EPOCHS)]
    seed: Count
    resumed: Count


class AccuracyMetric(Part):
    """`gate` is the largest loss that passes: a rise of the difference where lower is
    `better`, a fall where higher is. Records of before metrics had a direction hold
    none: lower is better. `fault` says why the metric fails whatever its value."""

    value: Number
    n: Count
    interval: tuple[Number, Number]
    baseline_case: str | None = None
    difference: Number | None = None
    difference_interval: tuple[Number, Number] | None = None
    gate: Number | None = None
    passed: bool | None = None
    better: Better = "lower"
    fault: str | None = None


class TranscriptRecord(Part):
    rank: Literal["best", "middle", "worst"]
    reference: str
    hypothesis: str
    edits: Count


class AccuracyRecord(Part):
    """`edits_by_length`: for each utterance its reference's length and its edits, in
    the `edit_unit`; records of before it was told count characters, of phonemes too."""

    metrics: Annotated[dict[str, AccuracyMetric], Field(max_length=MOST_METRICS)] | None
    reason: str | None
    edits_by_length: list[tuple[Count, Count]] = Field(default_factory=list)
    transcripts: list[TranscriptRecord] = Field(default_factory=list)
    edit_unit: EditUnit = "character"

    @model_validator(mode="after")
    def _none_has_a_reason(self) -> AccuracyRecord:
        if not self.metrics and not self.reason:
            raise ValueError("accuracy without metrics must say why")
        return self


class WorkRecord(Part):
    items_per_step: Amount
    audio_s_per_step: Amount
    parameters: Count | None
    macs_per_step: Amount | None
    model_bytes: Bytes | None


class Energy(Part):
    joules: Amount | None
    joules_per_audio_hour: Amount | None
    source: Literal["rapl", "nvml", "rapl+nvml", "none"]
    reason: str | None
    idle_watts: Amount | None


class Memory(Part):
    peak_rss_bytes: Bytes | None
    peak_device_bytes: Bytes | None


class Kernel(Part):
    primitive: str
    direction: str
    implementation: str
    dtypes: str
    calls: Count
    time_s: Seconds
    share_percent: Percent


class Kernels(Part):
    """The kernels of `steps` steps, as `source` told them. `float_layers` of a step run
    in float on purpose, whatever the compression's name claims, and take
    `float_percent` of the compute kernels' time. `claim`: whether the precision of the
    case's name is proven, as `claims.judge` tells; None in earlier records, which took
    a single kernel for a proof."""

    source: str = ONEDNN_LOG
    rows: list[Kernel]
    steps: Count
    wall_s: Seconds
    coverage_percent: Percent | None
    claim_share_percent: Percent | None
    unparsed_lines: Count
    float_layers: Count = 0
    float_percent: Percent | None = None
    covered_percent: Percent | None = None
    claim: Literal["proven", "unproven", "refuted"] | None = None


class ValuesRecord(Part):
    """What a case computed against the same weights in fp32 on a plain path, as
    `workload.Values` tells. A failed comparison without an error held no numbers."""

    error: Amount | None
    limit: Amount | None
    outputs: Count = 0
    against: str | None = None
    passed: bool | None
    layer: str | None = None
    kernel: str | None = None
    reason: str | None = None


class Roofline(Part):
    precision: str
    peak_flops_per_s: Amount | None
    peak_bytes_per_s: Amount | None
    achieved_flops_per_s: Amount | None
    fraction_of_peak: Amount | None
    reason: str | None = None
    operation: str | None = None  # and library, that set the peak
    doubt: str | None = None  # of the peak: what disturbed it


class PoolRecord(Part):
    """A thread pool of `threads` threads: its library's file, the package it is of."""

    api: str
    library: str
    package: str | None
    threads: Count


class Threads(Part):
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


class VariablesRecord(Part):
    """The worker's environment, as `environment.Variables` tells it."""

    set: dict[str, str]
    passed: dict[str, str]
    told: dict[str, str]
    inherited: list[str]
    dropped: list[str]


class HostRecord(Part):
    """What the host gave at both ends of a segment, on average: the yardstick's rates,
    and what share they were of the best that this machine was known to give then.
    `at_unix_s` is the segment's end."""

    at_unix_s: Amount
    registers_bytes_per_s: Amount
    memory_bytes_per_s: Amount
    registers: Amount
    memory: Amount


class NoiseRecord(Part):
    """The noise of successive samples of one process, measured as `noise.Noise` tells.

    They are `samples` samples from number `first_sample` on, of the process's list in
    `timing.samples_s`, or, where not `counted`, in `timing.spoiled_samples_s`. What is
    not `judged` was too short for the counters there are: neither clean nor spoiled,
    unless something else `exceeded` its limit. Records
    of before noise was told by segments hold one a process, without these fields.
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


class Record(Part):
    """Everything known of one case."""

    schema_version: Literal[1, 2] = 2
    case_id: str
    workload: str
    model: str
    compression: str
    runtime: str
    hardware: str
    batch_size: Count
    options: dict[str, str]
    profile: str
    stage: Literal["train", "infer"]
    status: Literal["ok", "failed", "skipped"]
    reason: str | None = None
    warnings: list[str] = Field(default_factory=list)
    code_digest: str | None = None  # of the code that the worker told it had loaded
    work: WorkRecord | None = None
    timing: Timing | None = None
    tta: TimeToAccuracy | None = None
    accuracy: AccuracyRecord | None = None
    utilization: dict[str, Any] | None = None
    energy: Energy | None = None
    memory: Memory | None = None
    kernels: Kernels | None = None
    values: ValuesRecord | None = None
    roofline: Roofline | None = None
    noise: list[NoiseRecord] = Field(default_factory=list)
    threads: Threads | None = None
    variables: VariablesRecord | None = None
    details: dict[str, Number | str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _status_fits(self) -> Record:
        if self.status == "ok" and (self.timing is None or self.work is None):
            raise ValueError("a record with status ok needs timing and work")
        if self.status != "ok" and not self.reason:
            raise ValueError(f"a {self.status} record needs a reason")
        return self
