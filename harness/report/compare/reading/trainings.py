"""Clocked trainings of one work on one candidate: one run a seed, or several."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from harness.record.schema import TargetReached
from harness.report.compare.model import Estimate, TargetTime, Training
from harness.report.compare.reading.estimates import log_estimate, mean_estimate
from harness.report.compare.reading.extract import Trained
from harness.text import plain

MANY = 5  # runs; of so many the fastest and the slowest are left out of the mean


def training(runs: Sequence[Trained], numbers: Sequence[int] = ()) -> Training | None:
    """None of no runs: the work is no training. `numbers` are the runs' among all."""
    if not runs:
        return None
    targets = {(t.metric, t.level): t for run in runs for t in run.targets}
    return Training(
        targets=tuple(
            _target_time(target, runs, numbers) for target in targets.values()
        ),
        s_per_epoch=_s_per_epoch(runs, numbers),
        curves=tuple(run.curve for run in runs),
        seeds=tuple(run.seed for run in runs),
    )


def _s_per_epoch(runs: Sequence[Trained], numbers: Sequence[int]) -> Estimate | None:
    known = [run.s_per_epoch for run in runs if run.s_per_epoch is not None]
    return log_estimate(known, numbers) if len(known) == len(runs) else None


def _target_time(
    target: TargetReached, runs: Sequence[Trained], numbers: Sequence[int]
) -> TargetTime:
    """A run that did not reach the level has no time, and then nor has the mean: to
    average over the others would reward the miss."""
    hits = [hit for run in runs for hit in _hits(target.metric, target.level, run)]
    left_out = 1 if len(runs) >= MANY else 0
    everywhere = len(hits) == len(runs)
    inner = sorted(hits)[left_out : len(hits) - left_out]
    times_s = [seconds for seconds, _ in hits]
    return TargetTime(
        metric=plain(target.metric),
        level=target.level,
        runs=len(runs),
        reached=len(hits),
        tta_s=mean_estimate(times_s, left_out, numbers) if everywhere else None,
        epochs=fmean(epochs for _, epochs in inner) if everywhere else None,
        better=target.better,
    )


def _hits(metric: str, level: float, run: Trained) -> list[tuple[float, int]]:
    """Seconds and epochs to the level: of a run one at most."""
    found = [t for t in run.targets if (t.metric, t.level) == (metric, level)]
    return [_hit(target) for target in found[:1] if target.reached]


def _hit(target: TargetReached) -> tuple[float, int]:
    assert target.tta_s is not None, "the schema wants a number of what was reached"
    assert target.epochs_to_target is not None, "and its epochs"
    return target.tta_s, target.epochs_to_target
