"""Tables for other programs: CSV and JSON. Numbers stand there as they are, and
columns that are hidden from readers; rows that only head others, and columns without
a title, do not."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from harness.report.tables.table import ABSENT, Column, Table

FORMAT = "speechmark-tables"
FORMAT_VERSION = 1
Cell = str | float | None


def as_csv(tables: Sequence[Table]) -> str:
    """All tables as one, so that any reader of CSV takes it: the first column says
    which table a row is of, and columns that a table does not have are empty."""
    heads = list(dict.fromkeys(head for table in tables for head in _heads(table)))
    made = io.StringIO()
    writer = csv.writer(made, lineterminator="\n")
    writer.writerow(["table", *map(_guarded, heads)])
    for table in tables:
        own = _heads(table)
        for cells in _rows(table):
            found = dict(zip(own, cells, strict=True))
            line = (_guarded(found.get(head)) for head in heads)
            writer.writerow([_guarded(table.id), *line])
    return made.getvalue()


def as_json(tables: Sequence[Table]) -> str:
    """Strict JSON. What is not known is null."""
    document = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "tables": [_plain(table) for table in tables],
    }
    return json.dumps(document, allow_nan=False, ensure_ascii=False, indent=1) + "\n"


def _plain(table: Table) -> dict[str, Any]:
    return {
        "id": table.id,
        "caption": table.caption,
        "columns": [{"title": c.title, "unit": c.unit} for c in _columns(table)],
        "rows": list(map(list, _rows(table))),
        "notes": list(table.notes),
    }


def _columns(table: Table) -> list[Column]:
    return [column for column in table.columns if column.title]


def _heads(table: Table) -> list[str]:
    """Title and unit of each column, with a number where two have the same."""
    seen: Counter[str] = Counter()
    heads = []
    for column in _columns(table):
        title = column.title.strip()
        head = f"{title} ({column.unit})" if column.unit else title
        seen[head] += 1
        heads.append(head if seen[head] == 1 else f"{head} {seen[head]}")
    return heads


def _rows(table: Table) -> Iterator[tuple[Cell, ...]]:
    for row in range(len(table)):
        if row not in table.headings:
            yield tuple(_cell(column, row) for column in _columns(table))


def _cell(column: Column, row: int) -> Cell:
    """The number, else the text that stands for it; None for nothing."""
    value = None if column.values is None else column.values[row]
    if value is not None:
        return value
    text = column.texts[row].strip()
    return None if text in ("", ABSENT) else text


def _guarded(cell: Cell) -> Cell:
    """A spreadsheet takes text that begins with = + - @ for a formula, and runs it."""
    if not isinstance(cell, str):
        return cell
    is_formula = re.match(r"\s*[=+\-@]|[\t\r]", cell) and not _is_number(cell)
    return f"'{cell}" if is_formula else cell


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
