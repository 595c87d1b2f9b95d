"""Makes a record out of what the workers measured and the sensors saw."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import chain
from statistics import fmean, median
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from harness.case import Case
from harness.clusters import mean_of
from harness.hardware import Hardware
from harness.measure.ceilings import peak_warnings, roofline_of
from harness.measure.proofs import cap_warnings, claim_warnings
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
from harness.measure.values import values_record
from harness.profile import Profile
from harness.record.derive import (
    independent_samples,
    latency_ms,
    mean_step_of_each_cycle,
)
from harness.record.schema import (
    AccuracyRecord,
    Bound,
    Energy,
    Kernels,
    Latency,
    Memory,
    Record,
    TimeToAccuracy,
    Timing,
    WorkRecord,
)
from harness.workload import Workload

if TYPE_CHECKING:
    from harness.measure.run import Outcome
    from harness.measure.watch import Seen

LOSSES = ("loss", "validation_loss")


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
    workload: Workload, case: Case, profile: Profile, outcome: Outcome
) -> Record:
    return Record(
        **_identity(workload, case, profile),
        status="failed",
        reason=outcome.reason,
        warnings=[*outcome.warnings, *spoil_warnings([outcome])],
        utilization=outcome.seen.utilization,
        noise=noise_records([outcome]),
        values=values_record(outcome.value),
    )


def measured(
    workload: Workload,
    case: Case,
    profile: Profile,
    outcomes: Sequence[Outcome],
    peaks: dict[str, Any],
) -> Record:
    """The record of a case whose every process sent a result."""
    first, seen = outcomes[0].value, outcomes[0].seen
    if not first["samples_s"]:
        nothing = replace(outcomes[0], reason=_nothing_timed(first, profile))
        return failed(workload, case, profile, nothing)
    work = _work(first["work"])
    timing = _timing(outcomes, work)
    (kernels, left_out), hardware = _kernels(first), Hardware.parse(case.hardware)
    roofline = roofline_of(peaks, work, timing)
    return Record(
        **_identity(workload, case, profile),
        status="ok",
        code_digest=outcomes[0].code or None,
        work=work,
        timing=timing,
        tta=_tta(first),
        accuracy=AccuracyRecord.model_validate(first["accuracy"]),
        utilization=seen.utilization,
        energy=_energy(first, seen, work, timing),
        memory=Memory(
            peak_rss_bytes=_highest(outcomes, "peak_rss_bytes"),
            peak_device_bytes=_highest(outcomes, "peak_device_bytes"),
        ),
        kernels=kernels,
        values=values_record(first),
        roofline=roofline,
        noise=noise_records(outcomes),
        threads=threads_record(outcomes),
        details=_details(outcomes),
        warnings=[
            # Each process says the same of weights and data.
            *dict.fromkeys(chain.from_iterable(one.warnings for one in outcomes)),
            *warm_up_warnings(outcomes),
            *drift_warnings(timing),
            *_divergence_warnings(first),
            *_resumption_warnings(first),
            *spoil_warnings(outcomes),
            *thread_warnings(outcomes),
            *left_out,
            *peak_warnings(roofline, again=bool(peaks.get("again"))),
            *claim_warnings(first["kernels"], peaks["precision"], hardware),
            *cap_warnings(first["kernels"], hardware),
        ],
    )


def _details(outcomes: Sequence[Outcome]) -> dict[str, float | str]:
    """The workload's own facts, and what no figure shows."""
    again = drawn_again(outcomes)
    own: dict[str, float | str] = outcomes[0].value["details"]
    return own | ({"drawn_again": again} if again else {})


def _highest(outcomes: Sequence[Outcome], name: str) -> int | None:
    values = [outcome.value[name] for outcome in outcomes]
    return max((value for value in values if value is not None), default=None)


def _nothing_timed(result: dict[str, Any], profile: Profile) -> str:
    total_s = (result.get("tta") or {}).get("total_s", 0.0)
    return (
        f"not one epoch ended within {total_s:.0f} s (the profile {profile.name} gives "
        f"{profile.training_budget_s:.0f} s); use a longer profile or a smaller corpus"
    )


def _work(work: dict[str, Any]) -> WorkRecord:
    return WorkRecord(
        items_per_step=work["items"],
        audio_s_per_step=work["audio_s"],
        parameters=work["parameters"],
        macs_per_step=work["macs"],
        model_bytes=work["model_bytes"],
    )


def _timing(outcomes: Sequence[Outcome], work: WorkRecord) -> Timing:
    results = [outcome.value for outcome in outcomes]
    processes = [result["samples_s"] for result in results]
    cycle = results[0]["cycle"]
    steps_s = [
        mean_step_of_each_cycle(samples, cycle).tolist() for samples in processes
    ]
    medians = [median(means) for means in steps_s]
    pooled = list(chain.from_iterable(processes))
    steps_per_s = len(pooled) / sum(pooled)
    warm = [result["warm_up"] for result in results if "warm_up" in result]
    drifts = drift_records(steps_s)
    changes = [w["mean_change_percent"] for w in warm]
    known = [change for change in changes if change is not None]
    return Timing(
        samples_s=processes,
        spoiled_samples_s=[result.get("spoiled_samples_s", []) for result in results],
        spoiled=stays_spoiled(outcomes),
        warmup_s=sum(w["seconds"] for w in warm) if warm else None,
        steady=is_steady(warm, drifts) if warm else None,
        drift=drifts if warm else [],
        mean_change_percent=max(known) if known else None,
        processes=len(processes),
        cycle=cycle,
        median_s=fmean(medians),
        median_interval_s=_interval_s(medians),
        latency_ms=_latency_ms(processes, cycle, medians) if warm else None,
        throughput_items_per_s=work.items_per_step * steps_per_s,
        rtfx=work.audio_s_per_step * steps_per_s,
        stage_s=outcomes[0].seen.stage_s,
    )


def _interval_s(medians_s: Sequence[float]) -> tuple[float, float] | None:
    """None of a single process, which says nothing of the next."""
    return mean_of(medians_s).interval if min(medians_s) > 0 else None


def _latency_ms(
    processes: Sequence[Sequence[float]], cycle: int, medians_s: Sequence[float]
) -> Latency:
    of_inputs = processes[:1] if cycle > 1 else processes
    samples_s = [independent_samples(samples, cycle) for samples in of_inputs]
    found = latency_ms(samples_s, medians_s)
    return Latency(**{name: Bound(**asdict(bound)) for name, bound in found.items()})


def _tta(result: dict[str, Any]) -> TimeToAccuracy | None:
    if "tta" not in result:
        return None
    run = dict(result["tta"])
    run["curve"] = [
        point | {name: _finite(point[name]) for name in LOSSES}
        for point in run["curve"]
    ]
    total_s = sum(run["state_s"].values())
    shares = {
        state: 100 * seconds / total_s if total_s else 0.0
        for state, seconds in run.pop("state_s").items()
    }
    return TimeToAccuracy.model_validate(run | {"state_share_percent": shares})


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _divergence_warnings(result: dict[str, Any]) -> list[str]:
    curve = (result.get("tta") or {}).get("curve", [])
    warnings = []
    for name in LOSSES:
        bad = [p for p in curve if p[name] is not None and not math.isfinite(p[name])]
        if bad:
            warnings.append(
                f"the training diverged: its {name.replace('_', ' ')} is "
                f"{bad[0][name]} from epoch {bad[0]['epoch']} on ({len(bad)} of "
                f"{len(curve)} epochs, null in the curve); use another seed, a wider "
                "precision or a lower learning rate"
            )
    return warnings


def _energy(
    result: dict[str, Any], seen: Seen, work: WorkRecord, timing: Timing
) -> Energy:
    """Joules of the timed stage, and per hour of audio that went through in it, in
    samples that were drawn again and in untimed steps too."""
    if (result.get("tta") or {}).get("resumed"):
        reason = "the run was resumed: its earlier part was measured by nobody"
        unknown = {"joules": None, "source": "none", "reason": reason}
        return Energy(joules_per_audio_hour=None, **(seen.energy | unknown))
    steps = len(timing.samples_s[0]) + len(timing.spoiled_samples_s[0])
    steps += result.get("untimed_steps", 0)
    audio_h = work.audio_s_per_step * steps / 3600
    joules = seen.energy["joules"]
    per_hour = joules / audio_h if joules is not None and audio_h else None
    return Energy(joules_per_audio_hour=per_hour, **seen.energy)


def _kernels(result: dict[str, Any]) -> tuple[Kernels | None, list[str]]:
    """What was profiled; where that is no valid record, a warning in its place: it is
    no part of what was timed, which stays."""
    judged = result["kernels"]
    if judged is None:
        return None, []
    named = {name: judged[name] for name in Kernels.model_fields}
    try:
        return Kernels.model_validate(named), []
    except ValidationError as error:
        return None, [f"kernels are left out, for they are no valid record: {error}"]


def _resumption_warnings(result: dict[str, Any]) -> list[str]:
    resumed = (result.get("tta") or {}).get("resumed", 0)
    if not resumed:
        return []
    return [
        f"resumed {resumed} times: sensors saw only the last part; its clock ran on "
        "from the checkpoint, and what came after that before the kill is not counted"
    ]
