"""The command `speechmark`: plan, doctor, show, overhead."""

from __future__ import annotations

import sys
from itertools import groupby
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from harness import profile as profiles
from harness.bridges.progress import minutes
from harness.hardware import parse_all
from harness.measure.overhead import measure
from harness.observe import doctor as examination
from harness.observe.fingerprint import fingerprint
from harness.plan import discover
from harness.plan import plan as plan_cases
from harness.record.result import ResultError, load
from harness.run_session import this_machine
from harness.show import remarks, summary

LIMIT_PERCENT = 0.5  # what measuring may cost


def _console() -> Console:
    """As wide as the terminal; wide enough for a table where there is none."""
    return Console() if sys.stdout.isatty() else Console(width=140)


@click.group()
@click.version_option(package_name="speechmark")
def main() -> None:
    """Which machine, and which compression of which model, does this speech work best.

    Measure with `pytest --benchmark-only`; these commands say what that would do, what
    would spoil it here, and what came out.
    """


@main.command()
@click.option("--profile", default="quick", show_default=True, help="how much work")
@click.option(
    "--hardware", multiple=True, default=["cpu"], show_default=True, metavar="HW"
)
@click.option(
    "-k", "keyword", default="", help="only cases whose id contains this text"
)
def plan(profile: str, hardware: tuple[str, ...], keyword: str) -> None:
    """List the cases that a run would measure, and how long each should take."""
    try:
        profiles.find(profile)
        parse_all(hardware, this_machine())
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    cases = plan_cases(discover(), profile, hardware)
    chosen = [p for p in cases if keyword.lower() in p.case.id.lower()]
    if not chosen:
        raise click.UsageError(f"no case of {profile} contains {keyword!r}")
    table = Table("case", box=None, show_footer=True)
    table.columns[0].footer = f"{len(chosen)} cases"
    total = minutes(sum(p.expected_s for p in chosen))
    table.add_column("expected", footer=total, justify="right")
    for workload, some in groupby(chosen, key=lambda planned: planned.workload):
        table.add_row(f"{workload.name}: {workload.description}", "", style="bold")
        for planned in some:
            table.add_row(planned.case.id, minutes(planned.expected_s))
    _console().print(table)
    click.echo("expected on two cores, once the corpus is in the cache")


@main.command()
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=Path("results/local"),
    show_default=True,
    help="the folder whose disk is looked at",
)
def doctor(results: Path) -> None:
    """Print this machine's fingerprint and what would spoil measurements here.

    Exits with status 1 when something is bad.
    """
    console, found = _console(), fingerprint()
    facts = Table("fact", "value", box=None)
    for name, value in found.items():
        text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else value
        facts.add_row(name, "unknown" if value is None else str(text))
    console.print(facts)
    checks = Table("check", "", "found", "expected", "remedy", box=None)
    colours = {"ok": "green", "warn": "yellow", "bad": "red", "unknown": "dim"}
    findings = examination.examine(found, results)
    for finding in findings:
        severity = f"[{colours[finding.severity]}]{finding.severity}[/]"
        row = (finding.found, finding.expected, finding.remedy)
        checks.add_row(finding.name, severity, *row)
    console.print(checks)
    sys.exit(any(finding.severity == "bad" for finding in findings))


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
def show(file: Path) -> None:
    """Print a result file as a table."""
    try:
        result = load(file)
    except ResultError as error:
        raise click.ClickException(str(error)) from None
    console = _console()
    run = result.run
    console.print(
        f"{result.machine.get('cpu_model')}, {run.get('profile')} profile, suite "
        f"{run.get('suite_version')} at {(run.get('git_commit') or 'no commit')[:12]}",
        highlight=False,
        markup=False,
    )
    for table in summary(result.records):
        console.print(table)
    for line in remarks(result.records):
        console.print(line, soft_wrap=True, markup=False, highlight=False)


@main.command()
@click.option("--pairs", default=30, show_default=True, help="pairs of blocks")
@click.option("--hardware", default="cpu", show_default=True, metavar="HW")
def overhead(pairs: int, hardware: str) -> None:
    """Measure what the harness and its sensors add to a timed step.

    Blocks of one step run bare and under the harness, interleaved. Exits with status 1
    when the whole 95 % interval lies above the limit.
    """
    if pairs < 2:
        raise click.UsageError(f"--pairs {pairs}: an interval needs at least 2 pairs")
    machine = this_machine()
    try:
        parse_all([hardware], machine)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    try:
        found = measure(machine, pairs, hardware)
    except RuntimeError as error:
        raise click.ClickException(str(error)) from None
    click.echo(
        f"harness and sensors: {found.percent:+.3f} % of a {1e3 * found.step_s:.2f} ms "
        f"step, 95 % interval {found.low_percent:+.3f} to {found.high_percent:+.3f} % "
        f"over {found.pairs} interleaved pairs; limit {LIMIT_PERCENT} %"
    )
    click.echo(
        f"sensors, as they count themselves: {found.sampler_cost_percent:.2f} % of one "
        "core at most"
    )
    sys.exit(found.low_percent > LIMIT_PERCENT)
