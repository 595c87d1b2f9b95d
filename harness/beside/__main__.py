"""Each case beside its runtime's own tool or plainest loop, on the same file, inputs,
threads and CPUs, and in one process:

    python -m harness.beside [-k EXPRESSION] [--most 18] [--json FILE]

Exit status 0 where every case that has a tool is within 3 % of it, 1 where a step of
ours takes longer or a case fails, 3 where it cannot be told.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import click

from basics.files import write_whole
from harness.ab.pair import Side
from harness.ab.states import State
from harness.beside.held import BLOCK_S, LIMIT_PERCENT, PROCESS_S, Held, hold
from harness.beside.table import table
from harness.hardware import Machine, parse_all
from harness.live import live
from harness.measure.jobs import TurnsTask
from harness.measure.run import file_name
from harness.measure.spawn import HERE
from harness.measure.worker import name_of
from harness.observe.fingerprint import fingerprint
from harness.plan import Planned, discover
from harness.profile import QUICK
from harness.report.overhead import EXIT_STATUS
from harness.report.tables.outputs import FILE, Outputs, table_outputs, usage_errors
from harness.run_session import this_machine
from harness.selection import Selection, selecting
from harness.statistics import RatioEstimate

ENTRY = "harness.measure.tool_turns:run_job"
MOST = 18


@click.command()
@selecting
@click.option("--hardware", default="cpu", show_default=True, metavar="HW")
@click.option(
    "--most",
    default=MOST,
    show_default=True,
    type=click.IntRange(1),
    help="fresh processes of a case; 8 or more have an interval, and no more are "
    "started once it tells",
)
@click.option(
    "--process-s",
    default=PROCESS_S,
    show_default=True,
    help="seconds of a process's turns, ours and the tool's together",
)
@table_outputs(json=None)
@click.option("--json", "out", type=FILE, help="write all turns, as they come")
def main(
    selection: Selection,
    hardware: str,
    most: int,
    process_s: float,
    out: Path | None,
    outputs: Outputs,
) -> None:
    """Hold every shipped model beside each of its runtimes' own tools."""
    machine = this_machine()
    with usage_errors():
        parse_all([hardware], machine)
        outputs.check(others={"--json": out})
    known = held_cases(hardware)
    with usage_errors():
        cases = selection.of(known, lambda one: one.case.id, "what has a tool")
    held: list[Held] = []
    with TemporaryDirectory() as folder, live() as tell:
        for planned in cases:

            def on_start(number: int, name: str = planned.case.id) -> None:
                text = f"{name}: process {number + 1} of at most {most}"
                tell(text, len(held), len(cases))

            place = Path(folder)
            held.append(beside(planned, machine, most, process_s, place, on_start))
            click.echo(line(held[-1]))
            if out is not None:
                write(out, held)
    click.echo(summary(held))
    outputs.write([table(held)])
    sys.exit(exit_status(held))


def held_cases(hardware: str) -> list[Planned]:
    """Those that the workloads name."""
    return [
        Planned(workload, workload.case(point, hardware), point.expected_s)
        for workload in discover()
        for point in workload.beside
    ]


def beside(
    planned: Planned,
    machine: Machine,
    most: int,
    process_s: float,
    folder: Path,
    on_start: Callable[[int], None],
) -> Held:
    """One case; `on_start` is called before each process, with its number."""
    case = planned.case
    scratch = folder / file_name(case)
    scratch.mkdir(exist_ok=True)
    task = TurnsTask(
        build=name_of(planned.workload.build),
        case_id=case.id,
        hardware=case.hardware,
        profile=QUICK,
        seed=0,
        scratch_dir=str(scratch),
        data_root=None,
        claimed=planned.claims,
        block_s=BLOCK_S,
    )
    state = State("beside", ".", None, False, HERE)

    def opened(number: int) -> Side:
        on_start(number)
        return Side(state, task, machine, scratch / f"worker-{number}.log", ENTRY)

    return hold(case.id, opened, most, process_s)


def line(held: Held) -> str:
    """What a case came to.

    >>> line(Held("toy/cpu/b1", "loop", ((0.0101,),) * 8, ((0.01,),) * 8))
    'toy/cpu/b1  1.010 [1.010, 1.010]  10.10 ms beside 10.00 by loop: within'
    """
    if held.status != "ok":
        return f"{held.case_id}  {held.status}: {held.reason}"
    ours_ms, tool_ms = (
        1000 * median(chain.from_iterable(steps_s))
        for steps_s in (held.ours_s, held.tool_s)
    )
    return (
        f"{held.case_id}  {shown(held.ratio)}  {ours_ms:.2f} ms beside {tool_ms:.2f} "
        f"by {held.tool}: {held.verdict}"
    )


def shown(ratio: RatioEstimate) -> str:
    if ratio.is_endless:
        return f"{ratio.ratio:.3f} [8 processes or more have an interval]"
    return f"{ratio.ratio:.3f} [{ratio.low:.3f}, {ratio.high:.3f}]"


def exit_status(held: Sequence[Held]) -> int:
    """0 asks for `within` of every case that was timed, and for one at least."""
    timed = {one.verdict for one in held if one.status == "ok"}
    if "slower" in timed or any(one.status == "failed" for one in held):
        return EXIT_STATUS["no"]
    return EXIT_STATUS["yes" if timed == {"within"} else "cannot tell"]


def summary(held: Sequence[Held]) -> str:
    """How many cases came to what; a gap is named."""
    timed = [one.verdict for one in held if one.status == "ok"]
    counts = {
        f"within {LIMIT_PERCENT:g} % of the tool": timed.count("within"),
        "slower": timed.count("slower"),
        "cannot tell (take more by --most, or a quieter machine)": timed.count(
            "cannot tell"
        ),
        **{
            status: sum(one.status == status for one in held)
            for status in ("skipped", "failed")
        },
    }
    text = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    return f"{len(held)} cases: {text}"


def write(out: Path, held: Sequence[Held]) -> None:
    """All turns, and the machine they are of."""
    content = {
        "machine": fingerprint(),
        "limit_percent": LIMIT_PERCENT,
        "cases": [
            asdict(one)
            | ({"ratio": one.ratio.plain(), "verdict": one.verdict} if one.tool else {})
            for one in held
        ],
    }
    write_whole(out, json.dumps(content, indent=1, allow_nan=False) + "\n")


if __name__ == "__main__":
    main()
