"""A contest of two states over cases: starts the pairs, keeps what they measured."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from basics.files import write_whole
from harness.ab.comparison import Comparison, StopRule, compare
from harness.ab.duet import halves
from harness.ab.pair import (
    BLOCKS_IN_TIMED_S,
    TIMES_TIMED_S,
    Round,
    Side,
    play,
)
from harness.ab.states import State
from harness.case import Case
from harness.hardware import Hardware, Machine
from harness.measure.jobs import TurnsTask
from harness.measure.run import file_name
from harness.measure.worker import name_of
from harness.observe.host_speed import HostSpeed
from harness.plan import Planned
from harness.profile import Profile
from harness.statistics import RatioEstimate

FORMAT_VERSION = 2
TOO_FEW_CORES = (
    "at once each state has half of the cores, fewer than asked for: let them take "
    "turns, or ask for fewer threads"
)


@dataclass(frozen=True)
class Contest:
    """What holds for every case. Trials of the verdicts slow B on purpose by
    `slow_down_percent`, or every seventh of its steps by `stall_percent`, and ask for
    accuracy once a case: `judged`. `at_once`: the states do not take turns, but work at
    the same time on half of the cores each."""

    states: tuple[State, State]
    profile: Profile
    machine: Machine
    stop: StopRule
    work_dir: Path  # logs and scratch folders
    data_root: Path | None = None
    slow_down_percent: float = 0.0
    stall_percent: float = 0.0
    at_once: bool = False
    host: HostSpeed | None = None
    judged: bool = True

    def run(
        self, planned: Planned, tell: Callable[[Comparison], None] = lambda _: None
    ) -> Comparison:
        """Compare one case."""
        hardware = Hardware.parse(planned.case.hardware)
        if reason := hardware.missing_on(self.machine):
            return Comparison(planned.case.id, status="skipped", reason=reason)

        split = halves(hardware, self.machine) if self.at_once else None
        if self.at_once and split is None:
            reason = f"{hardware.text}: {TOO_FEW_CORES}"
            return Comparison(planned.case.id, status="skipped", reason=reason)

        def one(number: int) -> Round:
            b_first = number % 2 == 1

            def open_side(index: int) -> Side:
                # CPUs are exchanged from pair to pair, as turns are.
                machine = split[index ^ b_first] if split else self.machine
                return self._side(planned, machine, index, number)

            judged = self.judged and number == 0
            timed_s = TIMES_TIMED_S * self.profile.timed_s
            at_once = split is not None
            return play(open_side, timed_s, b_first, judged, at_once, self.host)

        return compare(planned.case.id, one, self.stop, tell)

    def _side(
        self, planned: Planned, machine: Machine, index: int, number: int
    ) -> Side:
        state = self.states[index]
        name = f"{file_name(planned.case)}-{state.name}"
        scratch = self.work_dir / "scratch" / name
        scratch.mkdir(parents=True, exist_ok=True)
        logs = self.work_dir / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        task = self._task(planned, index, scratch)
        return Side(state, task, machine, logs / f"{name}-{number}.log")

    def _task(self, planned: Planned, index: int, scratch: Path) -> TurnsTask:
        is_b = index == 1
        return TurnsTask(
            build=name_of(planned.workload.build),
            case_id=planned.case.id,
            hardware=planned.case.hardware,
            profile=self.profile,
            seed=0,
            scratch_dir=str(scratch.absolute()),
            data_root=str(self.data_root.absolute()) if self.data_root else None,
            claimed=planned.claims,
            block_s=self.profile.timed_s / BLOCKS_IN_TIMED_S,
            slow_down_percent=self.slow_down_percent if is_b else 0.0,
            stall_percent=self.stall_percent if is_b else 0.0,
        )


def run_all(
    contest: Contest,
    cases: Sequence[Planned],
    alone: Sequence[Comparison],
    out: Path,
    header: dict[str, Any],
    tell: Callable[[Comparison], None],
) -> Iterator[Comparison]:
    """Compare case after case; the file `out` holds every finished one at any time, and
    those `alone` that need no run."""
    done: list[Comparison] = []
    write(out, contest, alone, header)
    for planned in cases:
        done.append(contest.run(planned, tell))
        write(out, contest, [*done, *alone], header)
        yield done[-1]


def write(
    out: Path,
    contest: Contest,
    comparisons: Sequence[Comparison],
    header: dict[str, Any],
) -> None:
    """All samples, and what they say, as JSON; the old file stays until the new one is
    whole."""
    states = [
        {"name": s.name, "revision": s.revision, "commit": s.commit, "dirty": s.dirty}
        for s in contest.states
    ]
    document = {
        "format": "speechmark-ab",
        "format_version": FORMAT_VERSION,
        **header,
        "profile": contest.profile.name,
        "threshold_percent": contest.stop.threshold_percent,
        "states": states,
        "cases": [_plain(comparison) for comparison in comparisons],
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(out, json.dumps(document, allow_nan=False) + "\n")


def _plain(comparison: Comparison) -> dict[str, Any]:
    time, memory = comparison.time_verdict, comparison.memory_verdict
    return {
        "case_id": comparison.case_id,
        "axes": asdict(Case.parse(comparison.case_id)),
        "status": comparison.status,
        "reason": comparison.reason,
        "seconds": comparison.seconds,
        "time": _estimate(comparison.time, time.text if time else None),
        "mean": _estimate(comparison.mean),
        "p90": _estimate(comparison.p90),
        "memory": _estimate(comparison.memory, memory.text if memory else None),
        "metrics": [asdict(m) | {"word": m.word} for m in comparison.metrics],
        "rounds": [asdict(one) for one in comparison.rounds],
    }


def _estimate(
    estimate: RatioEstimate | None, text: str | None = None
) -> dict[str, Any] | None:
    """The verdict is the one on time or memory as a whole."""
    if estimate is None:
        return None
    return estimate.plain() | ({"verdict": text} if text else {})
