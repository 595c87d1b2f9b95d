"""Tables in GitHub's Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.report.tables.table import Table


def as_markdown(tables: Sequence[Table]) -> str:
    """Each under its caption, with its notes below."""
    return "\n\n".join(map(section, tables)) + "\n"


def section(table: Table) -> str:
    """One table, without an end of line."""
    shown = table.shown
    rules = ["---:" if column.is_right else "---" for column in shown]
    lines = [f"### {escaped(table.caption)}", ""] if table.caption else []
    lines += [_line(column.head for column in shown), f"| {' | '.join(rules)} |"]
    lines += map(_line, table.lines())
    notes = [f"- {escaped(note)}" for note in table.notes]
    return "\n".join([*lines, *([""] if notes else []), *notes])


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(map(escaped, cells))} |"


_SPECIAL = str.maketrans(
    {mark: f"\\{mark}" for mark in "\\`*_[]|~"} | {"<": "&lt;", "&": "&amp;"}
)


def escaped(text: str) -> str:
    r"""Text that Markdown shows as it is, whatever a file holds.

    >>> escaped("<b> *|x*")
    '&lt;b> \\*\\|x\\*'
    """
    return text.translate(_SPECIAL)
