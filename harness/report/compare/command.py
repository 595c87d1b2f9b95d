"""The commands `speechmark compare` and `speechmark report`."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from harness.plan import discover
from harness.record.result import ResultError
from harness.report.compare.assemble import Question, assemble
from harness.report.compare.buyer_options import buyer_options, terms_of
from harness.report.compare.document import as_json
from harness.report.compare.model import Comparison
from harness.report.compare.reading.arguments import result_files
from harness.report.compare.reading.facts import KINDS
from harness.report.compare.shown.verdict import verdict
from harness.report.compare.terminal import (
    as_markdown,
    data_tables,
    print_comparison,
)
from harness.report.compare.terms import QuestionError
from harness.report.tables.outputs import (
    FILE,
    LONGEST_ERROR,
    Outputs,
    check_outputs,
    table_outputs,
    usage_errors,
    write_output,
)
from harness.report.tables.terminal import console_of
from harness.selection import Selection, SelectionError, selecting
from harness.text import plain, plain_path


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="[NAME=]FILE...")
@click.option("--baseline", metavar="NAME", help="what ratios are to  [default: first]")
@selecting
@click.option(
    "--allow",
    multiple=True,
    type=click.Choice(list(KINDS)),
    help="compare although this differs, and label it",
)
@click.option(
    "--weights",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="how much each workload counts: a file like results/weights.toml",
)
@buyer_options
@click.option("--html", type=FILE, help="write the page: pictures, tables, downloads")
@table_outputs(json="write every figure")
def compare(
    files: tuple[str, ...],
    baseline: str | None,
    selection: Selection,
    allow: tuple[str, ...],
    weights: Path | None,
    html: Path | None,
    outputs: Outputs,
    **chosen: object,
) -> None:
    """Which machine does this speech work best, and for how much?

    FILES are results of `pytest --benchmark-only`, or globs of them. Files of one
    machine are runs of it: three or more tell how far its figures can be trusted. A
    machine is called as its host, or NAME. Each hardware setting in a file is a
    candidate of its own.

    Different work has no verdict: what differs is listed, and --allow compares it all
    the same. Limits bind the ranking as they bind the prices. Exits with status 1 where
    nobody is ranked: no case counts, none qualifies, or a machine has none.
    """
    terms = terms_of(chosen)
    with usage_errors():
        outputs.check(_inputs(files, chosen["prices"], weights), {"--html": html})
    question = Question(
        files=files,
        terms=terms,
        baseline=baseline,
        selection=selection,
        allow=frozenset(allow),
        prices=chosen["prices"],  # type: ignore[arg-type]
        weights=weights,
    )
    with _without_collector():
        comparison = _answer(question)
        print_comparison(comparison, console_of())
        outputs.write(
            list(data_tables(comparison)),
            json=lambda: as_json(comparison),
            markdown=lambda: as_markdown(comparison),
        )
        if html is not None:
            write_output(html, _page(comparison))
    sys.exit(not _has_verdict(comparison))


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@selecting
@buyer_options
@click.option("--html", type=FILE, help="where the page goes  [default: beside FILE]")
def report(
    file: Path, selection: Selection, html: Path | None, **chosen: object
) -> None:
    """Write a page about one result: pictures, tables, downloads.

    FILE may be a folder of results: then the newest in it is meant. Exits with status 1
    where a limit is asked for and no case keeps it.
    """
    file = _newest(file) if file.is_dir() else file
    html = html or file.with_suffix(".html")
    terms = terms_of(chosen)
    with usage_errors():
        check_outputs({"--html": html}, _inputs((str(file),), chosen["prices"]))
    question = Question(
        files=(str(file),),
        terms=terms,
        selection=selection,
        prices=chosen["prices"],  # type: ignore[arg-type]
    )
    comparison = _answer(question)
    write_output(html, _page(comparison))
    if comparison.qualification is not None and not _has_verdict(comparison):
        click.echo(" ".join(verdict(comparison)), err=True)
        sys.exit(1)


def _newest(folder: Path) -> Path:
    """Of the results there; beside them may lie what `speechmark ab` has written."""
    found = [path for path in folder.glob("*.json") if _is_result(path)]
    if not found:
        raise click.UsageError(
            f"{plain_path(folder)}: no result (*.json) there; measure first"
        )
    return max(found, key=lambda path: path.stat().st_mtime)


def _is_result(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return b'"machine_info"' in file.read(200)


def _inputs(files: Sequence[str], *others: object) -> list[Path]:
    """All that is read: result files, and those of prices and weights."""
    try:
        found = [given.path for given in result_files(files)[0]]
    except (ValueError, ResultError) as error:
        raise click.ClickException(plain(str(error), LONGEST_ERROR)) from None
    return [*found, *(path for path in others if isinstance(path, Path))]


def _answer(question: Question) -> Comparison:
    try:
        return assemble(question, discover())
    except (QuestionError, SelectionError) as error:
        raise click.UsageError(plain(str(error), LONGEST_ERROR)) from None
    except (ValueError, ResultError) as error:
        raise click.ClickException(plain(str(error), LONGEST_ERROR)) from None


@contextmanager
def _without_collector() -> Iterator[None]:
    """Millions of values, and none that refers to itself: to look for those takes a
    quarter of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _page(comparison: Comparison) -> str:
    # plotly takes a second to load
    from harness.report.pages.page import MOST_DOCUMENT_BYTES, page

    return page(comparison, as_json(comparison, MOST_DOCUMENT_BYTES))


def _has_verdict(comparison: Comparison) -> bool:
    """Whether several candidates were ranked; of limits, whether they leave anybody; of
    one machine, whether no other was given of which nothing was measured."""
    found, (first, *others) = comparison.qualification, comparison.candidates
    if found is not None and len(found.contenders) < 2:
        return bool(found.contenders)
    if not others:
        return all(one.machine == first.machine for one in comparison.idle)
    return comparison.ranking is not None and bool(comparison.ranking.scores)
