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

from harness.compare.arguments import result_files
from harness.compare.assemble import Question, assemble
from harness.compare.document import as_json
from harness.compare.facts import KINDS
from harness.compare.model import Comparison, Measured
from harness.compare.terminal import as_markdown, printed
from harness.compare.terms import Terms
from harness.files import check_output, write_whole
from harness.metrics import scale_of
from harness.plan import discover
from harness.record.result import ResultError
from harness.show import WIDTH
from harness.text import plain, plain_path

FILE = click.Path(path_type=Path, dir_okay=False)
YEARS = 4.0
AT_MOST, AT_LEAST = "wer=25 or p99_ms=50", "si_sdr_improvement=6"  # examples
LONGEST_ERROR = 2000  # texts of files stand in it


def asked_of_money(command: Callable[..., None]) -> Callable[..., None]:
    """The options on prices and what is asked of them; the command takes `asked`."""
    for option in (
        click.option(
            "--prices",
            type=click.Path(path_type=Path, dir_okay=False, exists=True),
            help="what machines cost: a file like results/prices.toml",
        ),
        click.option(
            "--utilization",
            "utilization_percent",
            default=100.0,
            show_default=True,
            metavar="PERCENT",
            help="how much of all hours an owned machine is busy",
        ),
        click.option(
            "--years",
            default=YEARS,
            show_default=True,
            help="what total costs run over",
        ),
        click.option(
            "--load",
            type=float,
            metavar="HOURS",
            help="hours of audio a day, for total costs",
        ),
        click.option(
            "--at-most",
            "limits",
            multiple=True,
            metavar="NAME=VALUE",
            help="a limit on what may serve: wer=25 (percent), p99_ms=50",
        ),
        click.option(
            "--at-least",
            multiple=True,
            metavar="NAME=VALUE",
            help="the same where higher is better: si_sdr_improvement=6 (dB)",
        ),
    )[::-1]:
        command = option(command)
    return command


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
    the same. Exits with status 1 where no case can be compared.
    """
    terms = _terms(asked)
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

    FILE may be a folder of results: then the newest in it is meant.
    """
    file = _newest(file) if file.is_dir() else file
    html = html or file.with_suffix(".html")
    terms = _terms(asked)
    _check_outputs({"--html": html}, (str(file),), (asked["prices"],))
    question = Question(
        files=(str(file),),
        terms=terms,
        keyword=keyword,
        prices=asked["prices"],  # type: ignore[arg-type]
    )
    comparison = _answer(question)
    _write(html, lambda: _page(comparison))


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


def _terms(asked: dict[str, object]) -> Terms:
    percent, load, years = (asked[n] for n in ("utilization_percent", "load", "years"))
    try:
        return Terms(
            utilization=percent / 100,  # type: ignore[operator]
            years=years,  # type: ignore[arg-type]
            load_audio_hours_per_day=load,  # type: ignore[arg-type]
            limits=_limits("--at-most", asked["limits"], AT_MOST),  # type: ignore[arg-type]
            at_least=_limits("--at-least", asked["at_least"], AT_LEAST),  # type: ignore[arg-type]
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _limits(option: str, texts: Iterable[str], like: str) -> dict[str, float]:
    """
    >>> _limits("--at-most", ["wer=25", "p99_ms=50"], AT_MOST)
    {'wer': 0.25, 'p99_ms': 50.0}
    """
    limits = {}
    for text in texts:
        name, _, value = text.partition("=")
        try:
            limits[name] = float(value) / scale_of(name)
        except ValueError:
            raise ValueError(
                f"{option} {text!r}: expected NAME=VALUE, such as {like}"
            ) from None
    return limits


def _answer(question: Question) -> Comparison:
    try:
        return assemble(question, discover())
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
    from harness.compare.page import MOST_DOCUMENT_BYTES, page

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
    """Whether any work was done alike by two candidates, or there is but one."""
    if len(comparison.candidates) == 1:
        return True
    return any(
        row.same and sum(isinstance(c, Measured) for c in row.cells.values()) > 1
        for row in comparison.rows
    )
