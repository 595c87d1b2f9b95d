"""The record of one case: one schema, validated on write and on read.

Units stand in names. Percentiles, throughput and RTFx are derived from the raw samples
when a record is made, and the samples stay beside them. Its parts stand in modules of
their own; this one gives them all.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from harness.record.accuracy import AccuracyMetric, AccuracyRecord, TranscriptRecord
from harness.record.fields import (
    MOST_EPOCHS,
    MOST_METRICS,
    MOST_TARGETS,
    Amount,
    Bytes,
    Count,
    Number,
    Percent,
    RecordPart,
    Seconds,
)
from harness.record.instances import InstanceRecord, InstancesRecord
from harness.record.kernels import Kernel, Kernels, Roofline
from harness.record.sensors import (
    MOST_GPUS,
    Energy,
    GpuUse,
    HostRecord,
    Memory,
    NoiseRecord,
    PoolRecord,
    Threads,
    UsePoint,
    UtilizationRecord,
    VariablesRecord,
)
from harness.record.timing import (
    Bound,
    CurveMetric,
    CurvePoint,
    DriftRecord,
    Latency,
    TargetReached,
    TimeToAccuracy,
    Timing,
)

__all__ = [
    "MOST_EPOCHS",
    "MOST_GPUS",
    "MOST_METRICS",
    "MOST_TARGETS",
    "READABLE",
    "SCHEMA_VERSION",
    "AccuracyMetric",
    "AccuracyRecord",
    "Bound",
    "Count",
    "CurveMetric",
    "CurvePoint",
    "DriftRecord",
    "Energy",
    "GpuUse",
    "HostRecord",
    "InstanceRecord",
    "InstancesRecord",
    "Kernel",
    "Kernels",
    "Latency",
    "Memory",
    "NoiseRecord",
    "Number",
    "Percent",
    "PoolRecord",
    "Record",
    "Roofline",
    "Seconds",
    "TargetReached",
    "Threads",
    "TimeToAccuracy",
    "Timing",
    "TranscriptRecord",
    "UsePoint",
    "UtilizationRecord",
    "ValuesRecord",
    "VariablesRecord",
    "WorkRecord",
]

SCHEMA_VERSION = 2
READABLE = (1, 2)  # what is new in 2 is absent from records of 1


class WorkRecord(RecordPart):
    items_per_step: Amount
    audio_s_per_step: Amount
    parameters: Count | None
    macs_per_step: Amount | None
    model_bytes: Bytes | None


class ValuesRecord(RecordPart):
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


class Record(RecordPart):
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
    code_digest: str | None = None  # of the code that the worker had loaded
    work: WorkRecord | None = None
    timing: Timing | None = None
    instances: InstancesRecord | None = None  # of a case of several at once
    tta: TimeToAccuracy | None = None
    accuracy: AccuracyRecord | None = None
    utilization: UtilizationRecord | None = None
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
        if self.instances is not None and self.timing is not None:
            stated, expected = len(self.instances.steps_per_s), self.timing.processes
            if stated != expected:
                raise ValueError(
                    f"instances tells of {stated} processes, and timing of {expected}: "
                    "expected as many"
                )
        return self
