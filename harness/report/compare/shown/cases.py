"""The table of cases: one row for a work on a candidate, one column for a figure.

The same columns serve trainings and operations, those that pass their gate and those
that fail it; columns in which nothing is known are left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from basics.metric_kinds import MetricKind
from harness.metrics import MetricKinds, as_loss, level_text
from harness.report.compare.model import (
    Comparison,
    Error,
    Estimate,
    Measured,
    NotMeasured,
    Row,
    TargetTime,
)
from harness.report.compare.shown.columns import (
    candidate_column,
    estimate_columns,
    interval_column,
    work_columns,
)
from harness.report.tables.table import (
    Column,
    Table,
    number_column,
    text_column,
    whole_column,
    without_empty,
)
from harness.statistics import PercentileBound
from harness.text import counted

METRICS_SHOWN = 2  # further ones are in the CSV
LATENCIES = {"p50": "p50", "p90": "p90", "p99": "p99", "p99_9": "p99.9"}
HIDDEN_LATENCIES = ("p99_9",)  # few cases have samples enough
REASONS_SHOWN = 3
PASSES = "✓"
MS, MIB, MB = 1e3, 2.0**-20, 1e-6


@dataclass(frozen=True)
class Case:
    """A work as one candidate did it."""

    row: Row
    candidate: str
    measured: Measured


def cases(comparison: Comparison) -> Iterator[Case]:
    """Everything measured: by work, then in the candidates' order."""
    labels = [candidate.label for candidate in comparison.candidates]
    for row in comparison.rows:
        for label in labels:
            cell = row.cells.get(label)
            if isinstance(cell, Measured):
                yield Case(row, label, cell)


def without_result(comparison: Comparison) -> int:
    """How many cases failed, were skipped, or are in no file."""
    return sum(
        isinstance(cell, NotMeasured)
        for row in comparison.rows
        for cell in row.cells.values()
    )


def is_verdict(case: Case) -> bool:
    """Neither refused nor beyond its gate."""
    return case.row.same and case.measured.gate_passed is not False


def case_table(
    id: str,
    caption: str,
    found: Sequence[Case],
    kinds: MetricKinds,
    baseline: str | None = None,
    short: bool = False,
) -> Table:
    """`kinds` are those of the metrics. `baseline` None: no ratios (a single candidate,
    or cases without a verdict); `short`: of a single workload, which its caption
    names."""
    columns = (
        *work_columns([case.row.work for case in found], short),
        candidate_column(case.candidate for case in found),
        text_column("split", map(_split, found)),
        *_time_columns(found, baseline),
        *_target_columns(found, kinds),
        *_rate_columns(found),
        *_latency_columns(found),
        *_error_columns(found, kinds),
        *_resource_columns(found),
        text_column("beyond limits", (c.measured.beyond_limits for c in found)),
        text_column("remarks", map(_remarks, found)),
    )
    return Table(id, caption, without_empty(columns), tuple(_notes(found)))


def _split(case: Case) -> str | None:
    """Workers x threads, where they are several: each candidate has its own threads."""
    return str(case.measured.split) if case.row.work.instances else None


def _time_columns(found: Sequence[Case], baseline: str | None) -> list[Column]:
    step = [None if c.measured.training else c.measured.step_s for c in found]
    epoch = [
        None if c.measured.training is None else c.measured.training.s_per_epoch
        for c in found
    ]
    columns = [
        *estimate_columns("step", step, MS, unit="ms"),
        *estimate_columns("epoch", epoch, unit="s"),
    ]
    if baseline is None:
        steps = interval_column("95 % of step", step, MS, unit="ms")
        return [*columns, steps, interval_column("95 % of epoch", epoch, unit="s")]
    ratio = [case.measured.time_ratio for case in found]
    return [
        *columns,
        *estimate_columns("time ratio", ratio, unit=f"to {baseline}"),
        interval_column("95 % interval", ratio),
    ]


def _target_columns(found: Sequence[Case], kinds: MetricKinds) -> Iterator[Column]:
    """Seconds to each target, its metrics in order, from the easiest level on."""
    targets = [_targets(case) for case in found]
    known = {key: target for of_case in targets for key, target in of_case.items()}
    for metric in kinds.in_order(metric for metric, _ in known):
        of_metric = [target for target in known.values() if target.metric == metric]
        for target in sorted(of_metric, key=_loss, reverse=True):
            reached = [of_case.get((metric, target.level)) for of_case in targets]
            title = level_text(kinds[metric], target.level)
            yield from _target_column(title, reached)


def _loss(target: TargetTime) -> float:
    return as_loss(target.level, target.better)


def _targets(case: Case) -> dict[tuple[str, float], TargetTime]:
    training = case.measured.training
    return {(t.metric, t.level): t for t in training.targets} if training else {}


def _target_column(title: str, found: Sequence[TargetTime | None]) -> Iterator[Column]:
    times = [None if target is None else target.tta_s for target in found]
    value, low, high = estimate_columns(f"to {title}", times, unit="s")
    texts = zip(value.texts, found, strict=True)
    yield Column(
        value.title,
        tuple(_missed(target) or text for text, target in texts),
        value.values,
        "s",
    )
    yield from (low, high)
    epochs = [target.epochs if target else None for target in found]
    yield number_column(f"epochs to {title}", epochs, hidden=True)


def _missed(target: TargetTime | None) -> str:
    if target is None or target.tta_s is not None:
        return ""
    return f"reached by {target.reached} of {target.runs}"


def _rate_columns(found: Sequence[Case]) -> tuple[Column, ...]:
    rtfx = [case.measured.rtfx for case in found]
    items = [case.measured.throughput_items_per_s for case in found]
    has_audio = any(estimate.value for estimate in rtfx)
    return (
        *(estimate_columns("RTFx", rtfx) if has_audio else ()),
        *estimate_columns("items", items, unit="1/s", hidden=has_audio),
    )


def _latency_columns(found: Sequence[Case]) -> Iterator[Column]:
    for key, title in LATENCIES.items():
        bounds = [case.measured.latency_ms.get(key) for case in found]
        values = [None if bound is None else bound.value for bound in bounds]
        upper = [None if bound is None else bound.upper_bound for bound in bounds]
        yield number_column(title, values, unit="ms", hidden=key in HIDDEN_LATENCIES)
        yield number_column(f"{title} at most", upper, unit="ms", hidden=True)


def _error_columns(found: Sequence[Case], kinds: MetricKinds) -> Iterator[Column]:
    for place, metric in enumerate(kinds.in_order(_metrics(found))):
        errors = [case.measured.errors.get(metric) for case in found]
        hidden = place >= METRICS_SHOWN
        yield from _metric_columns(kinds[metric], errors, hidden)
    yield text_column("gate", (_gate_mark(case.measured, kinds) for case in found))
    yield text_column(
        "gate by metric", (_gate(case.measured, kinds) for case in found), hidden=True
    )


def _metrics(found: Sequence[Case]) -> set[str]:
    return {metric for case in found for metric in case.measured.errors}


def _metric_columns(
    kind: MetricKind, errors: Sequence[Error | None], hidden: bool
) -> Iterator[Column]:
    figures: dict[str, Callable[[Error], float | None]] = {
        "": lambda error: error.value,
        " low": lambda error: error.interval[0],
        " high": lambda error: error.interval[1],
        " difference": lambda error: error.difference,
        " gate": lambda error: error.gate,
    }
    for name, read in figures.items():
        read_values = [None if error is None else read(error) for error in errors]
        values = [None if v is None else v * kind.scale for v in read_values]
        decimals = None if name else kind.decimals
        title = f"{kind.title}{name}"
        hides = hidden or bool(name)
        yield number_column(title, values, decimals, unit=kind.unit, hidden=hides)


def _gate_mark(measured: Measured, kinds: MetricKinds) -> str | None:
    """A mark; beyond it, by which metric it fails."""
    errors = measured.errors
    failed = [name for name in kinds.in_order(errors) if errors[name].passed is False]
    if failed:
        return "; ".join(_gate_text(kinds[name], errors[name]) for name in failed)
    return PASSES if measured.gate_passed else None


def _gate(measured: Measured, kinds: MetricKinds) -> str | None:
    """Of every metric with a gate, by how much it changed and by how much it may."""
    gated = [
        _gate_text(kinds[metric], measured.errors[metric])
        for metric in kinds.in_order(measured.errors)
        if measured.errors[metric].passed is not None
    ]
    return "; ".join(gated) or None


def _gate_text(kind: MetricKind, error: Error) -> str:
    title, verdict = kind.title, "passes" if error.passed else "fails"
    if error.difference is None or error.gate is None:
        return f"{title} {verdict}"
    scale = kind.scale
    change, limit = error.difference * scale, as_loss(error.gate, error.better) * scale
    return f"{title} {verdict}: {change:+.2f} of {limit:+.2f}"


def _resource_columns(found: Sequence[Case]) -> tuple[Column, ...]:
    measured = [case.measured for case in found]
    joules: list[Estimate | None] = [m.joules_per_audio_hour for m in measured]
    fractions = [100 * m.peak.fraction_of_peak if m.peak else None for m in measured]
    sources = (m.energy_source if m.joules_per_audio_hour else None for m in measured)
    return (
        *estimate_columns("energy", joules, unit="J/h audio"),
        text_column("energy by", sources, hidden=True),
        _bytes_column("memory", [m.peak_rss_bytes for m in measured], MIB, "MiB"),
        _bytes_column("on device", [m.peak_device_bytes for m in measured], MIB, "MiB"),
        _bytes_column("size", [m.model_bytes for m in measured], MB, "MB"),
        number_column("of peak", fractions, unit="%"),
        whole_column("processes", map(_processes, found), hidden=True),
    )


def _processes(case: Case) -> int:
    return len(case.measured.step_s.values)


def _bytes_column(
    title: str, sizes: Sequence[int | None], scale: float, unit: str
) -> Column:
    values = [None if size is None else size * scale for size in sizes]
    return number_column(title, values, unit=unit)


def _remarks(case: Case) -> str:
    labels = list(case.row.labels)
    if case.measured.spoiled:
        labels.append("spoiled by other load")
    if count := len(case.measured.warnings):
        labels.append("1 warning" if count == 1 else f"{count} warnings")
    return "; ".join(labels)


def _notes(found: Sequence[Case]) -> Iterator[str]:
    """What intervals rest on, and why columns are empty: samples that percentiles lack,
    sensors that were not."""
    fewest, most = min(map(_processes, found)), max(map(_processes, found))
    count = f"{fewest}" if fewest == most else f"{fewest} to {most}"
    yield f"Processes (runs, of a training) of a case: {count}."
    for key, title in LATENCIES.items():
        bounds = [case.measured.latency_ms.get(key) for case in found]
        if key in HIDDEN_LATENCIES:
            continue
        if lacking := [b for b in bounds if b and b.value is None]:
            yield _samples_note(title, lacking)
    reasons = {
        "Energy is not known": [case.measured.energy_reason for case in found],
        "Accuracy is not known": [case.measured.errors_reason for case in found],
    }
    for what, given in reasons.items():
        yield from _reason_notes(what, [reason for reason in given if reason])


def _samples_note(title: str, lacking: Sequence[PercentileBound]) -> str:
    most, needed = max(b.n for b in lacking), max(b.needed for b in lacking)
    return (
        f"{title} takes {needed:,} samples: "
        f"{counted(len(lacking), 'case has', 'cases have')} fewer, {most:,} at most."
    )


def _reason_notes(what: str, reasons: Sequence[str]) -> Iterator[str]:
    often = Counter(reasons).most_common()
    for reason, count in often[:REASONS_SHOWN]:
        yield f"{what} of {counted(count, 'case', 'cases')}: {reason}"
    if further := len(often[REASONS_SHOWN:]):
        yield f"{what} of others for {further:,} further reasons: see the JSON."
