"""The command `speechmark`: plan, doctor, show, overhead; ab, compare and report are
added to it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from basics.files import write_whole
from harness import by_compression, costs, edits
from harness import profile as profiles
from harness.ab.command import ab
from harness.bridges.cost import measure_showing
from harness.bridges.progress import minutes
from harness.compare.command import compare, report
from harness.files import check_output
from harness.hardware import Hardware, parse_all
from harness.kernels_doctor import asked_for_kernels, examine_kernels, kernel_options
from harness.measure.overhead import FEWEST_PAIRS, measure
from harness.measure.power import measure_power
from harness.observe import doctor as examination
from harness.observe.fingerprint import fingerprint
from harness.plan import discover
from harness.plan import plan as plan_cases
from harness.record.result import Result, ResultError, load
from harness.record.schema import Record
from harness.run_session import this_machine
from harness.show import WIDTH, remarks, summary
from harness.suite import other_checkout, other_checkout_text
from harness.workload_files import name_files

RUN_CODE = ("ab", "overhead", "plan")  # all others look at results or the machine


def _console(width: int = 140) -> Console:
    """As wide as the terminal; wide enough for a table where there is none."""
    return Console() if sys.stdout.isatty() else Console(width=width)


@click.group()
@click.version_option(package_name="speechmark")
@click.pass_context
def main(context: click.Context) -> None:
    """Which machine, and which compression of which model, does this speech work best.

    Measure with `pytest --benchmark-only`; these commands say what that would do, what
    would spoil it here, and what came out.
    """
    other = other_checkout(Path.cwd())
    if other is not None and context.invoked_subcommand in RUN_CODE:
        raise click.UsageError(other_checkout_text(other))


@main.command()
@click.option("--profile", default="quick", show_default=True, help="how much work")
@click.option(
    "--hardware", multiple=True, default=["cpu"], show_default=True, metavar="HW"
)
@click.option(
    "-k", "keyword", default="", help="only cases whose id contains this text"
)
@click.option(
    "--workload",
    "files",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE.py",
    help="a file that declares WORKLOADS beside the suite's own",
)
def plan(
    profile: str, hardware: tuple[str, ...], keyword: str, files: tuple[Path, ...]
) -> None:
    """List the cases that a run would measure, and how long each should take."""
    try:
        name_files(files)
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
@kernel_options
@click.pass_context
def doctor(context: click.Context, results: Path, **kernels: Any) -> None:
    """Print this machine's fingerprint and what would spoil measurements here.

    With --kernels, check instead that convolutions, products, LSTMs and norms of each
    runtime give right values here. Exits with status 1 when something is bad.
    """
    if asked_for_kernels(context):
        sys.exit(examine_kernels(this_machine(), **kernels))
    console, found = _console(), fingerprint()
    facts = Table("fact", "value", box=None)
    for name, value in found.items():
        text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else value
        facts.add_row(name, "unknown" if value is None else str(text))
    console.print(facts)
    checks = Table("check", "", "found", "expected", "remedy", box=None)
    colours = {"ok": "green", "warn": "yellow", "bad": "red", "unknown": "dim"}
    cpus = Hardware.parse("cpu").affinity(this_machine())
    findings = examination.examine(found, results, cpus)
    for finding in findings:
        severity = f"[{colours[finding.severity]}]{finding.severity}[/]"
        row = (finding.found, finding.expected, finding.remedy)
        checks.add_row(finding.name, severity, *row)
    console.print(checks)
    sys.exit(any(finding.severity == "bad" for finding in findings))


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "-k", "keyword", default="", help="only cases whose id contains this text"
)
@click.option(
    "--by-compression",
    "as_compressions",
    is_flag=True,
    help="a table a model, of compressions over runtimes; and one of batch sizes",
)
@click.option(
    "--transcripts",
    is_flag=True,
    help="the best, middle and worst transcript of each case, and its edits by length",
)
@click.option(
    "--edits-html",
    type=click.Path(path_type=Path),
    metavar="OUT.html",
    help="write a page that draws edit distance over length; it opens offline",
)
def show(
    file: Path,
    keyword: str,
    as_compressions: bool,
    transcripts: bool,
    edits_html: Path | None,
) -> None:
    """Print a result file as tables.

    The options that choose other views replace the plain tables, and may stand
    together.
    """
    result = _load(file)
    records = [r for r in result.records if keyword.lower() in r.case_id.lower()]
    if keyword and not records:
        raise click.UsageError(f"no case of {file} contains {keyword!r}")
    console, title = _console(WIDTH), _title(result)
    console.print(title, highlight=False, markup=False)
    if as_compressions:
        _print_compressions(records, file, console)
    if transcripts:
        _print_transcripts(records, file, console)
    if edits_html is not None:
        _write_edits(records, file, edits_html, title)
    if not (as_compressions or transcripts or edits_html):
        for table in summary(records):
            console.print(table)
        _print_remarks(records, console)


def _load(file: Path) -> Result:
    try:
        return load(file)
    except ResultError as error:
        raise click.ClickException(str(error)) from None


def _title(result: Result) -> str:
    run = result.run
    return (
        f"{result.machine.get('cpu_model')}, {run.get('profile')} profile, suite "
        f"{run.get('suite_version')} at {(run.get('git_commit') or 'no commit')[:12]}"
    )


def _print_remarks(records: Sequence[Record], console: Console) -> None:
    for line in remarks(records):
        console.print(line, soft_wrap=True, markup=False, highlight=False)


def _print_compressions(
    records: Sequence[Record], file: Path, console: Console
) -> None:
    parts = by_compression.tables(records)
    if not parts:
        raise click.ClickException(
            f"{file}: none of {len(records)} cases is an operation that was measured, "
            "so there are no compressions to compare: `speechmark show` says why"
        )
    for part in parts:
        console.print(part, soft_wrap=isinstance(part, Text), highlight=False)
    _print_remarks(records, console)


def _print_transcripts(records: Sequence[Record], file: Path, console: Console) -> None:
    found = edits.with_transcripts(records)
    if not found:
        raise _lacking("transcripts", records, file)
    console.print(edits.LEGEND, highlight=False)
    for record in found:
        for part in edits.case_lines(record, console.width):
            console.print(part, soft_wrap=isinstance(part, Text), highlight=False)


def _write_edits(records: Sequence[Record], file: Path, page: Path, title: str) -> None:
    found = edits.with_edits(records)
    if not found:
        raise _lacking("edits by length", records, file)
    _check_output("--edits-html", page, file)
    edits.write_page(page, title, found)
    click.echo(f"{page}: edit distance over length, {len(found)} cases")


def _check_output(option: str, path: Path | None, *inputs: Path) -> None:
    try:
        if path is not None:
            check_output(path, inputs)
    except ValueError as error:
        raise click.UsageError(f"{option} {error}") from None


def _lacking(what: str, records: Sequence[Record], file: Path) -> click.ClickException:
    return click.ClickException(
        f"{file}: none of {len(records)} cases has {what}: those of wav2letter keep "
        "them since this version; measure them again, or choose other cases with -k"
    )


@main.command()
@click.option(
    "--pairs", default=50, show_default=True, help="rounds of blocks, 2 s each"
)
@click.option("--hardware", default="cpu", show_default=True, metavar="HW")
@click.option(
    "--json",
    "out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="OUT.json",
    help="write the figures to a file",
)
def overhead(pairs: int, hardware: str, out: Path | None) -> None:
    """Measure what the harness, each sensor and the pytest bridge cost, and how often
    a slower host or a process beside is found.

    Blocks of one step run bare and with each of them, interleaved. Exits with status 0
    when the 95 % intervals of the harness and of all sensors lie within the limit, 1
    when one lies beyond it, and 3 when the limit lies in one: that cannot tell.
    """
    if pairs < FEWEST_PAIRS:
        raise click.UsageError(
            f"--pairs {pairs}: an interval needs at least {FEWEST_PAIRS} pairs"
        )
    machine = this_machine()
    try:
        (parsed,) = parse_all([hardware], machine)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    _check_output("--json", out)
    try:
        with costs.progress(pairs) as on_round:
            found = measure(machine, pairs, hardware, on_round)
            showing = measure_showing()
        power = measure_power(parsed.affinity(machine))
    except RuntimeError as error:
        raise click.ClickException(str(error)) from None
    console = _console()
    console.print(costs.table(found))
    for line in (*costs.remarks(found, showing), *power.lines()):
        console.print(line, soft_wrap=True, highlight=False, markup=False)
    if out is not None:
        write_whole(out, costs.as_json(found, showing, power))
    sys.exit(costs.EXIT_STATUS[found.answer])


for command in (ab, compare, report):
    main.add_command(command)

if __name__ == "__main__":  # of a checkout that is not the installed one
    main(prog_name="speechmark")
