"""What workers send to the parent, written by hand: for tests of what becomes of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import toy

from harness.case import Case
from harness.measure.compose import measured
from harness.measure.jobs import parsed
from harness.measure.outcome import CaseOutcome, Outcome
from harness.measure.results import OperationResult, TrainingResult
from harness.measure.watch import SegmentNoise, SensorReadings, TimedEnergy
from harness.observe.limits import warnings
from harness.observe.noise import Noise
from harness.observe.roofline import Peaks
from harness.profile import SMOKE
from harness.record.schema import Record

CASE = Case("toy", "good", "fp32", "eager", "cpu", 1)
TRAINING_CASE = Case("toy-training", "good", "fp32", "eager", "cpu", 8)
NO_PEAKS = Peaks("fp32", reason="not measured")
SEEN = SensorReadings(
    stage="done",
    stage_s={"build": 1.0, "timed": 4.0},
    utilization=None,
    energy=TimedEnergy(None, "none", "no RAPL", None),
    noise=(),
    crowd=None,
    last_rss_bytes=None,
)
QUIET = Noise(
    seconds=1.0,
    steal_percent=0.0,
    others_cpu_percent=0.0,
    involuntary_switches=0,
    involuntary_switches_per_s=0.0,
    minor_faults=0,
    major_faults=0,
    throttle_events=None,
    frequency_min_mhz=None,
    frequency_mean_mhz=None,
    frequency_max_mhz=None,
    frequency_fastest_mhz=None,
    load_1min_before=0.5,
    load_1min_after=0.5,
    unknown={"throttle_events": "no counters", "frequency": "no cpufreq"},
)
STEADY = {"seconds": 2.0, "steps": 8, "steady": True, "mean_change_percent": 1.0}
WORK = {
    "items": 2.0,
    "audio_s": 6.0,
    "parameters": 10,
    "macs": 1e6,
    "model_bytes": 40,
}
ACCURACY = {
    "metrics": {"wer": {"value": 0.125, "n": 50, "interval": [0.1, 0.2]}},
    "reason": None,
}


def segment(samples: int | None, **readings: float) -> SegmentNoise:
    """A segment of a quiet second, but for these readings."""
    found = replace(QUIET, **readings)  # type: ignore[arg-type]
    return SegmentNoise(samples, found, tuple(warnings(found)))


def sensed(*segments: SegmentNoise) -> SensorReadings:
    """What the sensors saw of a worker whose timed stage was so noisy."""
    return replace(SEEN, noise=segments)


def outcome(
    *samples_s: float,
    seen: SensorReadings = SEEN,
    warnings: tuple[str, ...] = (),
    **changes: Any,
) -> CaseOutcome:
    """How a worker ends that timed these samples of an operation. Spoiled ones count,
    unless something else is given."""
    values = {
        "work": WORK,
        "accuracy": ACCURACY,
        "warm_up": STEADY,
        "samples_s": list(samples_s),
        "spoiled_samples_s": [],
        "spoiled": True,
        "extra_s": 0.0,
        "untimed_steps": 0,
        "cycle": 1,
        "memory": _memory(changes),
    }
    result = parsed(OperationResult, values | changes, "result")
    return Outcome("result", result, seen, warnings=warnings)


def _memory(changes: dict[str, Any]) -> dict[str, Any]:
    """With the peaks among the changes, which are taken out of them."""
    peaks = {"peak_rss_bytes": 2**20, "peak_device_bytes": None}
    return {name: changes.pop(name, usual) for name, usual in peaks.items()}


def training_outcome(*curve: dict[str, Any], **changes: Any) -> CaseOutcome:
    """How a worker ends that trained along this curve."""
    run = {
        "targets": [],
        "total_s": 10.0,
        "state_s": {"create": 1.0, "train": 6.0, "evaluate": 3.0},
        "states": [[0.0, "create"], [1.0, "train"], [7.0, "evaluate"]],
        "step_s": [2.0, 4.0],
        "curve": list(curve),
        "resumed": 0,
    }
    values = {
        "work": WORK,
        "accuracy": ACCURACY,
        "samples_s": [point["train_s"] for point in curve],
        "cycle": 1,
        "memory": _memory({}),
        "metrics": changes.pop("metrics", []),
        "run": run | changes,
        "prepare_s": 0.5,
        "seed": 7,
    }
    return Outcome("result", parsed(TrainingResult, values, "result"), SEEN)


def broken(
    reason: str = "broken",
    seen: SensorReadings = SEEN,
    warnings: tuple[str, ...] = (),
) -> CaseOutcome:
    """How a worker ends that sends no result."""
    return Outcome("failed", None, seen, reason, warnings)


def point(
    epoch: int,
    error: float,
    loss: float | None = 1.0,
    validation_loss: float | None = 1.5,
) -> dict[str, Any]:
    """An epoch of three seconds, two of them training."""
    return {
        "epoch": epoch,
        "end_s": 3.0 * epoch,
        "train_s": 2.0,
        "loss": loss,
        "validation_loss": validation_loss,
        "errors": {"cer": error},
    }


def target(
    level: float,
    tta_s: float | None = None,
    epochs: int | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """Where a level of CER was reached, or that it was not."""
    return {
        "metric": "cer",
        "level": level,
        "reached": tta_s is not None,
        "tta_s": tta_s,
        "epochs_to_target": epochs,
    } | changes


def record(*outcomes: CaseOutcome, case: Case = CASE, **peaks: Any) -> Record:
    """The record of a case that ended so; of one step of half a second by default."""
    workload = toy.TRAINING if case.workload == "toy-training" else toy.WORKLOAD
    ended = outcomes or (outcome(0.5),)
    return measured(workload, case, SMOKE, ended, replace(NO_PEAKS, **peaks))


def joules(amount: float) -> SensorReadings:
    """Readings of a process that took so many."""
    return replace(SEEN, energy=TimedEnergy(amount, "rapl", None, idle_watts=3.0))
