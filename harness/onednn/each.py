"""Every call of a log as a row, written as it is read: logs may exceed memory."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from basics.files import write_file
from harness.observe.onednn.log import Call, LogReader
from harness.onednn.keys import KEYS
from harness.onednn.totals import Totals, Watch, calls_of, nothing_found

COLUMNS = ("kind", *KEYS, "timestamp_ms", "time_ms")
ROWS_AT_A_TIME = 50_000
Row = tuple[str | float | None, ...]


def row_of(call: Call) -> Row:
    found = (key(call.execution) for key in KEYS.values())
    return call.execution.kind, *found, call.timestamp_ms, call.time_ms


def write_each(log: Path, to: Path, write: Callable[..., None], watch: Watch) -> Totals:
    """Of all rows together. ValueError where the log cannot be read or executes
    nothing, and then nothing is written, or where the rows cannot be."""
    totals, reader = Totals(()), LogReader()

    def rows() -> Iterator[Row]:
        for call in calls_of(log, reader, totals, watch):
            totals.add(call)
            yield row_of(call)
        if not totals.groups:
            raise ValueError(nothing_found(log, reader.passed_over))

    try:
        write_file(to, lambda file: write(rows(), file))
    except OSError as error:
        raise ValueError(f"cannot write {to}: {error.strerror}") from None
    return totals


def as_csv(rows: Iterable[Row], file: BinaryIO) -> None:
    text = io.TextIOWrapper(file, "utf-8", newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    text.detach()


def as_json(rows: Iterable[Row], file: BinaryIO) -> None:
    """A line each: what is larger than memory is no single document."""
    for row in rows:
        line = json.dumps(dict(zip(COLUMNS, row, strict=True)), ensure_ascii=False)
        file.write(line.encode("utf-8", "replace") + b"\n")


def as_parquet(rows: Iterable[Row], file: BinaryIO) -> None:
    import pyarrow
    from pyarrow import parquet

    numbers = {"timestamp_ms", "time_ms"}
    schema = pyarrow.schema(
        [
            (name, pyarrow.float64() if name in numbers else pyarrow.string())
            for name in COLUMNS
        ]
    )
    with parquet.ParquetWriter(file, schema) as writer:
        following = iter(rows)
        while some := list(islice(following, ROWS_AT_A_TIME)):
            columns = [list(column) for column in zip(*some, strict=True)]
            writer.write_table(pyarrow.table(columns, schema=schema))


WRITERS = {"csv": as_csv, "json": as_json, "parquet": as_parquet}
