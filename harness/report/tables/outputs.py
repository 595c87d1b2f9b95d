"""The options --csv, --parquet, --json and --markdown of every command that prints
tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from basics.files import write_file
from harness.files import check_output
from harness.report.tables.data import as_csv, as_json, as_parquet
from harness.report.tables.markdown import as_markdown
from harness.report.tables.table import Table
from harness.text import plain, plain_path

FILE = click.Path(path_type=Path, dir_okay=False)
HELP = {
    "csv": "write the tables as CSV, all columns and rows",
    "parquet": "write what --csv does as Parquet (needs pyarrow)",
    "json": "write the tables as JSON, all columns and rows",
    "markdown": "write the tables as Markdown",
}
LONGEST_ERROR = 2000  # texts of files stand in it
Command = Callable[..., Any]


@dataclass(frozen=True)
class Outputs:
    """The files that a person named; None where none is wanted."""

    csv: Path | None = None
    parquet: Path | None = None
    json: Path | None = None
    markdown: Path | None = None
    html: Path | None = None

    def check(
        self,
        inputs: Sequence[Path] = (),
        others: Mapping[str, Path | None] | None = None,
    ) -> None:
        """ValueError unless each may be written, no two are one, and none is among the
        `inputs`; `others` are further outputs by their option."""
        if self.parquet is not None and find_spec("pyarrow") is None:
            raise ValueError(
                f"--parquet {plain_path(self.parquet)} needs pyarrow, which is not "
                "installed: pip install 'speechmark[parquet]' brings it; --csv has the "
                "same rows and columns"
            )
        own = {f"--{name}": path for name, path in vars(self).items() if path}
        check_outputs({**(others or {}), **own}, inputs)

    def write(self, tables: Sequence[Table], **own: Callable[[], str]) -> None:
        """Those that are wanted. `own` has the text of one that is no list of tables,
        by its name here."""
        texts: dict[str, Callable[[], str | bytes]] = {
            "csv": lambda: as_csv(tables),
            "parquet": lambda: as_parquet(tables),
            "json": lambda: as_json(tables),
            "markdown": lambda: as_markdown(tables),
            **own,
        }
        for name, path in vars(self).items():
            if path is not None:
                write_output(path, texts[name]())


def write_output(path: Path, content: str | bytes) -> None:
    """Whole or not at all, and says so."""
    if isinstance(content, str):
        # A file may hold half a character (a lone surrogate), which UTF-8 cannot.
        content = content.encode("utf-8", "replace")
    found = content
    try:
        write_file(path, lambda file: file.write(found))
    except OSError as error:
        raise click.ClickException(f"{plain_path(path)}: {error.strerror}") from None
    click.echo(f"written: {plain_path(path)}")


def check_outputs(
    outputs: Mapping[str, Path | None], inputs: Sequence[Path] = ()
) -> None:
    """ValueError, which names the option, unless nothing that is read is written over,
    and no output over another."""
    taken: dict[Path, str] = {}
    for option, path in outputs.items():
        if path is None:
            continue
        try:
            check_output(path, inputs)
        except ValueError as error:
            raise ValueError(f"{option} {error}") from None
        first = taken.setdefault(path.resolve(), option)
        if first != option:
            raise ValueError(
                f"{option} {plain_path(path)}: {first} goes there; name another"
            )


@contextmanager
def usage_errors() -> Iterator[None]:
    """A ValueError within is one of how the command was called."""
    try:
        yield
    except ValueError as error:
        raise click.UsageError(plain(str(error), LONGEST_ERROR)) from None


def table_outputs(**helps: str | None) -> Callable[[Command], Command]:
    """The options on a command of click, which takes them as `outputs`. `helps` says
    what one holds that is no list of tables, such as `html`, which only a command has
    that says so; None: the command has its own."""

    def decorate(command: Command) -> Command:
        texts = {name: text for name, text in {**HELP, **helps}.items() if text}

        @wraps(command)
        def with_outputs(*arguments: Any, **options: Any) -> Any:
            outputs = Outputs(**{name: options.pop(name) for name in texts})
            return command(*arguments, outputs=outputs, **options)

        made: Command = with_outputs
        for name, text in reversed(texts.items()):
            made = click.option(f"--{name}", type=FILE, metavar="FILE", help=text)(made)
        return made

    return decorate
