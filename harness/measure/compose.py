"""Makes a record out of what the workers measured and the sensors saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import chain
from statistics import fmean, median
from typing import Any

from pydantic import ValidationError

from harness.case import Case
from harness.clusters import mean_of
from harness.hardware import Hardware
from harness.measure.ceilings import peak_warnings, roofline_of
from harness.measure.instances.recorded import (
    instances_record,
    of_instances,
    rate_of,
    series_s,
)
from harness.measure.latency import latency_of
from harness.measure.outcome import CaseOutcome, warm_ups
from harness.measure.proofs import cap_warnings, claim_warnings
from harness.measure.results import CaseResult, OperationResult, TrainingResult
from harness.measure.spoiled import (
    drawn_again,
    noise_records,
    spoil_warnings,
    stays_spoiled,
    thread_warnings,
    threads_record,
)
from harness.measure.steadiness import (
    drift_records,
    drift_warnings,
    is_steady,
    warm_up_warnings,
)
from harness.measure.trainings import time_to_accuracy, training_warnings
from harness.measure.watch import SensorReadings
from harness.observe.claims import Judged
from harness.observe.roofline import Peaks
from harness.profile import Profile
from harness.record.derive import mean_step_of_each_cycle
from harness.record.kernels import Replays
from harness.record.schema import (
    Energy,
    Kernels,
    Memory,
    Record,
    Timing,
    UtilizationRecord,
    WorkRecord,
)
from harness.workload import Work, Workload


def _identity(workload: Workload, case: Case, profile: Profile) -> dict[str, Any]:
    return {
        "case_id": case.id,
        "workload": case.workload,
        "model": case.model,
        "compression": case.compression,
        "runtime": case.runtime,
        "hardware": case.hardware,
        "batch_size": case.batch_size,
        "options": dict(case.options),
        "profile": profile.name,
        "stage": workload.stage,
    }


def skipped(workload: Workload, case: Case, profile: Profile, reason: str) -> Record:
    return Record(**_identity(workload, case, profile), status="skipped", reason=reason)


def failed(
    workload: Workload, case: Case, profile: Profile, outcome: CaseOutcome
) -> Record:
    return Record(
        **_identity(workload, case, profile),
        status="failed",
        reason=outcome.reason,
        warnings=[*outcome.warnings, *spoil_warnings([outcome])],
        utilization=_utilization(outcome.seen),
        noise=noise_records([outcome]),
        values=outcome.result.values if outcome.result else None,
    )


def measured(
    workload: Workload,
    case: Case,
    profile: Profile,
    outcomes: Sequence[CaseOutcome],
    peaks: Peaks,
) -> Record:
    """The record of a case whose every process sent a result."""
    first, seen = outcomes[0].done, outcomes[0].seen
    if not first.samples_s:
        nothing = replace(outcomes[0], reason=_nothing_timed(first, profile))
        return failed(workload, case, profile, nothing)
    work = _work(first.work)
    timing = _timing(outcomes, work)
    (kernels, left_out), hardware = (
        _kernels(first.kernels, first.replays),
        Hardware.parse(case.hardware),
    )
    roofline = roofline_of(peaks, work, _mean_step_s(outcomes))
    return Record(
        **_identity(workload, case, profile),
        status="ok",
        code_digest=outcomes[0].code or None,
        work=work,
        timing=timing,
        instances=instances_record(outcomes, work),
        tta=time_to_accuracy(first) if isinstance(first, TrainingResult) else None,
        accuracy=first.accuracy,
        utilization=_utilization(seen),
        energy=_energy(first, seen, work, timing),
        memory=_memory([one.done.memory for one in outcomes]),
        kernels=kernels,
        values=first.values,
        roofline=roofline,
        noise=noise_records(outcomes),
        threads=threads_record(outcomes),
        details=_details(outcomes),
        warnings=[
            # Each process says the same of weights and data.
            *dict.fromkeys(chain.from_iterable(one.warnings for one in outcomes)),
            *warm_up_warnings(outcomes),
            *drift_warnings(timing),
            *training_warnings(first),
            *spoil_warnings(outcomes),
            *thread_warnings(outcomes),
            *left_out,
            *peak_warnings(roofline, again=peaks.again),
            *claim_warnings(first.kernels, peaks.precision, hardware),
            *cap_warnings(first.kernels, hardware),
        ],
    )


def _details(outcomes: Sequence[CaseOutcome]) -> dict[str, float | str]:
    """The workload's own facts, and what no figure shows."""
    again = drawn_again(outcomes)
    own = dict(outcomes[0].done.details)
    return own | ({"drawn_again": again} if again else {})


def _memory(processes: Sequence[Memory]) -> Memory:
    """The hungriest process's."""
    return Memory(
        peak_rss_bytes=_highest([one.peak_rss_bytes for one in processes]),
        peak_device_bytes=_highest([one.peak_device_bytes for one in processes]),
    )


def _highest(values: Sequence[int | None]) -> int | None:
    return max((value for value in values if value is not None), default=None)


def _utilization(seen: SensorReadings) -> UtilizationRecord | None:
    found = seen.utilization
    if found is None:
        return None
    timed = next((asdict(one) for one in found.stages if one.stage == "timed"), None)
    return UtilizationRecord.model_validate(
        {
            "sampler_hz": found.sampler_hz,
            "sampler_cost_percent": found.sampler_cost_percent,
            "timed": timed,
            "timeline": [asdict(point) for point in found.timeline],
        }
    )


def _nothing_timed(result: CaseResult, profile: Profile) -> str:
    total_s = result.run.total_s if isinstance(result, TrainingResult) else 0.0
    return (
        f"not one epoch ended within {total_s:.0f} s (the profile {profile.name} gives "
        f"{profile.training_budget_s:.0f} s); use a longer profile or a smaller corpus"
    )


def _work(work: Work) -> WorkRecord:
    return WorkRecord(
        items_per_step=work.items,
        audio_s_per_step=work.audio_s,
        parameters=work.parameters,
        macs_per_step=work.macs,
        model_bytes=work.model_bytes,
    )


def _timing(outcomes: Sequence[CaseOutcome], work: WorkRecord) -> Timing:
    results = [outcome.done for outcome in outcomes]
    processes = [result.samples_s for result in results]
    cycle = results[0].cycle
    medians = [median(means) for means in _steps_s(processes, cycle)]
    warm = warm_ups(outcomes)
    drifts = drift_records(_steps_s(series_s(outcomes), cycle))
    steps_per_s = _steps_per_s(outcomes)
    changes = [one.mean_change_percent for one in warm]
    known = [change for change in changes if change is not None]
    return Timing(
        samples_s=processes,
        spoiled_samples_s=[_drawn_again_s(result) for result in results],
        spoiled=stays_spoiled(outcomes),
        warmup_s=sum(one.seconds for one in warm) if warm else None,
        steady=is_steady(warm, drifts) if warm else None,
        drift=drifts if warm else [],
        mean_change_percent=max(known) if known else None,
        processes=len(processes),
        cycle=cycle,
        median_s=fmean(medians),
        median_interval_s=_interval_s(medians),
        latency_ms=latency_of(processes, cycle, medians) if warm else None,
        throughput_items_per_s=work.items_per_step * steps_per_s,
        rtfx=work.audio_s_per_step * steps_per_s,
        stage_s=outcomes[0].seen.stage_s,
    )


def _steps_s(lists_s: Sequence[Sequence[float]], cycle: int) -> list[list[float]]:
    return [mean_step_of_each_cycle(samples, cycle).tolist() for samples in lists_s]


def _steps_per_s(outcomes: Sequence[CaseOutcome]) -> float:
    """Over all samples; of several workers at once the sum of what each did in the
    same time."""
    if several := of_instances(outcomes):
        workers = zip(*(one.instances for one in several), strict=True)
        return sum(rate_of(own) for own in workers)
    pooled = [*chain.from_iterable(one.done.samples_s for one in outcomes)]
    return len(pooled) / sum(pooled)


def _mean_step_s(outcomes: Sequence[CaseOutcome]) -> float:
    """As if one worker did what several do together."""
    if of_instances(outcomes):
        return 1 / _steps_per_s(outcomes)
    samples_s = [one.done.samples_s for one in outcomes]
    return sum(map(sum, samples_s)) / sum(map(len, samples_s))


def _drawn_again_s(result: CaseResult) -> list[float]:
    return result.spoiled_samples_s if isinstance(result, OperationResult) else []


def _interval_s(medians_s: Sequence[float]) -> tuple[float, float] | None:
    """None of a single process, which says nothing of the next."""
    return mean_of(medians_s).interval if min(medians_s) > 0 else None


def _energy(
    result: CaseResult, seen: SensorReadings, work: WorkRecord, timing: Timing
) -> Energy:
    """Joules of the timed stage, and per hour of audio that went through in it, in
    samples that were drawn again and in untimed steps too."""
    energy = asdict(seen.energy)
    if isinstance(result, TrainingResult) and result.run.resumed:
        reason = "the run was resumed: its earlier part was measured by nobody"
        unknown: dict[str, Any] = {"joules": None, "source": "none", "reason": reason}
        return Energy(joules_per_audio_hour=None, **(energy | unknown))
    steps = len(timing.samples_s[0]) + len(timing.spoiled_samples_s[0])
    steps += result.untimed_steps if isinstance(result, OperationResult) else 0
    audio_h = work.audio_s_per_step * steps / 3600
    joules = seen.energy.joules
    per_hour = joules / audio_h if joules is not None and audio_h else None
    return Energy(joules_per_audio_hour=per_hour, **energy)


def _kernels(
    judged: Judged | None, replays: Replays | None
) -> tuple[Kernels | None, list[str]]:
    """What was profiled; where that is no valid record, a warning in its place: it is
    no part of what was timed, which stays."""
    if judged is None:
        return None, []
    own = Kernels.model_fields.keys() - {"replays"}
    named = {"replays": replays, **{name: getattr(judged, name) for name in own}}
    try:
        rows = [asdict(row) for row in judged.rows]
        return Kernels.model_validate(named | {"rows": rows}), []
    except ValidationError as error:
        return None, [f"kernels are left out, for they are no valid record: {error}"]
