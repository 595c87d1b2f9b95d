"""What workers measured, as it comes through their pipes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from basics.metric_kinds import MetricKind
from harness.measure.steady import WarmUp
from harness.measure.time_to_accuracy import Run
from harness.metrics import Better
from harness.observe.claims import Judged
from harness.observe.threads import Pool
from harness.record.kernels import Replays
from harness.record.schema import AccuracyRecord, Memory, ValuesRecord
from harness.workload import Accuracy, Work


@dataclass(frozen=True)
class ThreadCounts:
    """How many threads a case's hardware asks for, how many CPUs its worker may use,
    and the CPU time per time that its container gives; None: as much as there is."""

    asked: int
    allowed: int
    quota_cores: float | None


@dataclass(frozen=True, kw_only=True)
class CaseResult:
    """What both kinds of cases tell. `accuracy`, `kernels`, `replays`, `values` and
    `pools` are of the first process alone: further ones time the same weights again.
    """

    work: Work
    samples_s: list[float]
    cycle: int
    memory: Memory
    accuracy: AccuracyRecord | None = None
    kernels: Judged | None = None
    replays: Replays | None = None
    values: ValuesRecord | None = None
    pools: tuple[Pool, ...] = ()
    threads: ThreadCounts | None = None
    details: Mapping[str, float | str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class OperationResult(CaseResult):
    """An operation was timed step by step, as `steady.Drawn` tells."""

    warm_up: WarmUp
    spoiled_samples_s: list[float]
    spoiled: bool
    extra_s: float
    untimed_steps: int


@dataclass(frozen=True)
class InstanceResult:
    """What one of several workers did in the windows that count: steps of `samples_s`,
    which took `span_s` from the first one's begin to the last one's end, window by
    window. `node` is where its memory is, None where the kernel tells of no nodes."""

    number: int
    cpus: tuple[int, ...]
    node: int | None
    samples_s: list[float]
    span_s: float
    memory: Memory

    @property
    def steps_per_s(self) -> float:
        return len(self.samples_s) / self.span_s


@dataclass(frozen=True, kw_only=True)
class InstancesResult(OperationResult):
    """Several workers ran at once for `window_s`. `samples_s` are of all, one after the
    other in each window, and memory is their sum; accuracy, kernels, values and pools
    are the first one's."""

    instances: tuple[InstanceResult, ...]
    window_s: float

    @property
    def steps_per_s(self) -> float:
        """Of all together."""
        return sum(one.steps_per_s for one in self.instances)


@dataclass(frozen=True, kw_only=True)
class TrainingResult(CaseResult):
    """A training was clocked; its samples are the seconds that epochs trained."""

    run: Run
    metrics: tuple[MetricKind, ...] = ()  # of the curve
    prepare_s: float
    seed: int


@dataclass(frozen=True, kw_only=True)
class StateResult:
    """Where a worker that serves turns loaded its suite from."""

    suite: str | None = None


@dataclass(frozen=True)
class StateMetric:
    """A metric of one state of a comparison. Suites of before metrics had a direction
    tell none: lower is better."""

    value: float
    n: int
    interval: tuple[float, float]
    gate: float | None = None
    passed: bool | None = None
    better: Better = "lower"
    unit: str | None = None
    title: str | None = None


@dataclass(frozen=True)
class StateAccuracy:
    """Metrics by name; `per_item` has what each item added to a metric's numerator and
    denominator, so that two states can be paired by it."""

    metrics: Mapping[str, StateMetric] | None = None
    per_item: Mapping[str, list[tuple[float, float]]] = field(default_factory=dict)
    reason: str | None = None

    @classmethod
    def of(cls, accuracy: Accuracy) -> StateAccuracy:
        metrics = {
            name: StateMetric(
                value=one.value,
                n=one.n,
                interval=one.interval,
                gate=one.gate,
                passed=one.passed,
                better=one.better,
                unit=one.unit,
                title=one.title,
            )
            for name, one in accuracy.metrics.items()
        }
        items = {n: list(m.per_item) for n, m in accuracy.metrics.items() if m.per_item}
        return cls(metrics or None, items, accuracy.reason)


@dataclass(frozen=True, kw_only=True)
class TurnsResult(StateResult):
    """One state of a comparison, timed in turns. The first suites with comparisons tell
    less."""

    work: Work
    cycle: int
    details: Mapping[str, float | str] = field(default_factory=dict)
    accuracy: StateAccuracy | None = None
    peak_rss_bytes: int | None = None
    peak_device_bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class ToolResult(StateResult):
    """A runtime's own tool has timed the case in turns."""

    tool: str
