"""Tables for other programs: CSV, Parquet and JSON. Numbers stand there as they are,
and columns that are hidden from readers; rows that only head others, and columns
without a title, do not."""

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
TABLE = "table"  # head of the column that says which table a row is of
Cell = str | float | None


def as_csv(tables: Sequence[Table]) -> str:
    """All tables as one, so that any reader of CSV takes it: the first column says
    which table a row is of, and columns that a table does not have are empty."""
    heads = _all_heads(tables)
    made = io.StringIO()
    writer = csv.writer(made, lineterminator="\n")
    writer.writerow([TABLE, *map(_guarded, heads)])
    for row in _united(tables):
        writer.writerow([_guarded(row.get(head)) for head in (TABLE, *heads)])
    return made.getvalue()


def as_parquet(tables: Sequence[Table]) -> bytes:
    """The table that `as_csv` writes, in columns that have a type."""
    import pyarrow
    from pyarrow import parquet

    types = {float: pyarrow.float64(), str: pyarrow.string()}
    found = typed_columns(tables)
    made = pyarrow.table(
        {name: pyarrow.array(some, types[kind]) for name, (kind, some) in found.items()}
    )
    marks = {"format": FORMAT, "format_version": str(FORMAT_VERSION)}
    out = io.BytesIO()
    parquet.write_table(made.replace_schema_metadata(marks), out)
    return out.getvalue()


def typed_columns(
    tables: Sequence[Table],
) -> dict[str, tuple[type[float] | type[str], list[Cell]]]:
    """By the head, which has the unit, whether a column is of numbers or of words, and
    its cells. What is a number in any table is a column of numbers; where words stand
    for one, they are in a column of their own beside it."""
    rows = list(_united(tables))
    numbers = {head for table in tables for head in _number_heads(table)}
    found: dict[str, tuple[type[float] | type[str], list[Cell]]] = {}
    for head in (TABLE, *_all_heads(tables)):
        cells = [row.get(head) for row in rows]
        words = [_whole(cell) if isinstance(cell, str) else None for cell in cells]
        name = _whole(head)
        if head not in numbers:
            found[name] = str, [*words]
            continue
        found[name] = float, [None if isinstance(cell, str) else cell for cell in cells]
        if any(words):
            found[f"{name} in words"] = str, [*words]
    return found


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


def _all_heads(tables: Sequence[Table]) -> list[str]:
    return list(dict.fromkeys(head for table in tables for head in _heads(table)))


def _number_heads(table: Table) -> Iterator[str]:
    for head, column in zip(_heads(table), _columns(table), strict=True):
        if column.values is not None:
            yield head


def _united(tables: Sequence[Table]) -> Iterator[dict[str, Cell]]:
    """The rows of all tables by their heads, each with the table that it is of."""
    for table in tables:
        heads = _heads(table)
        for cells in _rows(table):
            yield {TABLE: table.id, **dict(zip(heads, cells, strict=True))}


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


def _whole(text: str) -> str:
    """Without half a character (a lone surrogate), which UTF-8 cannot hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


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
