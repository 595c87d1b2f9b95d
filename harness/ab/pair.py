"""A pair of workers, one of each state, that take turns: A B B A."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic, sleep
from typing import TypeVar

from harness.ab.neighbours import usual_step_s
from harness.ab.states import State
from harness.hardware import Hardware, Machine
from harness.measure.jobs import Job, PipeError, TurnsTask, parsed
from harness.measure.messages import (
    FailureMessage,
    Message,
    ResultMessage,
    SkipMessage,
    StageMessage,
    TurnMessage,
    WarningMessage,
)
from harness.measure.results import StateResult, TurnsResult
from harness.measure.spawn import Worker, how_it_ended
from harness.observe import noise
from harness.observe.cpu import ProcessTree, TreeUsage
from harness.observe.host_speed import HostSpeed
from harness.observe.noise import Noise

BLOCKS_IN_TIMED_S = 16  # of a profile's `timed_s`, where a cycle is short enough
# A pair takes seconds to start: on a host that swings between blocks, more of them in
# each pair tell more than more pairs in the same time.
TIMES_TIMED_S = 2
FEWEST_BLOCKS = 4  # A B B A A B B A
SETTLE_S = 0.005  # threads of the other worker may still spin after its last step
LIMIT_S = 1800.0  # of one worker's life: builds may fill caches
ENTRY = "harness.measure.turns:run_job"  # what a worker runs
R = TypeVar("R", bound=StateResult)
M = TypeVar("M", bound=Message)


class SideEndedError(Exception):
    """A worker of state `side` that ended before its last turn; `kind` is "skipped" or
    "failed"."""

    def __init__(self, kind: str, side: str, reason: str) -> None:
        super().__init__(f"state {side}: {reason}")
        self.kind, self.side = kind, side


class Side:
    """One state's worker."""

    def __init__(
        self,
        state: State,
        task: TurnsTask,
        machine: Machine,
        log: Path,
        entry: str = ENTRY,
    ) -> None:
        self.name, self._folder = state.name, state.suite.folder
        self.warnings: list[str] = []
        hardware = Hardware.parse(task.hardware)
        job = Job(entry, tuple(hardware.affinity(machine)), task)
        environment = hardware.environment(machine)
        self._worker = Worker(job, environment, log, state.suite)
        self._messages = self._worker.messages(LIMIT_S)
        self.tree = ProcessTree(self._worker.pid)

    def wait_for_turn(self) -> list[float]:
        """The samples (seconds) of its last turn, once it waits for the next."""
        return self._next(TurnMessage).samples_s

    def begin(self, what: str) -> None:
        """Have it do something now."""
        self._worker.answer(what)

    def take(self, what: str) -> list[float]:
        """Have it do something now, and wait until it has."""
        self.begin(what)
        return self.wait_for_turn()

    def end(self, kind: type[R]) -> R:
        """Its result, if it was measured by the code of its state."""
        self._worker.answer("end")
        message = self._next(ResultMessage)
        try:
            found: R = parsed(kind, message.value, "result")
        except PipeError as error:
            raise self._ended("failed", f"the worker sent {error}") from None
        # The first suites with this command do not tell which they are, and later ones
        # not where all of their modules came from.
        elsewhere = message.code.elsewhere if message.code else ()
        wanted = self._folder
        for ran in (found.suite, *elsewhere):
            if ran and Path(ran) != wanted.resolve():
                reason = f"it ran the suite in {ran}, not the one in {wanted}"
                raise self._ended("failed", reason)
        return replace(found, suite=None)

    def close(self) -> None:
        self._worker.close()

    def _next(self, wanted: type[M]) -> M:
        try:
            for message in self._messages:
                if isinstance(message, wanted):
                    return message
                match message:
                    case StageMessage():
                        self._worker.go_on()
                    case WarningMessage(text=text):
                        self.warnings.append(text)
                    case SkipMessage(reason=reason):
                        raise self._ended("skipped", reason)
                    case FailureMessage(reason=reason, text=text):
                        raise self._ended("failed", f"{reason}\n{text}")
        except (TimeoutError, PipeError) as error:
            raise self._ended("failed", str(error)) from None
        how = how_it_ended(self._worker.wait(), None)
        raise self._ended("failed", f"{how}\n{self._worker.log_tail()}")

    def _ended(self, kind: str, reason: str) -> SideEndedError:
        module = ENTRY.partition(":")[0]
        if f"No module named '{module}'" in reason:
            reason = f"its suite has no {module} yet: compare later revisions"
        return SideEndedError(kind, self.name, reason)


@dataclass(frozen=True)
class Round:
    """What one pair of fresh processes measured.

    `blocks_s` are A's and B's blocks in order: seconds of steps that go through `cycle`
    inputs. The k-th blocks of both are neighbours in time. `results` are the workers'
    own (work, details, accuracy, peak memory), A's first. `judging_s` is what accuracy
    took: no part of the time that a comparison is given. `noise.host` is what the host
    gave, by readings before the first block and after the last.
    """

    blocks_s: tuple[list[list[float]], list[list[float]]]
    results: tuple[TurnsResult, TurnsResult]
    judging_s: float = 0.0
    warnings: tuple[str, ...] = ()
    noise: Noise | None = None  # of the timed blocks, on the workers' CPUs

    @property
    def cycles(self) -> tuple[int, int]:
        """Of A's inputs and of B's."""
        a, b = self.results
        return a.cycle, b.cycle

    @property
    def step_s(self) -> tuple[float, float]:
        """Seconds of a usual step, of A and of B."""
        a, b = map(usual_step_s, self.blocks_s, self.cycles)
        return a, b


def play(
    open_side: Callable[[int], Side],
    timed_s: float,
    b_first: bool,
    judged: bool,
    at_once: bool = False,
    host: HostSpeed | None = None,
) -> Round:
    """Start a worker of each state, let them take turns, or work `at_once`, until each
    has timed `timed_s`, and end them.

    `open_side` starts the worker of state 0 or 1. Both build at once: nothing is timed
    yet. `judged` asks for accuracy as well, at the end. Raises SideEndedError.
    """
    with ExitStack() as stack:
        sides = []
        for index in (0, 1):
            sides.append(open_side(index))
            stack.callback(sides[-1].close)
        order = (1, 0) if b_first else (0, 1)
        for side in sides:
            side.wait_for_turn()
        turns = (order,) if at_once else tuple((index,) for index in order)
        for those in turns:
            _together(sides, those, "warm-up")
        trees = _BothTrees(sides)
        reading = host.read() if host else None
        before = noise.take(trees)
        blocks_s = _blocks(sides, turns, timed_s)
        seen = noise.between([before, noise.take(trees)])
        if host and reading:
            seen = replace(seen, host=host.share(reading, host.read()))
        timed = monotonic()
        for side in sides if judged else ():
            side.take("accuracy")
        judging_s = monotonic() - timed
        results = (sides[0].end(TurnsResult), sides[1].end(TurnsResult))
        warnings = tuple(f"{side.name}: {w}" for side in sides for w in side.warnings)
    return Round(blocks_s, results, judging_s, warnings, seen)


def _blocks(
    sides: Sequence[Side], turns: Sequence[Sequence[int]], timed_s: float
) -> tuple[list[list[float]], list[list[float]]]:
    """Blocks of both states, A B B A, or of both at once where one turn holds both."""
    blocks: tuple[list[list[float]], list[list[float]]] = ([], [])
    timed: list[float] = [0.0, 0.0]
    while min(timed) < timed_s or len(blocks[0]) < FEWEST_BLOCKS:
        for those in (*turns, *reversed(turns)):
            sleep(SETTLE_S)
            drawn = _together(sides, those, "block")
            for index, block in zip(those, drawn, strict=True):
                blocks[index].append(block)
                timed[index] += sum(block)
    return blocks


def _together(
    sides: Sequence[Side], those: Sequence[int], what: str
) -> list[list[float]]:
    for index in those:
        sides[index].begin(what)
    return [sides[index].wait_for_turn() for index in those]


class _BothTrees(ProcessTree):
    """Both workers and what they started, as one: each is no other program to the
    other. They may use the same CPUs, or, at once, those that A's half does not tell.
    """

    def __init__(self, sides: Sequence[Side]) -> None:
        self.pid = sides[0].tree.pid
        self._trees = [side.tree for side in sides]

    def read(self) -> TreeUsage | None:
        used = [tree.read() for tree in self._trees]
        known = [usage for usage in used if usage is not None]
        if len(known) < len(used):
            return None
        return replace(known[0], cpu_s=sum(usage.cpu_s for usage in known))
