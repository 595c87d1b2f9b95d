"""Warm-up until steady, and the drawing of timed samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from harness.measure.clock import Timer
from harness.profile import Profile

MEAN_TOLERANCE_PERCENT = 5.0
WINDOW_STEPS = 4  # at least; then rounded up to whole cycles
WINDOW_S = 0.05  # at least: windows of microsecond steps would compare only noise


@dataclass(frozen=True)
class WarmUp:
    """How the warm-up went. `mean_change_percent` compares its last two windows."""

    seconds: float
    steps: int
    steady: bool
    mean_change_percent: float | None


def warm_up(
    step: Callable[[], object], timer: Timer, max_s: float, cycle: int = 1
) -> WarmUp:
    """Run until two successive windows agree, or `max_s` have passed.

    They agree when their means differ by less than MEAN_TOLERANCE_PERCENT and their
    spreads (mean +- standard deviation) overlap. The spread of a cycle of different
    inputs is that of each step relative to its own input's mean.
    """
    began = timer.now_s()
    steps, previous, change = 0, None, None
    while True:
        window = _window(step, timer, cycle)
        steps += len(window)
        seconds = timer.now_s() - began
        if previous is not None:
            change = 100 * abs(fmean(window) / fmean(previous) - 1)
            overlap = _overlap(*_relative(previous, window, cycle))
            if change < MEAN_TOLERANCE_PERCENT and overlap:
                return WarmUp(seconds, steps, True, change)
        if seconds >= max_s:
            return WarmUp(seconds, steps, False, change)
        previous = window


def _window(step: Callable[[], object], timer: Timer, cycle: int) -> list[float]:
    samples: list[float] = []
    total_s = 0.0
    while len(samples) < WINDOW_STEPS or total_s < WINDOW_S:
        for _ in range(cycle):
            samples.append(timer.time_s(step))
            total_s += samples[-1]
    return samples


def _relative(
    a: Sequence[float], b: Sequence[float], cycle: int
) -> tuple[list[float], list[float]]:
    """Samples over the mean of their input in both windows.

    >>> _relative([1.0, 10.0], [3.0, 10.0], cycle=2)
    ([0.5, 1.0], [1.5, 1.0])
    """
    means = [fmean((*a[i::cycle], *b[i::cycle])) for i in range(cycle)]
    return (
        [sample / means[i % cycle] for i, sample in enumerate(a)],
        [sample / means[i % cycle] for i, sample in enumerate(b)],
    )


def _overlap(a: Sequence[float], b: Sequence[float]) -> bool:
    return abs(fmean(a) - fmean(b)) <= stdev(a) + stdev(b)


def draw_samples(
    step: Callable[[], object], timer: Timer, profile: Profile, cycle: int = 1
) -> list[float]:
    """Timed samples in whole cycles, in seconds: every one is kept.

    Stops at `max_samples`, or once they add up to `timed_s` and are `min_samples`.
    """
    samples: list[float] = []
    total_s, time_s = 0.0, timer.time_s  # between samples as little as can be
    while len(samples) < profile.max_samples:
        for _ in range(cycle):
            sample_s = time_s(step)
            samples.append(sample_s)
            total_s += sample_s
        if total_s >= profile.timed_s and len(samples) >= profile.min_samples:
            break
    return samples
