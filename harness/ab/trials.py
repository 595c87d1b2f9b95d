"""How far the verdicts of `speechmark ab` can be trusted on this machine.

    python -m harness.ab.trials aa       the same state twice: every change is false
    python -m harness.ab.trials power    B slowed by a known share: is it found?
    python -m harness.ab.trials stall    every seventh step of B slowed: is it found?

Every second trial of `aa` has a busy process beside it.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from harness import profile as profiles
from harness.ab import show
from harness.ab.command import chosen_cases
from harness.ab.comparison import Comparison, StopRule
from harness.ab.contest import Contest
from harness.ab.states import AS_IT_IS, checked_out
from harness.live import live
from harness.measure.turns import STALL_EVERY
from harness.run_session import this_machine
from harness.selection import Selection, selecting

FALSE_ALLOWED_OF_20 = 1
DECIDED_SHARE = 0.6  # fewer verdicts than that are no evidence
FOUND_OF_20 = 18
SPIN = "while True: pass"


@dataclass(frozen=True)
class Trial:
    """One comparison; `busy` where another process took a core beside it."""

    comparison: Comparison
    busy: bool

    @property
    def false_verdicts(self) -> list[str]:
        """Every change that was said, of two states that are the same."""
        one = self.comparison
        verdicts = {"time": one.time_verdict, "memory": one.memory_verdict}
        said = [
            f"{what} {verdict.text}"
            for what, verdict in verdicts.items()
            if verdict is not None and verdict.word in ("faster", "slower")
        ]
        return said + [f"{m.name} {m.word}" for m in one.metrics if m.word != "same"]

    @property
    def decided(self) -> bool:
        verdict = self.comparison.time_verdict
        return verdict is not None and verdict.decided

    @property
    def found(self) -> bool:
        verdict = self.comparison.time_verdict
        return verdict is not None and verdict.word == "slower"

    def line(self, number: int) -> str:
        """Number, what went on beside, and how the comparison ended."""
        beside = "busy" if self.busy else "quiet"
        return f"{number:3} {beside:5} {show.line(self.comparison)}"


def is_busy(number: int, cases: int) -> bool:
    """Every second trial, and every case as often as not.

    >>> [is_busy(number, cases=2) for number in range(4)]
    [False, True, True, False]
    """
    turns = number // cases if cases % 2 == 0 else 0
    return (number + turns) % 2 == 1


@contextmanager
def busy_process() -> Iterator[None]:
    """Another process that takes a whole core."""
    process = subprocess.Popen([sys.executable, "-c", SPIN])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def failed(trials: Sequence[Trial]) -> list[Trial]:
    """Those without any verdict: no trial at all."""
    return [trial for trial in trials if trial.comparison.status != "ok"]


def passed(trials: Sequence[Trial], injected: str) -> tuple[bool, str]:
    """Whether the verdicts were as they should be, and the count; `injected` says what
    B was slowed by, if it was."""
    n = len(trials)
    if broken := failed(trials):
        return False, f"{len(broken)} of {n} comparisons broke"
    if injected:
        found = sum(trial.found for trial in trials)
        text = f"{injected}: found in {found} of {n} comparisons"
        return found >= FOUND_OF_20 * n / 20, text
    wrong = sum(bool(trial.false_verdicts) for trial in trials)
    decided = sum(trial.decided for trial in trials)
    return (
        wrong <= max(1, FALSE_ALLOWED_OF_20 * n / 20) and decided >= DECIDED_SHARE * n,
        f"false verdicts: {wrong} of {n} comparisons of a state with itself, of which "
        f"{decided} came to a verdict",
    )


@click.command()
@click.argument("kind", type=click.Choice(["aa", "power", "stall"]))
@click.option("--count", default=20, show_default=True, help="comparisons")
@click.option("--minutes", default=2.0, show_default=True, help="longest time of each")
@click.option("--slow-down", default=5.0, show_default=True, help="percent, of `power`")
@click.option(
    "--stall",
    default=230.0,
    show_default=True,
    help="percent by which `stall` slows every seventh step",
)
@click.option("--at-once", is_flag=True, help="as of `speechmark ab`")
@selecting
@click.option("--profile", default="commit", show_default=True)
def main(
    kind: str,
    count: int,
    minutes: float,
    slow_down: float,
    stall: float,
    at_once: bool,
    selection: Selection,
    profile: str,
) -> None:
    """Compare this checkout with itself, again and again, case after case.

    Exits with status 1 where more than one verdict of `aa` is false or fewer than 12 of
    20 decide anything, and where `power` or `stall` find what was slowed in less than
    18 of 20.
    """
    machine = this_machine()
    cases = chosen_cases(profile, "cpu", selection, machine)
    trials: list[Trial] = []
    injected = {
        "aa": "",
        "power": f"{slow_down:g} % slower",
        "stall": f"every {STALL_EVERY}th step {stall:g} % slower",
    }[kind]
    with (
        checked_out((AS_IT_IS, AS_IT_IS)) as states,
        TemporaryDirectory(prefix="speechmark-ab-") as folder,
        live() as tell,
    ):
        contest = Contest(
            states,
            profiles.find(profile),
            machine,
            StopRule(60 * minutes),
            Path(folder),
        )
        contest = replace(contest, at_once=at_once)
        if kind == "power":
            contest = replace(contest, slow_down_percent=slow_down)
        if kind == "stall":
            contest = replace(contest, stall_percent=stall)
        for planned in islice(cycle(cases), count):
            busy = kind == "aa" and is_busy(len(trials), len(cases))
            first = planned.case.id not in {t.comparison.case_id for t in trials}
            with busy_process() if busy else nullcontext():
                done = replace(contest, judged=first).run(
                    planned, lambda so_far: tell(show.line(so_far), len(trials), count)
                )
            trials.append(Trial(done, busy))
            click.echo(trials[-1].line(len(trials)))
            for said in trials[-1].false_verdicts if kind == "aa" else ():
                click.echo(f"    false: {said}")
    well, text = passed(trials, injected)
    click.echo(text)
    sys.exit(not well)


if __name__ == "__main__":
    main()
