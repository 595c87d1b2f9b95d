"""Clocked trainings of one work on one candidate: one run a seed, or several."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from harness.compare.estimates import log_estimate, mean_estimate
from harness.compare.extract import Trained
from harness.compare.model import TargetTime, Training
from harness.record.schema import TargetReached
from harness.text import plain

MANY = 5  # runs; of so many the fastest and the slowest are left out of the mean


def training(runs: Sequence[Trained]) -> Training | None:
    """None of no runs: the work is no training."""
    if not runs:
        return None
    epochs_s = [run.s_per_epoch for run in runs if run.s_per_epoch is not None]
    told = {(t.metric, t.level): t for run in runs for t in run.targets}
    return Training(
        targets=tuple(_target_time(target, runs) for target in told.values()),
        s_per_epoch=log_estimate(epochs_s) if len(epochs_s) == len(runs) else None,
        curves=tuple(run.curve for run in runs),
        seeds=tuple(run.seed for run in runs),
    )


def _target_time(target: TargetReached, runs: Sequence[Trained]) -> TargetTime:
    """A run that did not reach the level has no time, and then nor has the mean: to
    average over the others would reward the miss."""
    hits = sorted(
        (hit for run in runs for hit in _hits(target.metric, target.level, run)),
        key=lambda hit: hit[0],
    )
    left_out = 1 if len(runs) >= MANY else 0
    everywhere = len(hits) == len(runs)
    inner = hits[left_out : len(hits) - left_out]
    return TargetTime(
        metric=plain(target.metric),
        level=target.level,
        runs=len(runs),
        reached=len(hits),
        tta_s=mean_estimate([s for s, _ in hits], left_out) if everywhere else None,
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
