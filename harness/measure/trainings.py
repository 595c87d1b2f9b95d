"""A training in its record: its time to accuracy, and what is warned of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict

from basics.metric_kinds import MetricKind
from harness.measure.results import CaseResult, TrainingResult
from harness.measure.time_to_accuracy import WINDOW_EPOCHS, EpochPoint
from harness.record.schema import (
    CurveMetric,
    CurvePoint,
    TargetReached,
    TimeToAccuracy,
)

LOSSES = ("loss", "validation_loss")


def time_to_accuracy(result: TrainingResult) -> TimeToAccuracy:
    run = result.run
    total_s = sum(run.state_s.values())
    return TimeToAccuracy(
        window_epochs=WINDOW_EPOCHS,
        targets=[TargetReached(**asdict(target)) for target in run.targets],
        s_per_epoch=run.s_per_epoch,
        prepare_s=result.prepare_s,
        total_s=run.total_s,
        state_share_percent={
            state: 100 * seconds / total_s if total_s else 0.0
            for state, seconds in run.state_s.items()
        },
        states=list(run.states),
        step_s=list(run.step_s),
        curve=[_curve_point(point) for point in run.curve],
        seed=result.seed,
        resumed=run.resumed,
        metrics={one.name: _metric(one) for one in result.metrics},
    )


def _metric(kind: MetricKind) -> CurveMetric:
    return CurveMetric(better=kind.better, unit=kind.unit, title=kind.title)


def _curve_point(point: EpochPoint) -> CurvePoint:
    losses = {name: _finite(getattr(point, name)) for name in LOSSES}
    return CurvePoint(**(asdict(point) | losses))


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def training_warnings(result: CaseResult) -> list[str]:
    if not isinstance(result, TrainingResult):
        return []
    return [*_divergence_warnings(result.run.curve), *_resumption_warnings(result)]


def _divergence_warnings(curve: Sequence[EpochPoint]) -> list[str]:
    warnings = []
    for name in LOSSES:
        losses = [(point.epoch, getattr(point, name)) for point in curve]
        bad = [(n, x) for n, x in losses if x is not None and not math.isfinite(x)]
        if bad:
            epoch, value = bad[0]
            warnings.append(
                f"the training diverged: its {name.replace('_', ' ')} is "
                f"{value} from epoch {epoch} on ({len(bad)} of "
                f"{len(curve)} epochs, null in the curve); use another seed, a wider "
                "precision or a lower learning rate"
            )
    return warnings


def _resumption_warnings(result: TrainingResult) -> list[str]:
    resumed = result.run.resumed
    if not resumed:
        return []
    return [
        f"resumed {resumed} times: sensors saw only the last part; its clock ran on "
        "from the checkpoint, and what came after that before the kill is not counted"
    ]
