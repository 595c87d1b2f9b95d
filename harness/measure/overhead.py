"""What measuring costs: the harness, each sensor and the pytest bridge, against bare
steps.

One worker alternates short blocks of all variants, in a new order each round, so that
neither a drifting machine nor the block before favours any. What a variant needs in the
parent (sensors, a progress line) runs during its own blocks alone, FASTER times as
often as in a run: the cost grows as many times and is divided by it, while the
machine's noise stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory
from time import sleep
from typing import Literal

from harness.hardware import Hardware, Machine
from harness.measure.channel import Channel
from harness.measure.clock import Timer, timer_for
from harness.measure.jobs import Job, parsed
from harness.measure.messages import (
    FailureMessage,
    ResultMessage,
    SegmentMessage,
    StageMessage,
)
from harness.measure.sensing import PARTS, Sensing, parts_of, sensing
from harness.measure.spawn import Worker
from harness.measure.steady import SEGMENT_S, draw_samples, warm_up
from harness.measure.watch import SAMPLE_RATE_HZ, Instruments
from harness.profile import QUICK
from harness.statistics import paired_ratio

LIMIT_PERCENT = 0.5  # what the harness and what all sensors together may cost
FASTER = 4
BLOCK_S = 0.5
SEGMENTS = int(BLOCK_S / SEGMENT_S * FASTER)  # in a block
WARM_UP_S = 10.0
WAKING_STEPS = 5  # untimed, at the beginning of a block
STEP_SIZE = 256  # a product of some 0.2 ms on all cores
# What the harness adds is the same for every sample: it is measured on short steps,
# where it is plain, and given for a step of this length.
REFERENCE_STEP_S = 1e-3
BARE, HARNESS, SENSORS = "bare", "harness", "sensors"
LIMITED = (HARNESS, SENSORS)
Answer = Literal["yes", "no", "cannot tell"]
FEWEST_PAIRS = 6  # that have an interval of 95 % by signed ranks


@dataclass(frozen=True)
class Cost:
    """What a variant adds to the time of a step, in percent, with the 95 % interval;
    None where there are fewer than FEWEST_PAIRS."""

    name: str
    percent: float | None
    low_percent: float | None
    high_percent: float | None
    pairs: int

    @property
    def answer(self) -> Answer | None:
        """Whether it keeps the limit, where there is one: "cannot tell" where that lies
        within the interval, for a cost that is not shown to be too high may be."""
        low, high = self.low_percent, self.high_percent
        if self.name not in LIMITED:
            return None
        if low is None or high is None:
            return "cannot tell"
        if high <= LIMIT_PERCENT:
            return "yes"
        return "no" if low > LIMIT_PERCENT else "cannot tell"


@dataclass(frozen=True)
class Overhead:
    """All costs; the harness's are of a step of REFERENCE_STEP_S. `pause_s` is how long
    a worker waits after a segment until all sensors are read: no part of a step."""

    costs: tuple[Cost, ...]
    step_s: float  # of the bare step that was run
    pause_s: float | None = None

    @property
    def answer(self) -> Answer:
        """Whether all that has a limit keeps it."""
        answers = {cost.answer for cost in self.costs}
        found: tuple[Answer, ...] = ("no", "cannot tell")  # the worse before the better
        return next((answer for answer in found if answer in answers), "yes")


@dataclass(frozen=True)
class BlocksTask:
    """Rounds of blocks, by their variants' names, each of about `block_s`."""

    device: str
    rounds: list[list[str]]
    block_s: float


@dataclass(frozen=True)
class Blocks:
    """Mean seconds per step of each block by its variant's name, round by round, and
    how long the worker waited for all sensors after each segment."""

    rounds: list[dict[str, float]]
    pauses_s: list[float]


def rounds(count: int, parts: Sequence[str]) -> list[list[str]]:
    """Blocks of bare steps, the harness's, those of all sensors, and of one part after
    another: each round in random order, the same every time.

    >>> [sorted(names) for names in rounds(2, ["cpu", "gpu"])]
    [['bare', 'cpu', 'harness', 'sensors'], ['bare', 'gpu', 'harness', 'sensors']]
    """
    random = Random(0)
    blocks = ([HARNESS, BARE, SENSORS, parts[i % len(parts)]] for i in range(count))
    return [random.sample(names, len(names)) for names in blocks]


def measure(
    machine: Machine,
    pairs: int,
    hardware: str = "cpu",
    on_round: Callable[[int], None] = lambda done: None,
) -> Overhead:
    """Run `pairs` rounds of blocks in a worker of its own."""
    wanted, instruments = Hardware.parse(hardware), Instruments()
    task = BlocksTask(
        device=wanted.devices[0],
        rounds=rounds(pairs, parts_of(wanted, instruments)),
        block_s=BLOCK_S,
    )
    cpus = tuple(wanted.affinity(machine))
    job = Job("harness.measure.overhead:run_job", cpus, task)
    with TemporaryDirectory() as folder:
        log = Path(folder) / "worker.log"
        worker = Worker(job, wanted.environment(machine), log)

        def begin(variant: str) -> Sensing:
            parts = PARTS if variant == SENSORS else (variant,)
            rate_hz = SAMPLE_RATE_HZ * FASTER
            gpus = instruments.gpus_of(wanted)
            return sensing(worker.pid, parts, gpus, rate_hz, instruments.host_of(cpus))

        try:
            found = _alternate(worker, begin, on_round)
            if found is None:
                raise RuntimeError(f"the overhead worker died:\n{worker.log_tail()}")
        finally:
            worker.close()
    return replace(costs_of(found.rounds), pause_s=_median(found.pauses_s))


def _median(seconds: Sequence[float]) -> float | None:
    return median(seconds) if seconds else None


def _alternate(
    worker: Worker,
    begin: Callable[[str], Sensing],
    on_round: Callable[[int], None],
) -> Blocks | None:
    """Answer the worker, with what each block's variant needs at work meanwhile."""
    now, blocks, phase = Sensing(), 0, Random(0)
    try:
        for message in worker.messages(limit_s=3600):
            match message:
                case ResultMessage(value=value):
                    found: Blocks = parsed(Blocks, value, "result")
                    return found
                case FailureMessage(text=text):
                    raise RuntimeError(text)
                case SegmentMessage():
                    now.on_segment()
                    worker.answer("")
                    now.beside()
                case StageMessage(name=variant):
                    now.close()
                    on_round(blocks // 4)
                    now, blocks = begin(variant), blocks + 1
                    # A block holds as many readings as its length says only if it
                    # begins at any moment between two of them.
                    sleep(phase.random() / (SAMPLE_RATE_HZ * FASTER))
                    worker.go_on()
    finally:
        now.close()
    return None


def costs_of(measured: Sequence[dict[str, float]]) -> Overhead:
    """The costs out of the seconds per step of each round's blocks, by name."""
    step_s = median(times[BARE] for times in measured)
    names = dict.fromkeys([*LIMITED, *(name for times in measured for name in times)])
    costs = (_cost(name, measured, step_s) for name in names if name != BARE)
    return Overhead(tuple(costs), step_s)


def _cost(name: str, measured: Sequence[dict[str, float]], step_s: float) -> Cost:
    """By signed ranks over rounds: a block that something else disturbed moves them
    little, while what a variant does is in every one of its blocks."""
    pairs = [times for times in measured if name in times]
    if len(pairs) < FEWEST_PAIRS:
        return Cost(name, None, None, None, len(pairs))
    found = paired_ratio([t[name] for t in pairs], [t[BARE] for t in pairs])
    scale = step_s / REFERENCE_STEP_S if name == HARNESS else 1 / FASTER
    percent, low, high = (
        100 * (ratio - 1) * scale for ratio in (found.ratio, found.low, found.high)
    )
    return Cost(name, percent, low, high, len(pairs))


def run_job(task: BlocksTask, channel: Channel) -> Blocks:
    """The worker's side: mean seconds per step of each block, round by round."""
    import torch

    device = task.device
    a = torch.rand(STEP_SIZE, STEP_SIZE, device=device)
    timer = timer_for(device)

    def step() -> None:
        torch.mm(a, a)

    warm = warm_up(step, timer, WARM_UP_S)
    each = max(5, int(task.block_s / SEGMENTS * warm.steps / warm.seconds))
    profile = replace(QUICK, timed_s=0.0, min_samples=each, max_samples=each)

    def plain() -> float:
        began = timer.now_s()
        for _ in range(SEGMENTS * each):
            step()
        return timer.now_s() - began

    pauses_s: list[float] = []

    def paused(name: str) -> float:
        stretches = list(_stretches(channel, timer, step, each))
        if name == SENSORS:
            pauses_s.extend(pause_s for pause_s, _ in stretches)
        return sum(steps_s for _, steps_s in stretches)

    def timed() -> float:
        began = timer.now_s()
        for _ in range(SEGMENTS):
            draw_samples(step, timer, profile, spoiled=channel.segment)
        return timer.now_s() - began

    def block_s(name: str) -> float:
        channel.enter(name)
        for _ in range(WAKING_STEPS):
            step()
        body = {BARE: plain, HARNESS: timed}.get(name, partial(paused, name))
        return body() / (SEGMENTS * each)

    found = [{name: block_s(name) for name in names} for names in task.rounds]
    channel.enter("done")
    return Blocks(found, pauses_s)


def _stretches(
    channel: Channel, timer: Timer, step: Callable[[], object], each: int
) -> Iterator[tuple[float, float]]:
    """The seconds of a pause for the parent's readings, and of `each` steps after it,
    for each segment of a block: as in a run, no pause is in a sample, the first step
    after it is untimed, and what readings leave in the caches slows those that follow.
    """
    for _ in range(SEGMENTS):
        began = timer.now_s()
        channel.segment(each)
        paused = timer.now_s()
        step()
        resumed = timer.now_s()
        for _ in range(each):
            step()
        yield paused - began, timer.now_s() - resumed
