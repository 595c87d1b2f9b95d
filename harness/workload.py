"""What a benchmark file hands to the harness, and what the harness hands back to it.

A benchmark file declares a `Workload`: its cases per profile and a `build` function.
The worker process calls `build(context)`, which returns an `Operation` (a step that is
timed again and again) or a `Training` (a run that is clocked until it is accurate).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

from basics.metric_kinds import MetricKind
from harness.case import Case
from harness.hardware import Hardware
from harness.metrics import Better, EditUnit, as_loss, check_better
from harness.observe.kernels import Profiled
from harness.profile import Profile

Progress = Callable[[str, int, int], None]  # what, done, total


class UnsupportedError(Exception):
    """Raised by a build function: this case cannot run here. It is skipped, and the
    text is the reason."""


@dataclass(frozen=True)
class Context:
    """What a build function may know: its case, limits, folders and devices."""

    case: Case
    profile: Profile
    hardware: Hardware
    seed: int
    scratch_dir: Path  # this case's own (checkpoints); survives a killed run
    data_root: Path | None  # the user's corpus on disk, if any
    progress: Progress

    def __post_init__(self) -> None:
        """A single worker that ignored the option would pass off its own time as that
        of several."""
        if self.case.instances is not None:
            raise UnsupportedError(
                "several instances at once are measured by `pytest --benchmark-only`, "
                "and here one worker runs: leave the option instances out"
            )


@dataclass(frozen=True)
class Work:
    """What one step does. Padding is cost, never work: `audio_s` is true speech."""

    items: float
    audio_s: float
    parameters: int | None = None
    macs: float | None = None
    model_bytes: int | None = None


@dataclass(frozen=True)
class Metric:
    """One accuracy figure of the very weights that are timed, on held-out data.

    `difference` is compressed minus baseline over the same utterances, with its 95 %
    interval. `gate` is the largest loss that passes, in the metric's own units: so far
    may it rise where lower is `better`, and fall where higher is. `fault` says why it
    fails whatever its value. ValueError for any other direction.

    `per_item` has a pair for each item, in the data's order, what it adds to the
    metric's numerator and to its denominator: two states are compared item by item. It
    stands in no record. `unit`, `title` and `edits_per_item` are those of its
    `MetricKind`: see `Metric.of`.
    """

    value: float
    n: int
    interval: tuple[float, float]
    baseline_case: str | None = None
    difference: float | None = None
    difference_interval: tuple[float, float] | None = None
    gate: float | None = None
    better: Better = "lower"
    per_item: Sequence[tuple[float, float]] = ()
    fault: str | None = None
    unit: str | None = None
    title: str | None = None
    edits_per_item: bool | None = None

    def __post_init__(self) -> None:
        check_better(self.better)

    @classmethod
    def of(
        cls,
        kind: MetricKind,
        value: float,
        n: int,
        interval: tuple[float, float],
        **more: Any,
    ) -> Metric:
        """A metric that says of itself what its kind does; `more` are other fields."""
        return cls(
            value,
            n,
            interval,
            better=kind.better,
            unit=kind.unit,
            title=kind.title,
            edits_per_item=kind.edits_per_item,
            **more,
        )

    @property
    def passed(self) -> bool | None:
        if self.fault:
            return False
        if self.gate is None or self.difference is None:
            return None
        return as_loss(self.difference, self.better) <= self.gate


@dataclass(frozen=True)
class Transcript:
    """A reference and its hypothesis, with the edits between; `rank` says where it
    stands among all: "best", "middle" or "worst"."""

    rank: str
    reference: str
    hypothesis: str
    edits: int


@dataclass(frozen=True)
class Accuracy:
    """Metrics by name, or none and the reason.

    `edits_by_length` has a pair for each utterance, its reference's length and its
    edits, counted in the `edit_unit`; `transcripts` are some to look at.
    """

    metrics: Mapping[str, Metric]
    reason: str | None = None
    edits_by_length: Sequence[tuple[int, int]] = ()
    transcripts: Sequence[Transcript] = ()
    edit_unit: EditUnit = "character"


@dataclass(frozen=True)
class Tool:
    """A runtime's own way to time the same steps: its tool, or its plainest loop.

    `time_s` runs it for so many seconds, `shortest_s` at least, and tells those of a
    step, as a cycle takes them in the mean, in the median over cycles.
    """

    name: str
    time_s: Callable[[float], float]
    shortest_s: float = 0.0


@dataclass(frozen=True)
class Values:
    """Outputs on the timed inputs against the same weights in fp32 on a plain path.

    `error` is the largest of `outputs` relative errors, infinite where one is no
    number; None where nothing was compared, for `reason`. `against` says what they were
    compared with. Beyond the `limit`, `layer` is the first that departs, and `kernel`
    what computed it, each where it is known.
    """

    error: float | None
    limit: float | None = None
    outputs: int = 0
    against: str | None = None
    layer: str | None = None
    kernel: str | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        compared = self.error is not None
        if compared != (self.limit is not None and self.against is not None):
            raise ValueError(
                "values need an error, its limit and what against, or none"
            )
        if not compared and not self.reason:
            raise ValueError("values that were not compared must say why")

    @property
    def passed(self) -> bool | None:
        if self.error is None or self.limit is None:
            return None
        return self.error <= self.limit


def nothing_to_compare() -> Values:
    return Values(None, reason="this workload states nothing to compare values with")


@dataclass(frozen=True)
class Operation:
    """A step to time.

    `cycle` steps go once through all inputs: warm-up windows and samples are taken in
    whole cycles, so that every input counts alike and `work` is the mean per step.
    `details` are the workload's own facts for the record (padding, readers, ...).

    `profile` runs that many steps with the runtime's own profiler on; without it, the
    kernels are those that torch's oneDNN logs. `float_layers` is how many compute
    calls a step makes in float on purpose, under a compression that claims otherwise.
    `tool` makes what times the same step without this suite, where there is such.

    `values` compares what the step computes with a plain path; it is asked for when
    peak memory was read, before accuracy.

    `accuracy_from` states of weights and data all that the accuracy depends on, by
    digests: with it, an accuracy may be kept for later runs; None where it may not.
    """

    step: Callable[[], object]
    work: Work
    accuracy: Callable[[], Accuracy]
    cycle: int = 1
    details: Mapping[str, float | str] | None = None
    close: Callable[[], None] = lambda: None
    profile: Callable[[int], Profiled] | None = None
    float_layers: int = 0
    tool: Callable[[], Tool] | None = None
    values: Callable[[], Values] = nothing_to_compare
    accuracy_from: Mapping[str, str] | None = None


class TrainingEvent(Protocol):
    """What a training generator yields; the harness stamps the time of each.

    kind "state": the named state begins; "step": an optimizer step ended; "epoch": an
    epoch and its evaluation ended, with `values`, that of each metric in
    validation, whichever way it is better;
    "resumed", first of all where there is one: it goes on from a checkpoint, and
    `notes` are what the harness gave it to keep there.
    """

    @property
    def kind(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def epoch(self) -> int: ...
    @property
    def loss(self) -> float | None: ...
    @property
    def validation_loss(self) -> float | None: ...
    @property
    def values(self) -> Mapping[str, float] | None: ...
    @property
    def notes(self) -> Mapping[str, Any] | None: ...


@dataclass(frozen=True)
class Target:
    """A level of a metric to be reached: 0.1 of an error rate means 10 %. It is reached
    from above where lower is `better`, from below where higher is; ValueError for any
    other direction."""

    metric: str
    level: float
    better: Better = "lower"
    unit: str | None = None
    title: str | None = None

    def __post_init__(self) -> None:
        check_better(self.better)

    @classmethod
    def of(cls, kind: MetricKind, level: float) -> Target:
        """A target that says of its metric what the metric's kind does."""
        return cls(kind.name, level, kind.better, kind.unit, kind.title)


@dataclass(frozen=True)
class Training:
    """A training to clock until it is accurate.

    `events` creates the model when first advanced: the clock starts there. `step` is
    one representative optimizer step, for the kernel profile alone. `accuracy` is asked
    for after training, of its last whole epoch; `values` before, of a first step's loss
    and gradients. `metrics` are the kinds of what its events give values of.

    With `most_epochs` it ends after so many, however long they take: it comes as far on
    a slow machine as on a fast one. Without, the profile's seconds bound it.
    """

    events: Callable[[Callable[[], dict[str, Any]]], Iterator[TrainingEvent]]
    targets: tuple[Target, ...]
    work_per_epoch: Work
    accuracy: Callable[[], Accuracy]
    step: Callable[[], object]
    prepare_s: float = 0.0
    details: Mapping[str, float | str] | None = None
    close: Callable[[], None] = lambda: None
    values: Callable[[], Values] = nothing_to_compare
    metrics: tuple[MetricKind, ...] = ()
    most_epochs: int | None = None

    def __post_init__(self) -> None:
        if self.most_epochs is not None and self.most_epochs < 1:
            raise ValueError(f"most_epochs {self.most_epochs}: give 1 or more, or None")


@dataclass(frozen=True)
class Point:
    """One declared case: every axis but the hardware, which the user chooses.

    `claims` is the arithmetic that its kernels have to show.
    """

    model: str
    compression: str
    runtime: str
    batch_size: int
    expected_s: float  # on two cores, the worker's whole life
    options: tuple[tuple[str, str], ...] = ()
    claims: str = "fp32"


@dataclass(frozen=True)
class Published:
    """A training's time to accuracy that a paper gives for a machine, to stand
    beside measured ones and never as one. `tta_s` None: it was not reached."""

    machine: str
    model: str
    compression: str
    batch_size: int
    setting: str  # as a reader tells it from the paper's others: "batch 96"
    target: Target
    tta_s: float | None
    source: str


@dataclass(frozen=True)
class Workload:
    """A named set of cases, and how to build one. `tells_errors`: False where nothing
    that is timed has an accuracy, such as feeding alone. `beside` are the cases that
    are held beside their runtime's own tool: their operations have one.

    `make` makes what a case takes and keeps it (corpora, models, what values and gates
    are compared with), so that its worker finds it; it is called before the first case
    is measured, in a process of its own, with `cpu` for the case's hardware, and must
    find again what it made before. It takes `make_s` of a core in the mean over cases,
    where nothing was made yet, on the machine that `expected_s` are of.
    """

    name: str
    stage: str  # "train" or "infer"
    description: str
    build: Callable[[Context], Operation | Training]
    points: Mapping[str, tuple[Point, ...]]  # per profile
    tells_errors: bool = True
    published: tuple[Published, ...] = ()
    beside: tuple[Point, ...] = ()
    make: Callable[[Context], None] | None = None
    make_s: float = 0.0

    def cases(self, profile: str, hardware: str) -> dict[Case, float]:
        """This workload's cases in a profile, on one piece of hardware, with the
        seconds that each is expected to take."""
        points = self.points.get(profile, ())
        return {self.case(point, hardware): point.expected_s for point in points}

    def claims_of(self, case: Case) -> str:
        """The arithmetic that a case's kernels have to show, fp32 where no point of
        this workload says otherwise."""
        declared = chain(*self.points.values(), self.beside)
        return next(
            (
                point.claims
                for point in declared
                if self.case(point, case.hardware) == case
            ),
            "fp32",
        )

    def case(self, point: Point, hardware: str) -> Case:
        return Case(
            self.name,
            point.model,
            point.compression,
            point.runtime,
            hardware,
            point.batch_size,
            point.options,
        )
