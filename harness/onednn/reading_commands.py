"""Subcommands that read logs and traces: record, table, breakdown, diff, trace."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

import click

from harness.files import check_output
from harness.onednn.keys import keys_of
from harness.onednn.options import LOG, Progress, by_keys
from harness.onednn.recording import record as run_recorded
from harness.onednn.totals import Totals, distinct, totals_of
from harness.onednn.views import (
    MOST_ROWS,
    breakdown_tables,
    difference_table,
    distinct_table,
    lines_about,
)
from harness.report.tables.outputs import FILE, Outputs, table_outputs, usage_errors
from harness.report.tables.table import Table
from harness.report.tables.terminal import console_of, print_line, print_table
from harness.text import plain_path

GENERATOR = "speechmark onednn"


@click.command()
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option(
    "--log",
    type=FILE,
    default=Path("onednn.log"),
    show_default=True,
    help="where the log goes; the program's other output goes where it would",
)
@click.option("--timestamps", is_flag=True, help="when each execution began, too")
def record(command: tuple[str, ...], log: Path, timestamps: bool) -> None:
    """Run a COMMAND with oneDNN's log on, and keep log and wall time.

    Example: speechmark onednn record -- python train.py

    Exits with the program's own status.
    """
    with usage_errors():
        check_output(log)
        found = run_recorded(command, log, timestamps)
    click.echo(f"written: {plain_path(log)}, of {found.wall_s:.4g} s", err=True)
    sys.exit(found.status if found.status >= 0 else 128 - found.status)


@click.command()
@click.argument("log", type=LOG)
@click.option(
    "--each", is_flag=True, help="a row a call in the files, not one a distinct line"
)
@table_outputs(markdown=None)
def table(log: Path, each: bool, outputs: Outputs) -> None:
    """Every field of every execution: types, layouts, attributes, problem, time.

    Executions that differ in nothing but their time are one row, with its calls. With
    --each, rows are written as they are read: JSON then is an object a line.
    """
    wanted = {k: path for k, path in vars(outputs).items() if path is not None}
    with usage_errors():
        outputs.check([log])
        if each and not wanted:
            raise ValueError(
                "--each writes rows to files: give --csv, --json, --parquet"
            )
    if each:
        _write_each(log, wanted)
        return
    with usage_errors(), Progress(log) as watch:
        found, totals = distinct(log, watch)
    console, made = console_of(), distinct_table(found)
    print_table(_short(made).cut(MOST_ROWS, "--csv FILE"), console)
    for line in lines_about(totals):
        print_line(line, console)
    outputs.write([made])


def _write_each(log: Path, wanted: dict[str, Path]) -> None:
    from harness.onednn.each import WRITERS, write_each

    for name, path in wanted.items():
        with usage_errors(), Progress(log) as watch:
            totals = write_each(log, path, WRITERS[name], watch)
        click.echo(f"written: {plain_path(path)}")
    for line in lines_about(totals):
        print_line(line, console_of())


def _short(whole: Table) -> Table:
    """What a terminal has room for."""
    shown = ("primitive", "direction", "implementation", "dtypes", "problem")
    figures = ("calls", "time", "mean")
    columns = [one for one in whole.columns if one.title in (*shown, *figures)]
    return Table(whole.id, whole.caption, tuple(columns))


@click.command()
@click.argument("logs", type=LOG, nargs=-1, required=True, metavar="LOG...")
@by_keys
@table_outputs(html="write a page with pictures")
def breakdown(logs: tuple[Path, ...], keys: str, outputs: Outputs) -> None:
    """What took how much of the time, the longest first, log by log."""
    with usage_errors():
        outputs.check(logs)
        names = keys_of(keys)
    found: dict[str, Totals] = {}
    for log in logs:
        with usage_errors(), Progress(log) as watch:
            found[_name_of(log, logs)] = totals_of(log, names, watch)
    console, tables, parts = console_of(), [], []
    for name, totals in found.items():
        own, lines = breakdown_tables(totals, name), list(lines_about(totals))
        for one in own:
            print_table(one.cut(MOST_ROWS, "--csv FILE"), console)
        for line in lines:
            print_line(line, console)
        tables += own
        parts.append((name, totals, own, lines))
    outputs.write(tables, html=lambda: _page(parts))


def _name_of(log: Path, logs: Sequence[Path]) -> str:
    """The file's, or where several have one name the whole path."""
    is_alone = sum(one.name == log.name for one in logs) == 1
    return plain_path(Path(log.name) if is_alone else log)


def _page(parts: Sequence[tuple[str, Totals, list[Table], list[str]]]) -> str:
    """Of each log a picture, its tables, and what else it says."""
    from harness.onednn.pictures import breakdown_figure
    from harness.report.pages.plain import Part, page

    shown: list[Part] = []
    for name, totals, tables, lines in parts:
        if totals.time_ms():
            shown.append(partial(breakdown_figure, totals, name))
        shown += [*tables, "\n".join(lines)]
    names = ", ".join(name for name, *_ in parts)
    return page(f"{names}: where the time of oneDNN went", GENERATOR, shown)


@click.command()
@click.argument("first", type=LOG)
@click.argument("second", type=LOG)
@by_keys
@click.option(
    "--per-call", is_flag=True, help="divide by the timed primitives of each log"
)
@click.option(
    "--steps",
    nargs=2,
    type=click.FloatRange(0, min_open=True),
    metavar="A B",
    help="divide by so many steps of the first log and of the second",
)
@click.option(
    "--names", nargs=2, metavar="A B", help="what to call them  [default: their files]"
)
@table_outputs(html="write a page with pictures")
def diff(
    first: Path,
    second: Path,
    keys: str,
    per_call: bool,
    steps: tuple[float, float] | None,
    names: tuple[str, str] | None,
    outputs: Outputs,
) -> None:
    """Two logs side by side: programs, precisions, data sets, versions.

    What one of them does not have is marked. Groups with the largest difference come
    first.
    """
    with usage_errors():
        outputs.check([first, second])
        chosen = keys_of(keys)
        if per_call and steps:
            raise ValueError("--per-call and --steps exclude each other: give one")
    found = []
    for log in (first, second):
        with usage_errors(), Progress(log) as watch:
            found.append(totals_of(log, chosen, watch))
    logs = first, second
    called = names or (_name_of(first, logs), _name_of(second, logs))
    if called[0] == called[1]:
        called = f"A, {called[0]}", f"B, {called[1]}"
    with usage_errors():
        for name, totals in zip(called, found, strict=True):
            if not totals.calls():
                raise ValueError(f"{name} has no primitives to set beside others")
    divisors = _divisors(found, per_call, steps)
    made = difference_table(found[0], found[1], called, divisors)
    console = console_of()
    print_table(made.cut(MOST_ROWS, "--csv FILE"), console)
    lines = [
        f"{name}: {line}"
        for name, totals in zip(called, found, strict=True)
        for line in lines_about(totals)
    ]
    for line in lines:
        print_line(line, console)

    def html() -> str:
        from harness.onednn.pictures import difference_figure
        from harness.report.pages.plain import Part, page

        title = f"{called[0]} and {called[1]}: where the time of oneDNN went"
        parts: list[Part] = [
            lambda: difference_figure(found, called, divisors),
            *(made, "\n".join(lines)),
        ]
        return page(title, GENERATOR, parts)

    outputs.write([made], html=html)


def _divisors(
    found: Iterable[Totals], per_call: bool, steps: tuple[float, float] | None
) -> tuple[float, float]:
    if steps:
        return steps
    if per_call:
        first, second = (float(one.timed_calls()) or 1.0 for one in found)
        return first, second
    return 1.0, 1.0


@click.command()
@click.argument("trace", type=LOG)
@table_outputs()
def trace(trace: Path, outputs: Outputs) -> None:
    """What torch's operators did, within each other, and the gaps between them.

    TRACE is what torch.profiler.profile().export_chrome_trace(FILE) writes. The files
    hold each span too: operation, start, end, parent.
    """
    from harness.onednn.spans import Trace
    from harness.onednn.trace_views import (
        gap_table,
        operator_table,
        span_table,
        trace_lines,
    )

    with usage_errors():
        outputs.check([trace])
        found = Trace.of(trace)
    console, tables = console_of(), [operator_table(found), gap_table(found.gaps)]
    for one in tables:
        if len(one):
            print_table(one.cut(MOST_ROWS, "--csv FILE"), console)
    for line in trace_lines(found):
        print_line(line, console)
    outputs.write([*tables, span_table(found.spans)])


COMMANDS = (record, table, breakdown, diff, trace)
