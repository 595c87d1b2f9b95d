"""The command `speechmark show`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console

from harness.record.result import Result, ResultError, load
from harness.record.schema import Record
from harness.report import by_compression, edits
from harness.report.remarks import remarks
from harness.report.summary import summary
from harness.report.tables.outputs import Outputs, table_outputs, usage_errors
from harness.report.tables.table import Table
from harness.report.tables.terminal import console_of, print_line, print_table
from harness.selection import Selection, selecting
from harness.text import plain_path


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@selecting
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
@table_outputs()
def show(
    file: Path,
    selection: Selection,
    as_compressions: bool,
    transcripts: bool,
    edits_html: Path | None,
    outputs: Outputs,
) -> None:
    """Print a result file as tables.

    The options that choose other views replace the plain tables, and may stand
    together.
    """
    result = _load(file)
    with usage_errors():
        records = selection.of(
            result.records, lambda record: record.case_id, plain_path(file)
        )
        outputs.check([file], {"--edits-html": edits_html})
    console, title = console_of(), _title(result)
    print_line(title, console)
    tables: list[Table] = []
    if as_compressions:
        tables += _print_compressions(records, file, console)
    if transcripts:
        tables += _print_transcripts(records, file, console)
    if edits_html is not None:
        _write_edits(records, file, edits_html, title)
    if not (as_compressions or transcripts or edits_html):
        for table in summary(records):
            print_table(table, console)
        _print_remarks(records, console)
    outputs.write(tables or summary(records))


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
        print_line(line, console)


def _print_compressions(
    records: Sequence[Record], file: Path, console: Console
) -> list[Table]:
    tables = by_compression.tables(records)
    if not tables:
        raise click.ClickException(
            f"{file}: none of {len(records)} cases is an operation that was measured, "
            "so there are no compressions to compare: `speechmark show` says why"
        )
    for table in tables:
        print_table(table, console)
        print_line("", console)
    _print_remarks(records, console)
    return tables


def _print_transcripts(
    records: Sequence[Record], file: Path, console: Console
) -> list[Table]:
    found = edits.with_transcripts(records)
    if not found:
        raise _lacking("transcripts", records, file)
    print_line(edits.LEGEND, console)
    for record in found:
        edits.print_case(record, console)
    return [table for table in map(edits.quarter_table, found) if table]


def _write_edits(records: Sequence[Record], file: Path, page: Path, title: str) -> None:
    found = edits.with_edits(records)
    if not found:
        raise _lacking("edits by length", records, file)
    edits.write_page(page, title, found)
    click.echo(f"{page}: edit distance over length, {len(found)} cases")


def _lacking(what: str, records: Sequence[Record], file: Path) -> click.ClickException:
    return click.ClickException(
        f"{file}: none of {len(records)} cases has {what}: those of wav2letter keep "
        "them since this version; measure them again, or choose others with -k or "
        "--cases"
    )
