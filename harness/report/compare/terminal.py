"""A comparison for a terminal, and as Markdown: the tables that fit there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import rich.table
from rich.text import Text

from harness.report.compare.model import Comparison
from harness.report.compare.shown.apart import apart, candidates_table
from harness.report.compare.shown.money import money_tables
from harness.report.compare.shown.ranking import ranking_tables
from harness.report.compare.shown.side_by_side import side_by_side
from harness.report.compare.shown.verdict import verdict
from harness.report.tables.table import Column, Table, text_column, whole_column

APART = ("failed", "mismatches", "not_measured", "differences", "warnings")
# Rows of a table; the page and the JSON have all.
LONGEST = 40
FEWER = {"warnings": 10, "to-accuracy": 15}
# Tables of reasons that many works share, by what they are told by here.
REASONS = {"left-out": ("reason",), "not-measured": ("candidate", "status", "reason")}


def tables(comparison: Comparison) -> Iterator[Table]:
    """In the order of a reader's questions: who, who is faster, for how much, in which
    cases, and what is in doubt."""
    told = apart(comparison)
    if len(comparison.candidates) == 1:
        told["differences"] = None  # `speechmark doctor` prints a fingerprint
    found = (
        candidates_table(comparison),
        *ranking_tables(comparison).values(),
        *money_tables(comparison).values(),
        *side_by_side(comparison),
        *(told[name] for name in APART),
    )
    for table in filter(None, found):
        yield by_reason(table, REASONS[table.id]) if table.id in REASONS else table


def by_reason(table: Table, names: Sequence[str]) -> Table:
    """The columns of these names alone, each reason once, with how many works have it
    and the first of them."""
    kept = [column for column in table.shown if column.title in names]
    keys = list(zip(*(column.texts for column in kept), strict=True))
    works: dict[tuple[str, ...], list[str]] = {key: [] for key in keys}
    for key, work in zip(keys, table.shown[0].texts, strict=True):
        works[key].append(work)
    columns = (
        *(
            text_column(column.title, (key[i] for key in works))
            for i, column in enumerate(kept)
        ),
        whole_column("works", map(len, works.values())),
        text_column("of them", (some[0] for some in works.values())),
    )
    return Table(table.id, table.caption, columns, table.notes)


def printed(comparison: Comparison) -> Iterator[rich.table.Table | Text]:
    """What a terminal shows: the verdict, every table with its notes, and warnings."""
    for sentence in verdict(comparison):
        yield Text(sentence, style="bold")
    for table in tables(comparison):
        yield Text()
        yield as_rich(table)
        yield from (Text(note) for note in _notes(table))
    yield from (Text(f"warning: {warning}") for warning in comparison.warnings)


def _longest(table: Table) -> int:
    return FEWER.get(table.id, LONGEST)


def _notes(table: Table) -> Iterator[str]:
    if (more := len(table) - _longest(table)) > 0:
        yield f"{more} further rows: see --html or --json"
    yield from table.notes


def as_rich(table: Table) -> rich.table.Table:
    """What comes from files stands in `Text`: it is never markup."""
    title = Text(table.caption, style="italic")
    made = rich.table.Table(title=title, title_justify="left", box=None)
    for column in table.shown:
        is_number = column.values is not None
        made.add_column(
            Text(_head(column)),
            justify="right" if is_number else "left",
            no_wrap=is_number,
            overflow="fold",
        )
    for row in _rows(table):
        made.add_row(*map(Text, row))
    return made


def _head(column: Column) -> str:
    return f"{column.title} {column.unit}".rstrip()


def _rows(table: Table) -> Iterator[tuple[str, ...]]:
    shown = min(len(table), _longest(table))
    return zip(*(column.texts[:shown] for column in table.shown), strict=True)


def as_markdown(comparison: Comparison) -> str:
    """The verdict and every table, in GitHub's Markdown."""
    parts = [f"**{_escaped(sentence)}**" for sentence in verdict(comparison)]
    parts += [_markdown(table) for table in tables(comparison)]
    parts += [f"- warning: {_escaped(one)}" for one in comparison.warnings]
    return "\n\n".join(parts) + "\n"


def _markdown(table: Table) -> str:
    heads = [_head(column) for column in table.shown]
    rules = ["---" if column.values is None else "---:" for column in table.shown]
    lines = [
        f"### {_escaped(table.caption)}",
        "",
        _line(heads),
        f"| {' | '.join(rules)} |",
    ]
    lines += map(_line, _rows(table))
    notes = [f"- {_escaped(note)}" for note in _notes(table)]
    return "\n".join([*lines, *([""] if notes else []), *notes])


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(map(_escaped, cells))} |"


SPECIAL = str.maketrans(
    {mark: f"\\{mark}" for mark in "\\`*_[]|~"} | {"<": "&lt;", "&": "&amp;"}
)


def _escaped(text: str) -> str:
    r"""Text that Markdown shows as it is, whatever a file holds.

    >>> _escaped("<b> *|x*")
    '&lt;b> \\*\\|x\\*'
    """
    return text.translate(SPECIAL)
