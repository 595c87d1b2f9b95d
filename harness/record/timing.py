"""Times in a record: of steps, and of a training until it was accurate."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from harness.metrics import Better
from harness.record.fields import (
    MOST_EPOCHS,
    MOST_METRICS,
    MOST_TARGETS,
    Amount,
    Count,
    Number,
    Percent,
    RecordPart,
    Samples,
    Seconds,
)


class Bound(RecordPart):
    """A percentile with its 99 % upper bound, or null and the samples or processes that
    it would take. Records of before bounds were of the next process, too, tell of no
    processes."""

    value: Amount | None
    upper_bound: Amount | None
    n: Count
    needed: Count
    processes: Count = 1
    processes_needed: Count = 1


class Latency(RecordPart):
    p50: Bound
    p90: Bound
    p99: Bound
    p99_9: Bound


class DriftRecord(RecordPart):
    """What one process's samples do over time, as `drift.Drift` tells."""

    samples: Count
    trend_percent: Number | None = None
    range_percent: Percent | None = None
    modes_percent: Percent | None = None
    found: list[str] = Field(default_factory=list)


class Timing(RecordPart):
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


class TargetReached(RecordPart):
    """Records of before metrics had a direction hold none: lower is better; those of
    before they had a unit are read by the name."""

    metric: str
    level: Number
    reached: bool
    tta_s: Seconds | None
    epochs_to_target: Count | None
    better: Better = "lower"
    unit: str | None = None
    title: str | None = None

    @model_validator(mode="after")
    def _a_miss_has_no_number(self) -> TargetReached:
        if {self.tta_s is None, self.epochs_to_target is None} != {not self.reached}:
            raise ValueError(
                "tta_s and epochs_to_target must be numbers exactly when the level is "
                "reached"
            )
        return self


class CurveMetric(RecordPart):
    """What a metric of the curve says of itself."""

    better: Better
    unit: str
    title: str


class CurvePoint(RecordPart):
    epoch: Count
    end_s: Seconds
    train_s: Seconds
    loss: Number | None
    validation_loss: Number | None
    errors: Annotated[dict[str, Number], Field(max_length=MOST_METRICS)]


class TimeToAccuracy(RecordPart):
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
    metrics: Annotated[dict[str, CurveMetric], Field(max_length=MOST_METRICS)] = Field(
        default_factory=dict
    )
