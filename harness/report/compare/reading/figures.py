"""Attempts at one work on one candidate, all its runs together, to what is shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from statistics import fmean
from typing import TypeVar

from harness.metrics import as_loss
from harness.record.derive import latency_ms
from harness.record.schema import AccuracyMetric
from harness.report.compare.model import (
    Error,
    Estimate,
    Measured,
    NotMeasured,
    Peak,
    Row,
)
from harness.report.compare.reading.attempt import Attempt
from harness.report.compare.reading.estimates import (
    log_estimate,
    mean_estimate,
    ratio_estimate,
    scaled,
)
from harness.report.compare.reading.extract import Figures, Process
from harness.report.compare.reading.kernels import (
    coverage_percent,
    kernel_shares,
    replayed_kernels,
)
from harness.report.compare.reading.match import Matched
from harness.report.compare.reading.trainings import training
from harness.statistics import PercentileBound
from harness.text import plain

T = TypeVar("T")
MISSING = NotMeasured("missing", "not among this candidate's cases")


def row(matched: Matched, labels: Sequence[str], baseline: str) -> Row:
    """One work over all candidates. Ratios are to `baseline`, where all did the same
    and both are measured and pass their gates."""
    cells = {label: cell(matched.attempts.get(label, ())) for label in labels}
    base = cells[baseline]
    if matched.same and isinstance(base, Measured):
        cells = {
            label: replace(own, time_ratio=time_ratio(own, base))
            if isinstance(own, Measured)
            else own
            for label, own in cells.items()
        }
    return Row(matched.work, cells, matched.same, matched.labels)


def cell(attempts: Sequence[Attempt]) -> Measured | NotMeasured:
    """What was measured in any run; else why not: that it failed, before that it was
    skipped."""
    if _figures(attempts):
        return measured(attempts)
    by_status = {one.extract.status: one.extract.reason for one in reversed(attempts)}
    for status in ("failed", "skipped"):
        if status in by_status:
            return NotMeasured(status, by_status[status])
    return MISSING


def time_ratio(own: Measured, base: Measured) -> Estimate | None:
    """Time over the baseline's: of a step, of a training of an epoch with its
    evaluation. None where either fails its gate. `values` are the own processes' over
    the baseline's mean; of the baseline to itself there is no doubt."""
    mine, theirs = _compared_time(own), _compared_time(base)
    if mine is None or theirs is None:
        return None
    found = ratio_estimate(mine, theirs)
    if own is base:
        return replace(found, value=1.0, low=1.0, high=1.0)
    return found


def _compared_time(found: Measured) -> Estimate | None:
    if found.gate_passed is False:
        return None
    return found.training.s_per_epoch if found.training else found.step_s


def measured(attempts: Sequence[Attempt]) -> Measured:
    """Of all runs that measured it; at least one must have.

    Times and rates are geometric means over the runs, and over the processes in each,
    with the interval that `clusters.squared_error` gives. A process counts once in its
    run, by its own figure: of its step the median over cycles, of its rate all steps
    over all seconds.
    """
    found, runs = _figures(attempts), _runs(attempts)
    processes = [process for one in found for process in one.processes]
    rates = log_estimate(
        [process.steps / process.total_s for process in processes], runs
    )
    errors = _errors(found)
    logged = _known(one.logged for one in found)
    memories = _known(one.memory for one in found)
    return Measured(
        step_s=log_estimate([process.step_s for process in processes], runs),
        throughput_items_per_s=scaled(rates, found[0].work.items_per_step),
        rtfx=scaled(rates, found[0].work.audio_s_per_step),
        latency_ms=_latency_ms(found, runs),
        errors=errors,
        errors_reason=None if errors else found[0].no_metrics,
        gate_passed=_all_passed(error.passed for error in errors.values()),
        training=training(_known(one.trained for one in found), sorted(set(runs))),
        joules_per_audio_hour=_joules_per_audio_hour(found),
        energy_source=_energy_source(found),
        energy_reason=_energy_reason(found),
        peak_rss_bytes=_highest(one.peak_rss_bytes for one in memories),
        peak_device_bytes=_highest(one.peak_device_bytes for one in memories),
        model_bytes=_highest(one.work.model_bytes for one in found),
        peak=_peak(found, processes),
        kernels=kernel_shares(logged),
        kernels_coverage_percent=coverage_percent(logged),
        replayed=replayed_kernels(_known(one.replays for one in found)),
        timeline=next((one.timeline for one in found if one.timeline), ()),
        spoiled=any(one.spoiled for one in found),
        refuted=any(one.claim == "refuted" for one in found),
        split=found[0].split,
        warnings=_warnings(attempts),
    )


def _figures(attempts: Sequence[Attempt]) -> list[Figures]:
    return _known(attempt.extract.figures for attempt in attempts)


def _runs(attempts: Sequence[Attempt]) -> list[int]:
    """By which run each process was."""
    return [
        one.run.number
        for one in attempts
        if one.extract.figures is not None
        for _ in one.extract.figures.processes
    ]


def _known(values: Iterable[T | None]) -> list[T]:
    return [value for value in values if value is not None]


def _highest(values: Iterable[int | None]) -> int | None:
    return max(_known(values), default=None)


def _latency_ms(
    found: Sequence[Figures], runs: Sequence[int]
) -> dict[str, PercentileBound]:
    """Of one input, the samples of all runs; of many, one of each. Empty for a
    training."""
    samples_s = [samples for one in found for samples in one.latency_s or ()]
    if not samples_s:
        return {}
    steps_s = [process.step_s for one in found for process in one.processes]
    return latency_ms(samples_s[:1] if found[0].cycle > 1 else samples_s, steps_s, runs)


def _errors(found: Sequence[Figures]) -> dict[str, Error]:
    names = dict.fromkeys(name for one in found for name in one.metrics)
    return {
        name: _error([one.metrics[name] for one in found if name in one.metrics])
        for name in names
    }


def _error(metrics: Sequence[AccuracyMetric]) -> Error:
    """Runs with other seeds have other errors: their mean, within the interval that
    holds those of all, as all were taken on the same utterances, and the largest loss.
    All must pass."""
    better = metrics[0].better
    differences = _known(metric.difference for metric in metrics)
    spans = _known(metric.difference_interval for metric in metrics)
    return Error(
        value=fmean(metric.value for metric in metrics),
        interval=_around([metric.interval for metric in metrics]),
        n=min(metric.n for metric in metrics),
        difference=max(differences, key=lambda d: as_loss(d, better), default=None),
        gate=min(_known(metric.gate for metric in metrics), default=None),
        passed=_all_passed(map(_passed, metrics)),
        better=better,
        difference_interval=_around(spans) if spans else None,
    )


def _around(spans: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return min(low for low, _ in spans), max(high for _, high in spans)


def _passed(metric: AccuracyMetric) -> bool | None:
    """Judged again: nobody ranks a case by a word that was edited. The harness writes
    no gate without a difference, so that a file which lacks one was edited: it fails.
    """
    if metric.fault:
        return False
    if metric.gate is None:
        return metric.passed
    if metric.difference is None:
        return False
    return as_loss(metric.difference, metric.better) <= metric.gate


def _all_passed(verdicts: Iterable[bool | None]) -> bool | None:
    """False where any fails, None where there is no gate."""
    known = _known(verdicts)
    return all(known) if known else None


def _joules_per_audio_hour(found: Sequence[Figures]) -> Estimate | None:
    """Over runs: the sensors are read in the first process of each."""
    energies = _known(one.energy for one in found)
    values = _known(energy.joules_per_audio_hour for energy in energies)
    return mean_estimate(values) if values else None


def _energy_source(found: Sequence[Figures]) -> str:
    energies = _known(one.energy for one in found)
    known = [e.source for e in energies if e.joules_per_audio_hour is not None]
    return " and ".join(dict.fromkeys(known)) or "none"


def _energy_reason(found: Sequence[Figures]) -> str | None:
    """Why there are no joules."""
    if _joules_per_audio_hour(found) is not None:
        return None
    reasons = (one.energy.reason for one in found if one.energy)
    return plain(next(filter(None, reasons), "no energy in the record"))


def _peak(found: Sequence[Figures], processes: Sequence[Process]) -> Peak | None:
    """Over all steps; under the highest peak that any run measured."""
    rooflines = _known(one.roofline for one in found)
    flops_per_s = max(_known(r.peak_flops_per_s for r in rooflines), default=0.0)
    macs = found[0].work.macs_per_step
    if flops_per_s < 1 or not macs:
        return None
    steps = sum(process.steps for process in processes)
    achieved = 2 * macs * steps / sum(process.total_s for process in processes)
    return Peak(
        precision=plain(rooflines[0].precision),
        peak_flops_per_s=flops_per_s,
        peak_bytes_per_s=max(
            _known(r.peak_bytes_per_s for r in rooflines), default=None
        ),
        achieved_flops_per_s=achieved,
        fraction_of_peak=achieved / flops_per_s,
    )


def _warnings(attempts: Sequence[Attempt]) -> tuple[str, ...]:
    """Each once; and of runs that did not measure it."""
    warnings: dict[str, None] = {}
    for attempt in attempts:
        if attempt.extract.figures is not None:
            warnings |= dict.fromkeys(attempt.extract.figures.warnings)
        else:
            ending = f"{attempt.extract.status} in {attempt.run.file}"
            warnings[f"{ending}: {attempt.extract.reason}"] = None
    return tuple(warnings)
