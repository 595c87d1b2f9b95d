"""A table in a terminal, and as lines of text."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator

import rich.table
from rich.console import Console
from rich.text import Text

from harness.report.tables.fitting import ELSEWHERE, fitted
from harness.report.tables.table import Table

WIDTH = 200  # where the output is no terminal: no id is folded


def console_of(width: int = WIDTH) -> Console:
    """As wide as the terminal; of `width` where there is none, and in colour there if
    FORCE_COLOR asks for it: the rest of a terminal is not to be had in a pipe."""
    if sys.stdout.isatty():
        return Console()
    is_coloured = bool(os.environ.get("FORCE_COLOR"))
    return Console(
        width=width,
        force_terminal=False,
        color_system="standard" if is_coloured else None,
    )


def print_table(table: Table, console: Console, elsewhere: str = ELSEWHERE) -> None:
    """With its caption and notes; as much as there is room for, where the console is a
    terminal, and else all of it."""
    if console.is_terminal:
        parts = _parts(fitted(table, console.width, elsewhere), keeps_names=True)
    else:
        parts = _parts(table, keeps_names=False)
    for part in parts:
        console.print(part, soft_wrap=isinstance(part, Text), highlight=False)


def print_line(line: str, console: Console, style: str = "") -> None:
    """Nothing in it is markup, and the console does not break it."""
    console.print(Text(line, style=style), soft_wrap=True, highlight=False)


def as_text(table: Table, width: int = WIDTH) -> str:
    """All of a table in lines, for a page or a file."""
    console = Console(
        file=io.StringIO(), width=width, color_system=None, force_terminal=False
    )
    print_table(table, console)
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())


def _parts(table: Table, keeps_names: bool) -> Iterator[rich.table.Table | Text]:
    if table.caption:
        yield Text(table.caption, style="italic")
    yield _grid(table, keeps_names)
    yield from map(Text, table.notes)


def _grid(table: Table, keeps_names: bool) -> rich.table.Table:
    """What comes from files stands in `Text`: it is never markup. Words are wrapped,
    and so are names, unless they were made to fit."""
    made = rich.table.Table(box=None)
    names = table.names if keeps_names else ()
    for column in table.shown:
        is_name = any(column is name for name in names)
        made.add_column(
            Text(column.head),
            justify="right" if column.is_right else "left",
            no_wrap=column.is_right or is_name,
            overflow="fold",
        )
    styles = [column.styles for column in table.shown]
    for number, line in enumerate(table.lines()):
        cells = (
            Text(text, style=known.get(text, ""))
            for text, known in zip(line, styles, strict=True)
        )
        made.add_row(*cells, style="bold" if number in table.headings else None)
    return made
