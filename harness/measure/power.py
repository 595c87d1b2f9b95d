"""What the yardstick costs, and how often a slow-down that is injected is found.

A slower host is made by giving the yardstick more work than its rate counts, as a core
that another guest shares takes longer for the same; what others take of a core inside
this machine by a process beside, which counters have to find.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median
from time import sleep

from harness.files import cache_folder
from harness.measure.neighbour import neighbour
from harness.measure.steady import SEGMENT_S
from harness.measure.watch import FROM_OUTSIDE
from harness.observe import limits, noise
from harness.observe.cpu import ProcessTree
from harness.observe.host_speed import HostShare, HostSpeed, is_good
from harness.observe.yardstick import Yardstick, real_kernels

SLOW_PERCENTS = (0.0, 5.0, 10.0, 20.0)
HOST_TRIALS, BESIDE_TRIALS = 40, 8
ALWAYS_S, STARTING_S = 3600.0, 0.3
PERIOD_S = 0.02  # of a process that takes a share of a core


@dataclass(frozen=True)
class Found:
    """How often a slow-down of so many percent was found, while the host gave so much
    of its best (medians, with the slow-down); of 0 it is a false alarm, unless the host
    is below its limit by itself."""

    slow_percent: float
    found: int
    trials: int
    registers: float | None = None
    memory: float | None = None
    handovers: float | None = None

    def __str__(self) -> str:
        return f"{self.slow_percent:g} %: {self.found} of {self.trials}"

    @property
    def is_true_at_zero(self) -> bool:
        """Whether the host was slow with nothing injected."""
        if self.slow_percent or self.registers is None or self.memory is None:
            return False
        return not is_good(self.registers, self.memory, self.handovers)


@dataclass(frozen=True)
class Power:
    reading_s: float  # the median
    host: tuple[Found, ...]
    beside: tuple[Found, ...]

    def lines(self) -> list[str]:
        """What to print."""
        share = 100 * self.reading_s / SEGMENT_S
        slow = next((one for one in self.host if one.is_true_at_zero), None)
        alone = "0 %: false alarms"
        if slow is not None:
            alone = (
                f"0 %: true, for the host gave {slow.registers:.2f} of its best in "
                f"registers, {slow.memory:.2f} in memory"
            )
            if slow.handovers is not None:
                alone += f", {slow.handovers:.2f} between cores"
        return [
            f"yardstick: {1e3 * self.reading_s:.1f} ms between segments of "
            f"{SEGMENT_S:g} s, outside the timed region ({share:.1f} % more time)",
            f"a slower host is found ({alone}): {_joined(self.host)}",
            f"a process beside that takes so much of one core: {_joined(self.beside)}",
        ]


def _joined(found: Sequence[Found]) -> str:
    return ", ".join(map(str, found))


def measure_power(cpus: Sequence[int]) -> Power:
    """On a worker's CPUs, as they are now: about a minute."""
    speed = HostSpeed.of_this_machine(cpus, cache_folder())
    taken = speed.stick.cpus
    sticks = {
        percent: Yardstick(taken, real_kernels(len(taken), percent))
        for percent in SLOW_PERCENTS
    }
    host, seconds = host_power(speed, sticks, HOST_TRIALS)
    beside = tuple(
        Found(percent, _found_beside(percent, cpus[0]), BESIDE_TRIALS)
        for percent in SLOW_PERCENTS
    )
    return Power(seconds, host, beside)


def host_power(
    speed: HostSpeed, sticks: Mapping[float, Yardstick], trials: int
) -> tuple[tuple[Found, ...], float]:
    """Segments at every slow-down in turns, each judged by readings at its ends, as a
    run's are; and the seconds of a reading."""
    given: dict[float, list[HostShare]] = {percent: [] for percent in sticks}
    seconds = []
    for _ in range(trials):
        speed.read()
        for percent, stick in sticks.items():
            ends = stick.read(), stick.read()
            seconds += [one.seconds for one in ends]
            given[percent].append(speed.share(*ends))
    found = (
        Found(
            percent,
            sum(not one.is_good for one in shares),
            trials,
            median(one.registers for one in shares),
            median(one.memory for one in shares),
            _median_handovers(shares),
        )
        for percent, shares in given.items()
    )
    return tuple(found), median(seconds)


def _median_handovers(shares: Sequence[HostShare]) -> float | None:
    known = [one.handovers for one in shares if one.handovers is not None]
    return median(known) if known else None


def _found_beside(percent: float, cpu: int) -> int:
    """In how many spans of a busy process on this CPU another one shows beside it."""
    on_s = PERIOD_S * percent / 100
    with ExitStack() as stack:
        worker = stack.enter_context(neighbour(ALWAYS_S, 0.0, cpu))
        if percent:
            stack.enter_context(neighbour(on_s, PERIOD_S - on_s, cpu))
        sleep(STARTING_S)
        tree = ProcessTree(worker)
        return sum(_shows(tree) for _ in range(BESIDE_TRIALS))


def _shows(tree: ProcessTree) -> bool:
    before = noise.take(tree)
    sleep(SEGMENT_S)
    found = limits.warnings(noise.between([before, noise.take(tree)]))
    return any(one.name in FROM_OUTSIDE for one in found)
