"""What a comparison takes from a record: little, so that thousands of them fit into
memory while the records with all that they hold are let go one by one."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from basics.metric_kinds import MetricKind
from harness.case import Case
from harness.hardware import Hardware
from harness.metrics import MetricKinds
from harness.record.derive import independent_samples, mean_step_of_each_cycle
from harness.record.host import readings
from harness.record.kernels import Replays
from harness.record.kinds import kinds_in
from harness.record.schema import (
    AccuracyMetric,
    Energy,
    HostRecord,
    InstancesRecord,
    Kernels,
    Memory,
    Record,
    Roofline,
    TargetReached,
    TimeToAccuracy,
    Timing,
    UsePoint,
    UtilizationRecord,
    WorkRecord,
)
from harness.report.compare.model import CurvePoint, Moment, Work
from harness.report.splits import Split, split_of
from harness.text import plain, quoted

# What a step can take: a clock counts nanoseconds, a run lasts no thirty years.
SHORTEST_S, LONGEST_S = 1e-12, 1e9
MOMENTS = 300  # of a case's timeline
MOST_WARNINGS = 100  # of a case


@dataclass(frozen=True)
class Process:
    """One process of a case, or one run of a training (its steps are epochs).

    `step_s` is the median over cycles of their mean step; `total_s` is of all `steps`:
    of several workers at once, what all of them together take for these.
    """

    step_s: float
    steps: int
    total_s: float


@dataclass(frozen=True)
class Logged:
    """Time by primitive and direction over `steps` steps, out of all that was logged;
    with the implementation that took most of it."""

    time_s: dict[tuple[str, str], float]
    implementation: dict[tuple[str, str], str]
    logged_s: float
    wall_s: float
    steps: int


@dataclass(frozen=True)
class Trained:
    """A clocked training."""

    targets: tuple[TargetReached, ...]
    curve: tuple[CurvePoint, ...]
    s_per_epoch: float | None
    seed: int


@dataclass(frozen=True)
class Figures:
    """What was measured. `latency_s` are independent samples, an array a process, None
    of a training; `cycle` is how many steps go once through all inputs; `own_file` is
    the digest of the user's file that declares the workload."""

    processes: tuple[Process, ...]
    split: Split | None
    cycle: int
    latency_s: tuple[np.ndarray, ...] | None
    work: WorkRecord
    corpus: str
    weights: str
    own_file: str | None
    claim: str | None  # whether kernels prove the precision of the name
    metrics: dict[str, AccuracyMetric]
    no_metrics: str | None
    trained: Trained | None
    energy: Energy | None
    memory: Memory | None
    roofline: Roofline | None
    logged: Logged | None
    replays: Replays | None
    timeline: tuple[Moment, ...]
    spoiled: bool
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Extract:
    """A case of a result file; `figures` is None where nothing was measured, and then
    `reason` says why."""

    work: Work
    hardware: str
    profile: str
    status: str
    reason: str
    figures: Figures | None
    host: tuple[HostRecord, ...] = ()  # what the host gave meanwhile
    metrics: MetricKinds = field(default_factory=MetricKinds)


def extract(record: Record) -> Extract:
    """Raises ValueError where a record contradicts itself; the text names the field."""
    case = _case(record)
    _check_values(record)
    work = Work(
        case.workload,
        case.model,
        case.compression,
        case.runtime,
        case.batch_size,
        case.options,
    )
    return Extract(
        work=work,
        hardware=case.hardware,
        profile=plain(record.profile),
        status=record.status,
        reason=plain(_first_line(record.reason or "")),
        figures=_figures(record, record.timing) if record.status == "ok" else None,
        host=tuple(readings(record)[:MOMENTS]),
        metrics=MetricKinds(map(_plain_kind, kinds_in([record]).values())),
    )


def _plain_kind(kind: MetricKind) -> MetricKind:
    name, title, unit = map(plain, (kind.name, kind.title, kind.unit))
    return replace(kind, name=name, title=title, unit=unit)


def _first_line(text: str) -> str:
    return next(iter(text.splitlines()), "")


def _case(record: Record) -> Case:
    Hardware.parse(record.hardware)
    case = Case(
        record.workload,
        record.model,
        record.compression,
        record.runtime,
        record.hardware,
        record.batch_size,
        tuple(record.options.items()),
    )
    stated = record.instances.count if record.instances else None
    if record.status == "ok" and stated != case.instances:
        raise ValueError(
            f"instances.count is {stated}, but the options of {quoted(record.case_id)} "
            f"say {case.instances}"
        )
    if case.id != record.case_id:
        raise ValueError(
            f"case_id is {quoted(record.case_id)}, but its parts make {quoted(case.id)}"
        )
    return case


def _check_values(record: Record) -> None:
    """A case of wrong values has failed: its times are of another computation."""
    values = record.values
    if record.status != "ok" or values is None:
        return
    error, limit = values.error, values.limit
    is_beyond = error is not None and limit is not None and error > limit
    if values.passed is False or is_beyond:
        raise ValueError(
            f"status is 'ok', but values are wrong: error {error}, limit {limit}"
        )


def _figures(record: Record, timing: Timing | None) -> Figures:
    assert timing is not None, "the schema wants a timing of what is ok"
    assert record.work is not None, "and its work"
    details = record.details
    metrics = (record.accuracy.metrics if record.accuracy else None) or {}
    return Figures(
        processes=tuple(_processes(timing, record.instances)),
        split=split_of(record),
        cycle=timing.cycle,
        latency_s=None if record.tta else _latency_s(timing),
        work=record.work,
        corpus=plain(str(details.get("corpus_checksum", "none"))),
        weights=plain(str(details.get("weights_sha256", "none"))),
        own_file=_own_file(details),
        claim=record.kernels.claim if record.kernels else None,
        metrics={plain(name): metric for name, metric in metrics.items()},
        no_metrics=_no_metrics(record),
        trained=_trained(record.tta) if record.tta else None,
        energy=record.energy,
        memory=record.memory,
        roofline=record.roofline,
        logged=_logged(record.kernels) if record.kernels else None,
        replays=record.kernels.replays if record.kernels else None,
        timeline=_timeline(record.utilization),
        spoiled=timing.spoiled,
        warnings=_warnings(record.warnings),
    )


def _own_file(details: Mapping[str, float | str]) -> str | None:
    found = details.get("workload_sha256")
    return None if found is None else plain(str(found))


def _processes(timing: Timing, several: InstancesRecord | None) -> Iterator[Process]:
    rates = several.steps_per_s if several else [None] * len(timing.samples_s)
    for samples_s, steps_per_s in zip(timing.samples_s, rates, strict=True):
        yield _process(samples_s, timing.cycle, steps_per_s)


def _process(
    samples_s: Sequence[float], cycle: int, steps_per_s: float | None
) -> Process:
    samples = np.asarray(samples_s, dtype=float)
    step_s = float(np.median(mean_step_of_each_cycle(samples, cycle)))
    total_s = float(samples.sum())
    if steps_per_s is not None:
        _check_time("instances.steps_per_s: a step", 1 / max(steps_per_s, 1e-100))
        total_s = len(samples) / steps_per_s
    _check_time("timing.samples_s: the median step", step_s)
    _check_time("timing.samples_s: the mean step", total_s / len(samples))
    return Process(step_s, len(samples), total_s)


def _check_time(what: str, seconds: float) -> None:
    if not SHORTEST_S <= seconds <= LONGEST_S:
        raise ValueError(
            f"{what} takes {seconds:g} s: expected {SHORTEST_S:g} to {LONGEST_S:g} s"
        )


def _latency_s(timing: Timing) -> tuple[np.ndarray, ...]:
    return tuple(independent_samples(s, timing.cycle) for s in timing.samples_s)


def _no_metrics(record: Record) -> str | None:
    """Why there is no accuracy."""
    if record.accuracy is None:
        return "no accuracy in the record"
    if record.accuracy.metrics:
        return None
    return plain(record.accuracy.reason or "")


def _warnings(texts: Sequence[str]) -> tuple[str, ...]:
    """The first of them, and how many more there are."""
    kept = tuple(map(plain, texts[:MOST_WARNINGS]))
    further = len(texts) - len(kept)
    return (*kept, f"{further} further warnings stand in the file") if further else kept


def _trained(tta: TimeToAccuracy) -> Trained:
    if tta.s_per_epoch is not None:
        _check_time("tta.s_per_epoch: an epoch", tta.s_per_epoch)
    curve = (
        CurvePoint(at.end_s, {plain(name): e for name, e in at.errors.items()})
        for at in tta.curve
    )
    return Trained(tuple(tta.targets), tuple(curve), tta.s_per_epoch, tta.seed)


def _logged(kernels: Kernels) -> Logged:
    """Rows hold all that was logged, unless somebody cut them: then their shares, which
    are of all of it, tell how much it was. What overlaps is in no sum."""
    if kernels.steps < 1:
        raise ValueError(f"kernels.steps is {kernels.steps}: expected 1 or more")
    time_s: dict[tuple[str, str], float] = {}
    implementation: dict[tuple[str, str], str] = {}
    rows = [row for row in kernels.rows if not row.overlaps]
    for row in sorted(rows, key=lambda row: row.time_s, reverse=True):
        key = plain(row.primitive), plain(row.direction)
        time_s[key] = time_s.get(key, 0.0) + row.time_s
        implementation.setdefault(key, plain(row.implementation))
    rows_s = sum(time_s.values())
    share = sum(row.share_percent or 0.0 for row in rows) / 100
    logged_s = rows_s / share if 0.01 < share < 1 else rows_s
    return Logged(time_s, implementation, logged_s, kernels.wall_s, kernels.steps)


def _timeline(utilization: UtilizationRecord | None) -> tuple[Moment, ...]:
    points = utilization.timeline if utilization is not None else ()
    return thinned(tuple(map(_moment, points)), MOMENTS)


def _moment(point: UsePoint) -> Moment:
    gpus = [gpu.utilization_percent for gpu in point.gpus]
    known = [percent for percent in gpus if percent is not None]
    return Moment(
        t_s=point.t_s,
        stage=sys.intern(plain(point.stage)),
        worker_cpu_percent=point.worker_cpu_percent,
        machine_cpu_percent=point.machine_cpu_percent,
        gpu_percent=tuple(known) if len(known) == len(gpus) else (),
    )


def thinned(moments: Sequence[Moment], most: int) -> tuple[Moment, ...]:
    """At most `most` moments: each the end of a run of neighbours, with their means."""
    run = max(1, -(-len(moments) // most))
    if run == 1:
        return tuple(moments)
    starts = range(0, len(moments), run)
    return tuple(_mean_moment(moments[start : start + run]) for start in starts)


def _mean_moment(run: Sequence[Moment]) -> Moment:
    return Moment(
        t_s=run[-1].t_s,
        stage=run[-1].stage,
        worker_cpu_percent=_mean([moment.worker_cpu_percent for moment in run]),
        machine_cpu_percent=_mean([moment.machine_cpu_percent for moment in run]),
        gpu_percent=_mean_of_each([m.gpu_percent for m in run if m.gpu_percent]),
    )


def _mean_of_each(rows: Sequence[tuple[float, ...]]) -> tuple[float, ...]:
    return tuple(sum(of_one) / len(of_one) for of_one in zip(*rows, strict=False))


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
