"""The commands `speechmark compare` and `speechmark report`."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from basics.files import write_whole
from harness.files import check_output
from harness.plan import discover
from harness.record.result import ResultError
from harness.report.compare.assemble import Question, assemble
from harness.report.compare.buyer_options import asked_of_money, terms_of
from harness.report.compare.document import as_json
from harness.report.compare.model import Comparison, Measured
from harness.report.compare.reading.arguments import result_files
from harness.report.compare.reading.facts import KINDS
from harness.report.compare.shown.verdict import verdict
from harness.report.compare.terminal import as_markdown, printed
from harness.report.compare.terms import QuestionError
from harness.report.summary import WIDTH
from harness.text import plain, plain_path

FILE = click.Path(path_type=Path, dir_okay=False)
LONGEST_ERROR = 2000  # texts of files stand in it


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="[NAME=]FILE...")
@click.option("--baseline", metavar="NAME", help="what ratios are to  [default: first]")
@click.option("-k", "keyword", default="", help="only cases whose id contains this")
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
@asked_of_money
@click.option("--html", type=FILE, help="write the page: pictures, tables, downloads")
@click.option("--json", type=FILE, help="write every figure")
@click.option("--markdown", type=FILE, help="write the tables as Markdown")
def compare(
    files: tuple[str, ...],
    baseline: str | None,
    keyword: str,
    allow: tuple[str, ...],
    weights: Path | None,
    html: Path | None,
    json: Path | None,
    markdown: Path | None,
    **asked: object,
) -> None:
    """Which machine does this speech work best, and for how much?

    FILES are results of `pytest --benchmark-only`, or globs of them. Files of one
    machine are runs of it: three or more tell how far its figures can be trusted. A
    machine is called as its host, or NAME. Each hardware setting in a file is a
    candidate of its own.

    Different work has no verdict: what differs is listed, and --allow compares it all
    the same. Limits bind the ranking as they bind the prices. Exits with status 1 where
    no case can be compared, or none qualifies.
    """
    terms = terms_of(asked)
    outputs = {"--html": html, "--json": json, "--markdown": markdown}
    _check_outputs(outputs, files, (asked["prices"], weights))
    question = Question(
        files=files,
        terms=terms,
        baseline=baseline,
        keyword=keyword,
        allow=frozenset(allow),
        prices=asked["prices"],  # type: ignore[arg-type]
        weights=weights,
    )
    with _without_collector():
        comparison = _answer(question)
        _print(comparison)
        _write(json, lambda: as_json(comparison))
        _write(html, lambda: _page(comparison))
        _write(markdown, lambda: as_markdown(comparison))
    sys.exit(not _has_verdict(comparison))


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-k", "keyword", default="", help="only cases whose id contains this")
@asked_of_money
@click.option("--html", type=FILE, help="where the page goes  [default: beside FILE]")
def report(file: Path, keyword: str, html: Path | None, **asked: object) -> None:
    """Write a page about one result: pictures, tables, downloads.

    FILE may be a folder of results: then the newest in it is meant. Exits with status 1
    where a limit is asked for and no case keeps it.
    """
    file = _newest(file) if file.is_dir() else file
    html = html or file.with_suffix(".html")
    terms = terms_of(asked)
    _check_outputs({"--html": html}, (str(file),), (asked["prices"],))
    question = Question(
        files=(str(file),),
        terms=terms,
        keyword=keyword,
        prices=asked["prices"],  # type: ignore[arg-type]
    )
    comparison = _answer(question)
    _write(html, lambda: _page(comparison))
    if not _has_verdict(comparison):
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


def _check_outputs(
    outputs: dict[str, Path | None], files: Sequence[str], others: Iterable[object]
) -> None:
    """Nothing that is read is written over, and no output over another."""
    try:
        inputs = [given.path for given in result_files(files)[0]]
    except (ValueError, ResultError) as error:
        raise click.ClickException(plain(str(error), LONGEST_ERROR)) from None
    inputs += [path for path in others if isinstance(path, Path)]
    taken: dict[Path, str] = {}
    for option, path in outputs.items():
        if path is None:
            continue
        try:
            check_output(path, inputs)
        except ValueError as error:
            raise click.UsageError(plain(f"{option} {error}")) from None
        first = taken.setdefault(path.resolve(), option)
        if first != option:
            raise click.UsageError(
                f"{option} {plain_path(path)}: {first} goes there; name another"
            )


def _answer(question: Question) -> Comparison:
    try:
        return assemble(question, discover())
    except QuestionError as error:
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


def _print(comparison: Comparison) -> None:
    console = Console() if sys.stdout.isatty() else Console(width=WIDTH)
    for part in printed(comparison):
        console.print(part, soft_wrap=isinstance(part, Text), highlight=False)


def _page(comparison: Comparison) -> str:
    # plotly takes a second to load
    from harness.report.pages.page import MOST_DOCUMENT_BYTES, page

    return page(comparison, as_json(comparison, MOST_DOCUMENT_BYTES))


def _write(path: Path | None, text: Callable[[], str]) -> None:
    if path is None:
        return
    try:
        write_whole(path, text())
    except OSError as error:
        raise click.ClickException(f"{plain_path(path)}: {error.strerror}") from None
    click.echo(f"written: {plain_path(path)}")


def _has_verdict(comparison: Comparison) -> bool:
    """Whether any work was done alike by two candidates, or there is but one; with
    limits, whether they leave one candidate, or a ranking of several."""
    if (found := comparison.qualification) is not None:
        if len(found.contenders) < 2:
            return bool(found.contenders)
        return comparison.ranking is not None and bool(comparison.ranking.scores)
    if len(comparison.candidates) == 1:
        return True
    return any(
        row.same and sum(isinstance(c, Measured) for c in row.cells.values()) > 1
        for row in comparison.rows
    )
