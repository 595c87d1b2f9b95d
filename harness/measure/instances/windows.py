"""Times of several workers, cut to the window in which all of them ran.

Clocks of processes compare: on Linux `perf_counter` is the system's monotonic clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain

from harness.measure.messages import WindowMessage
from harness.measure.steady import SEGMENT_S, Tally
from harness.profile import Profile

# A window holds each worker's inputs once at least, some of them more than once: it
# takes longer than the longest cycle, by what workers may differ in.
CYCLES = 1.25
LATE_S = 0.05  # by which the last worker begins late: it warms caches first
MOST_EMPTY = 5  # windows in a row in which some worker ended no cycle


class NoCycleError(Exception):
    """A worker never went through all inputs while the others ran."""


@dataclass(frozen=True)
class Stretch:
    """What one worker did in a window: `samples_s` of whole cycles, one after the
    other, which took `span_s` from the first one's begin to the last one's end."""

    samples_s: list[float]
    span_s: float


@dataclass(frozen=True)
class Window:
    """From the moment when the last worker began to that when the first one ended.
    `untimed_steps` ran outside of what counts."""

    seconds: float
    stretches: tuple[Stretch, ...]
    untimed_steps: int

    @property
    def is_empty(self) -> bool:
        """Whether some worker ended no cycle in it: it tells nothing of all."""
        return not all(one.samples_s for one in self.stretches)

    @property
    def samples_s(self) -> list[float]:
        """Of all workers, one after the other."""
        return list(chain.from_iterable(one.samples_s for one in self.stretches))


def window(ran: Sequence[WindowMessage]) -> Window:
    """What of these workers' samples lies wholly inside of the time in which all ran,
    in whole cycles."""
    opens = max(one.begins_s[0] for one in ran)
    closes = min(one.begins_s[-1] + one.samples_s[-1] for one in ran)
    stretches = tuple(_inside(one, opens, closes) for one in ran)
    counted = sum(len(one.samples_s) for one in stretches)
    steps = sum(len(one.samples_s) + one.untimed_steps for one in ran)
    return Window(max(0.0, closes - opens), stretches, steps - counted)


def _inside(ran: WindowMessage, opens: float, closes: float) -> Stretch:
    pairs = [
        (began, seconds)
        for began, seconds in zip(ran.begins_s, ran.samples_s, strict=True)
        if began >= opens and began + seconds <= closes
    ]
    whole = pairs[: len(pairs) // ran.cycle * ran.cycle]
    if not whole:
        return Stretch([], 0.0)
    (first, _), (last, last_s) = whole[0], whole[-1]
    return Stretch([seconds for _, seconds in whole], last + last_s - first)


@dataclass
class WindowSeries:
    """Draws windows until they hold what a profile asks for, as `steady.draw_samples`
    draws segments: spoiled ones again, for as much time again as the profile's took."""

    profile: Profile
    cycle_s: float  # the longest of all workers
    windows: list[Window] = field(default_factory=list)
    spoiled: list[bool] = field(default_factory=list)
    _asked_s: float | None = None  # what the profile's windows took, spoiled or not
    _empty: int = 0
    _lost_steps: int = 0  # in windows that tell nothing

    @property
    def next_s(self) -> float:
        """How long the next window is to be."""
        lacking_s = max(0.0, self.profile.timed_s - self._tally(clean=True).total_s)
        if lacking_s >= 1.5 * SEGMENT_S:
            lacking_s = SEGMENT_S
        return max(lacking_s + LATE_S, CYCLES * self.cycle_s)

    def add(self, found: Window, is_spoiled: bool, cycle_s: float) -> None:
        """A window that was drawn; `cycle_s` is what cycles took in it. NoCycleError
        after MOST_EMPTY in a row that tell nothing."""
        self.cycle_s = max(self.cycle_s, cycle_s)
        if found.is_empty:
            self._empty += 1
            self._lost_steps += found.untimed_steps
            if self._empty == MOST_EMPTY:
                raise NoCycleError(
                    f"{MOST_EMPTY} windows in a row held no whole cycle of every "
                    f"instance (the last {found.seconds:.3g} s, the longest cycle "
                    f"{self.cycle_s:.3g} s): their speeds are too unlike to be "
                    "measured at once; stop other load, or ask for fewer instances"
                )
            return
        self._empty = 0
        self.windows.append(found)
        self.spoiled.append(is_spoiled)
        everything = self._tally(clean=False)
        if everything.enough and self._asked_s is None:
            self._asked_s = everything.total_s

    @property
    def is_done(self) -> bool:
        if self._asked_s is None:
            return False
        most_s = min(self.profile.timed_s, self._asked_s)
        return self._tally(clean=True).enough or self.extra_s >= most_s

    @property
    def extra_s(self) -> float:
        """What was drawn beyond what an undisturbed stage takes."""
        return self._tally(clean=False).total_s - (self._asked_s or 0.0)

    @property
    def stays_spoiled(self) -> bool:
        """Whether disturbed windows count, as drawing again did not help."""
        return not self._tally(clean=True).enough

    @property
    def counted(self) -> list[Window]:
        return [w for w, bad in self._pairs if self.stays_spoiled or not bad]

    @property
    def left_out(self) -> list[Window]:
        """Kept, but in no figure."""
        return [w for w, bad in self._pairs if bad and not self.stays_spoiled]

    @property
    def untimed_steps(self) -> int:
        """All that ran in the stage and is no sample."""
        return self._lost_steps + sum(one.untimed_steps for one in self.windows)

    @property
    def _pairs(self) -> list[tuple[Window, bool]]:
        return list(zip(self.windows, self.spoiled, strict=True))

    def _tally(self, clean: bool) -> Tally:
        """The time of windows, and the samples of the worker that has the fewest."""
        chosen = [w for w, bad in self._pairs if not (clean and bad)]
        each = zip(*(one.stretches for one in chosen), strict=True)
        counts = [sum(len(one.samples_s) for one in own) for own in each]
        seconds = sum(one.seconds for one in chosen)
        return Tally(self.profile, seconds, min(counts, default=0))
