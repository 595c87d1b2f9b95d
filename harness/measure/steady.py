"""Warm-up until steady, and the drawing of timed samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from harness.measure.clock import Timer
from harness.profile import Profile

MEAN_TOLERANCE_PERCENT = 5.0
# Clocks ramp for seconds: two windows that agree after a tenth of one tell nothing. A
# warm-up takes half of what its profile allows, and need not take more than this.
LEAST_SHARE, LEAST_S = 0.5, 3.0
WINDOW_STEPS = 4  # at least; then rounded up to whole cycles
WINDOW_S = 0.05  # at least: windows of microsecond steps would compare only noise
# What runs between segments leaves caches cold: an untimed cycle warms them again where
# it is this short; of longer ones they are filled anew in a hundredth of the time.
REWARM_S = 0.02
SEGMENT_S = 1.0  # of samples that share one reading of noise; counters tick each 10 ms


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
    """Run until two successive windows agree after a least time, or for `max_s`.

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
            agree = change < MEAN_TOLERANCE_PERCENT and overlap
            if agree and seconds >= min(LEAST_SHARE * max_s, LEAST_S):
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


@dataclass(frozen=True)
class Segment:
    """Samples drawn in one go, and whether something else disturbed them."""

    samples_s: list[float]
    spoiled: bool


@dataclass(frozen=True)
class Drawn:
    """All samples of a timed stage, in seconds, in the order they were drawn.

    Where the clean segments satisfy the profile they alone count; else all do, and the
    stage is spoiled. `extra_s` were drawn beyond what an undisturbed stage takes.
    """

    segments: list[Segment]
    spoiled: bool
    extra_s: float
    untimed_steps: int = 0  # between segments

    @property
    def samples_s(self) -> list[float]:
        """Those that count."""
        return [
            sample_s
            for segment in self.segments
            if self.spoiled or not segment.spoiled
            for sample_s in segment.samples_s
        ]

    @property
    def spoiled_samples_s(self) -> list[float]:
        """Those that were drawn again: kept, but not counted."""
        if self.spoiled:
            return []
        return [
            sample_s
            for segment in self.segments
            if segment.spoiled
            for sample_s in segment.samples_s
        ]


def never_spoiled(samples: int) -> bool:
    """For those who watch no noise."""
    return False


def draw_samples(
    step: Callable[[], object],
    timer: Timer,
    profile: Profile,
    cycle: int = 1,
    spoiled: Callable[[int], bool] = never_spoiled,
) -> Drawn:
    """Timed samples in whole cycles and segments of about SEGMENT_S: all are kept.

    After each segment `spoiled` gets its number of samples and answers whether they
    were disturbed; it is called outside the timed samples. Such segments are drawn
    again until the clean ones hold what the profile asks for (`max_samples`, or
    `timed_s` in at least `min_samples`), or as much time again has been drawn as the
    profile's samples took: `timed_s` at most. After it, a short cycle runs untimed.
    """
    segments: list[Segment] = []
    clean, everything = Tally(profile), Tally(profile)
    asked_s: float | None = None  # what the profile's samples took, spoiled or not
    untimed = 0
    while True:
        samples_s = _segment(step, timer, cycle, clean)
        segments.append(Segment(samples_s, spoiled(len(samples_s))))
        everything = everything.plus(samples_s)
        if not segments[-1].spoiled:
            clean = clean.plus(samples_s)
        if everything.enough:
            if asked_s is None:
                asked_s = everything.total_s
            extra_s = everything.total_s - asked_s
            if clean.enough or extra_s >= min(profile.timed_s, asked_s):
                return Drawn(segments, not clean.enough, extra_s, untimed)
        untimed += rewarm(step, fmean(samples_s), cycle)


def rewarm(step: Callable[[], object], step_s: float, cycle: int) -> int:
    """A cycle of steps of about this length, if it is short; how many ran."""
    if cycle * step_s > REWARM_S:
        return 0
    for _ in range(cycle):
        step()
    return cycle


@dataclass(frozen=True)
class Tally:
    """How much of what a profile asks for has been drawn."""

    profile: Profile
    total_s: float = 0.0
    count: int = 0

    def plus(self, samples_s: Sequence[float]) -> Tally:
        total_s = self.total_s + sum(samples_s)
        return Tally(self.profile, total_s, self.count + len(samples_s))

    @property
    def enough(self) -> bool:
        asked = self.profile
        timed = self.total_s >= asked.timed_s and self.count >= asked.min_samples
        return timed or self.count >= asked.max_samples


def _segment(
    step: Callable[[], object], timer: Timer, cycle: int, so_far: Tally
) -> list[float]:
    """Samples for SEGMENT_S, or as few as `so_far` lacks; one cycle at least. What
    would leave less than half a segment is drawn at once: nobody could judge its noise.
    """
    asked = so_far.profile
    most, least = asked.max_samples - so_far.count, asked.min_samples - so_far.count
    lacking_s = asked.timed_s - so_far.total_s
    if lacking_s >= 1.5 * SEGMENT_S:
        lacking_s = SEGMENT_S
    samples: list[float] = []
    total_s, time_s = 0.0, timer.time_s  # between samples as little as can be
    while len(samples) < most:
        for _ in range(cycle):
            sample_s = time_s(step)
            samples.append(sample_s)
            total_s += sample_s
        if total_s >= lacking_s and (len(samples) >= least or total_s >= SEGMENT_S):
            break
    return samples
