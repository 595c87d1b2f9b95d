"""Does a neighbour that comes and goes change what a run tells, unmarked?

    python -m harness.measure.neighbour

Each case is run alone and again with another process that loads one core half of the
time. A median that moves by more than LIMIT_PERCENT without a mark fails.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from harness import profile as profiles
from harness.ab.command import chosen_cases
from harness.files import cache_folder
from harness.hardware import Hardware, Machine
from harness.live import live
from harness.measure.follow import Listener, Progressing
from harness.measure.run import Runner, Settings
from harness.measure.steady import SEGMENT_S
from harness.measure.watch import Instruments
from harness.observe.roofline import Peaks
from harness.plan import Planned
from harness.record.schema import Record
from harness.report.tables.outputs import Outputs, table_outputs, usage_errors
from harness.report.tables.table import Table, number_column, text_column
from harness.run_session import this_machine
from harness.selection import Selection, selecting

LIMIT_PERCENT = 5.0
_WORKS_AND_SLEEPS = """
import sys, time
on_s, off_s = map(float, sys.argv[1:])
while True:
    until = time.perf_counter() + on_s
    while time.perf_counter() < until:
        pass
    time.sleep(off_s)
"""


@contextmanager
def neighbour(on_s: float, off_s: float, cpu: int | None = None) -> Iterator[int]:
    """Another process that works and sleeps in turns, on one CPU if it is named; its
    process id."""
    command = [sys.executable, "-c", _WORKS_AND_SLEEPS, str(on_s), str(off_s)]
    process = subprocess.Popen(command)
    try:
        if cpu is not None:
            os.sched_setaffinity(process.pid, {cpu})
        yield process.pid
    finally:
        process.kill()
        process.wait()


@dataclass(frozen=True)
class Pair:
    """A case alone, and beside a neighbour."""

    alone: Record
    beside: Record

    @property
    def percent(self) -> float | None:
        """How much longer the median step took beside the neighbour; None where a run
        has none."""
        if self.alone.timing is None or self.beside.timing is None:
            return None
        return 100 * (self.beside.timing.median_s / self.alone.timing.median_s - 1)

    @property
    def verdict(self) -> str:
        """`void`: no comparison, for the run alone was disturbed or one run failed."""
        percent = self.percent
        if percent is None or is_marked(self.alone):
            return "void"
        if abs(percent) <= LIMIT_PERCENT:
            return "same"
        return "marked" if is_marked(self.beside) else "UNMARKED"

    def line(self) -> str:
        if self.alone.timing is None or self.beside.timing is None:
            reason = self.alone.reason or self.beside.reason or ""
            return f"{self.verdict:8} {self.alone.case_id}: {reason.splitlines()[0]}"
        again = self.beside.details.get("drawn_again", "nothing drawn again")
        return (
            f"{self.verdict:8} {self.alone.case_id}: "
            f"{1e3 * self.alone.timing.median_s:.4g} ms alone, "
            f"{1e3 * self.beside.timing.median_s:.4g} beside ({self.percent:+.1f} %); "
            f"{again}"
        )


def is_marked(record: Record) -> bool:
    """Whether a record says of itself that its times are in doubt."""
    timing = record.timing
    if timing is None:
        return False
    unjudged = any(one.judged is False for one in record.noise)
    return timing.spoiled or timing.steady is False or unjudged


def run_pair(
    planned: Planned,
    machine: Machine,
    profile: str,
    folder: Path,
    listen: Listener = lambda progressing: None,
) -> Pair:
    """Both runs of a case, one after the other."""

    def run(name: str) -> Record:
        runner = _runner(planned, machine, profile, folder / name)
        return runner.run(planned.workload, planned.case, listen)

    alone = run("alone")
    with neighbour(SEGMENT_S, SEGMENT_S):
        return Pair(alone, run("beside"))


def _runner(planned: Planned, machine: Machine, profile: str, folder: Path) -> Runner:
    """Asks neither for idle power nor for the machine's peaks."""
    case, precision = planned.case, planned.claims
    hardware = Hardware.parse(case.hardware)
    return Runner(
        Settings(profiles.find(profile), machine, folder),
        Instruments({hardware.text: None}, cache_folder()),
        {(case.hardware, precision): Peaks(precision, reason="not asked for")},
    )


def table(pairs: Sequence[Pair]) -> Table:
    """A row a case, for a file."""
    columns = (
        text_column("case", (pair.alone.case_id for pair in pairs)),
        number_column("alone", (_step_ms(pair.alone) for pair in pairs), unit="ms"),
        number_column("beside", (_step_ms(pair.beside) for pair in pairs), unit="ms"),
        number_column("change", (pair.percent for pair in pairs), unit="%"),
        text_column("verdict", (pair.verdict for pair in pairs)),
    )
    return Table("neighbour", "Cases alone and beside a neighbour", columns)


def _step_ms(record: Record) -> float | None:
    return None if record.timing is None else 1e3 * record.timing.median_s


def passed(pairs: list[Pair]) -> tuple[bool, str]:
    """Whether no median moved unmarked, and the count of each verdict."""
    found = [pair.verdict for pair in pairs]
    counts = ", ".join(f"{found.count(one)} {one}" for one in dict.fromkeys(found))
    comparable = [one for one in found if one != "void"]
    return bool(comparable) and "UNMARKED" not in found, f"{len(found)} cases: {counts}"


@click.command()
@click.option("--profile", default="quick", show_default=True)
@selecting
@table_outputs()
def main(profile: str, selection: Selection, outputs: Outputs) -> None:
    """Run each inference case alone and beside a neighbour on one core.

    Exits with status 1 where a median moved by more than 5 % and nothing marks it, or
    where no case could be compared. A machine that is not quiet by itself makes pairs
    void.
    """
    with usage_errors():
        outputs.check()
    machine = this_machine()
    cases = chosen_cases(profile, "cpu", selection, machine)
    pairs = []
    cases = [one for one in cases if one.workload.stage != "train"]
    temporary = TemporaryDirectory(prefix="speechmark-neighbour-")
    with temporary as folder, live() as tell:
        for number, planned in enumerate(cases):

            def listen(
                now: Progressing, number: int = number, name: str = planned.case.id
            ) -> None:
                tell(f"{name}: {now.stage}", number, len(cases))

            place = Path(folder) / str(number)
            pairs.append(run_pair(planned, machine, profile, place, listen))
            click.echo(pairs[-1].line())
    is_fine, text = passed(pairs)
    click.echo(text)
    outputs.write([table(pairs)])
    sys.exit(not is_fine)


if __name__ == "__main__":
    main()
