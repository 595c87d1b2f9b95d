"""A case's result in a line, as it ends."""

from __future__ import annotations

from collections.abc import Iterator

from harness.record.result import is_ok
from harness.record.schema import Record
from harness.report.summary import summary
from harness.report.tables.fitting import shortened
from harness.report.tables.table import ABSENT

LEAST_IMPORTANCE = 6  # of the summary's columns that a line has
INDENT = "    "


def result_text(record: Record) -> str:
    """The figures of the summary that count most, under its titles; or why there are
    none."""
    if not is_ok(record):
        return f"{record.status}: {(record.reason or '').splitlines()[0]}"
    return ", ".join(_figures(record))


def _figures(record: Record) -> Iterator[str]:
    (table,) = summary([record])
    for column in table.shown:
        (text,) = column.texts
        if column.importance >= LEAST_IMPORTANCE and text != ABSENT:
            yield f"{column.head}: {text}"


def case_line(record: Record, place: str, took: str, columns: int | None) -> str:
    """One line, if there is room in so many `columns`: else the id stands alone,
    without its middle where even it is too long."""
    result = f"{result_text(record)}  ({took})"
    line = f"{place} {record.case_id}  {result}"
    if columns is None or len(line) <= columns:
        return line
    (name,) = shortened([record.case_id], columns - len(place) - 1)
    return f"{place} {name}\n{INDENT}{result}"
