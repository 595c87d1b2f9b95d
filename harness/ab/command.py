"""The command `speechmark ab`."""

from __future__ import annotations

import math
import sys
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from harness import profile as profiles
from harness.ab import show
from harness.ab.cases import UnlistedError, beside_them, declared, in_both
from harness.ab.comparison import Comparison, StopRule
from harness.ab.contest import Contest, run_all
from harness.ab.states import State, checked_out, lock_difference
from harness.ab.verdict import THRESHOLD_PERCENT
from harness.files import cache_folder
from harness.hardware import Hardware, Machine, parse_all
from harness.live import duration_text, live
from harness.observe.fingerprint import fingerprint
from harness.observe.host_speed import HostSpeed
from harness.plan import Planned, discover, plan
from harness.report.tables.outputs import FILE, Outputs, table_outputs, usage_errors
from harness.report.tables.terminal import console_of, print_line, print_table
from harness.run_session import this_machine
from harness.selection import Selection, selecting

PYTHON = click.Path(path_type=Path, exists=True)


@click.command()
@click.argument("rev_a")
@click.argument("rev_b")
@selecting
@click.option(
    "--profile",
    default="commit",
    show_default=True,
    help="which cases, and how long each pair of processes measures",
)
@click.option("--hardware", default="cpu", show_default=True, metavar="HW")
@click.option(
    "--minutes",
    "limit_minutes",
    default=2.0,
    show_default=True,
    help="longest time for one case; it ends earlier once the answer is known",
)
@click.option(
    "--threshold",
    default=THRESHOLD_PERCENT,
    show_default=True,
    metavar="PERCENT",
    help="smaller changes count as the same",
)
@click.option(
    "--at-once",
    is_flag=True,
    help="no turns: both at the same time, each on half of the cores",
)
@click.option("--a-env", type=PYTHON, help="interpreter or environment of A")
@click.option("--b-env", type=PYTHON, help="interpreter or environment of B")
@click.option(
    "--data-root", type=click.Path(path_type=Path, exists=True, file_okay=False)
)
@table_outputs(json=None)
@click.option(
    "--json",
    "out",
    type=FILE,
    help="where every sample goes  [default: results/local/ab-TIME.json]",
)
def ab(
    rev_a: str,
    rev_b: str,
    selection: Selection,
    profile: str,
    hardware: str,
    limit_minutes: float,
    threshold: float,
    at_once: bool,
    a_env: Path | None,
    b_env: Path | None,
    data_root: Path | None,
    out: Path | None,
    outputs: Outputs,
) -> None:
    """Is REV_B slower than REV_A on this machine?

    Both are checked out into folders of their own; their worker processes take turns,
    A B B A, in pair after pair, until the interval of B / A says it or the time is up.
    A revision is whatever git knows, or "." for the working tree as it is. With
    --a-env and --b-env, "ab . ." compares two environments.

    With --at-once both work at the same time instead, each on half of the cores: what
    disturbs a shared host meets both alike, and the ratio is that of half the cores.

    Where even the most pairs would hardly tell, raise --threshold, take a profile that
    times longer, or a quieter machine.

    Exits with status 1 when a case became slower, larger in memory or less accurate,
    or broke.
    """
    machine = this_machine()
    cases = chosen_cases(profile, hardware, selection, machine)
    _check_limits(limit_minutes, threshold)
    _check_outputs(out, outputs)
    out = out or Path("results/local") / f"ab-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    with ExitStack() as stack:
        try:
            states = stack.enter_context(checked_out((rev_a, rev_b), (a_env, b_env)))
            out.parent.mkdir(parents=True, exist_ok=True)
        except (ValueError, OSError) as error:
            raise click.UsageError(str(error)) from None
        folder = stack.enter_context(TemporaryDirectory(prefix="speechmark-ab-"))
        for state in states:
            click.echo(str(state))
        if difference := lock_difference(states):
            click.echo(f"warning: {difference}", err=True)
        a, b = (_listed(state, profile, hardware) for state in states)
        known = {planned.case.id for planned in cases}
        alone = list(beside_them(known, a, b, selection))
        stop = StopRule(60 * limit_minutes, threshold)
        host = _host_speed(hardware, machine)
        place, profiled = Path(folder), profiles.find(profile)
        contest = Contest(states, profiled, machine, stop, place, data_root)
        contest = replace(contest, host=host, at_once=at_once)
        done = _fought(contest, in_both(cases, a, b), alone, out)
        host.save()
    click.echo(f"{show.summary(done)}; samples: {out}")
    outputs.write([show.table(done)])
    sys.exit(any(comparison.is_regression for comparison in done))


def _check_limits(limit_minutes: float, threshold: float) -> None:
    if not 0 < limit_minutes < math.inf or not 0 < threshold < 100:
        raise click.UsageError(
            f"--minutes {limit_minutes:g} --threshold {threshold:g}: expected a time "
            "above 0 and a threshold between 0 and 100"
        )


def _check_outputs(out: Path | None, outputs: Outputs) -> None:
    with usage_errors():
        outputs.check()
    if out is not None and out in vars(outputs).values():
        raise click.UsageError(f"--json {out}: another output goes there; name another")


def _listed(state: State, profile: str, hardware: str) -> list[str] | None:
    """A state's cases, or a warning that they are not known."""
    try:
        return declared(state, profile, hardware)
    except UnlistedError as reason:
        click.echo(
            f"warning: {state.name} does not list its cases ({reason}): none can be "
            "told to be new or gone",
            err=True,
        )
        return None


def _host_speed(hardware: str, machine: Machine) -> HostSpeed:
    """The yardstick of the CPUs that a run's workers take."""
    cpus = Hardware.parse(hardware).affinity(machine)
    return HostSpeed.of_this_machine(cpus, cache_folder())


def chosen_cases(
    profile: str, hardware: str, selection: Selection, machine: Machine
) -> list[Planned]:
    """The cases to compare; click.UsageError for what this machine does not know."""
    with usage_errors():
        profiles.find(profile)
        parse_all([hardware], machine)
    cases = plan(discover(), profile, [hardware])
    with usage_errors():
        return selection.of(cases, lambda one: one.case.id, profile)


def _fought(
    contest: Contest, cases: list[Planned], alone: list[Comparison], out: Path
) -> list[Comparison]:
    """Every comparison; a line on standard error as each ends, the table at the end.
    `alone` are those of cases that one state lacks."""
    header = {"suite_version": version("speechmark"), "machine": fingerprint()}
    done: list[Comparison] = []
    longest = duration_text(len(cases) * contest.stop.budget_s)
    count = "1 case" if len(cases) == 1 else f"{len(cases)} cases"
    click.echo(f"{count}: up to some {longest}, and evaluation")
    with live() as show_line:

        def tell(so_far: Comparison) -> None:
            text = f"[{len(done) + 1}/{len(cases)}] {show.line(so_far)}"
            show_line(text, len(done), len(cases))

        for comparison in run_all(contest, cases, alone, out, header, tell):
            done.append(comparison)
            click.echo(f"[{len(done)}/{len(cases)}] {show.line(comparison)}", err=True)
    done += alone
    console = console_of()
    print_table(show.table(done), console)
    for line in show.remarks(done):
        print_line(line, console)
    return done
