"""Compressions side by side: what each costs and buys on every runtime."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from harness.case import Case
from harness.record.result import is_ok
from harness.record.schema import Record
from harness.report.summary import (
    Cell,
    accuracies,
    digits,
    size_cell,
    size_mb,
)
from harness.report.tables.table import (
    ABSENT,
    Column,
    Table,
    figure_column,
    text_column,
    whole_column,
)

BASELINE_BEFORE = "fp32"  # of records that name no baseline
MARK, DIFFERS = "*", "~"
LEGEND = f"{MARK} did not run as claimed: see the warnings"
LIKE = 0.05  # sizes closer than this count as equal


class Group(NamedTuple):
    """What the cases of one table have in common."""

    workload: str
    model: str
    hardware: str
    options: tuple[tuple[str, str], ...]
    batch_size: int | None  # None: any

    @property
    def text(self) -> str:
        batch = () if self.batch_size is None else (f"batch size {self.batch_size}",)
        options = (f"{name}={value}" for name, value in self.options)
        where = f"{self.workload}/{self.model} on {self.hardware}"
        return ", ".join((where, *batch, *options))


def tables(records: Sequence[Record]) -> list[Table]:
    """A table a group, with its notes; then a table of batch sizes a group that has
    more than one. Trainings are left out, and groups of which nothing was measured."""
    operations = [record for record in records if record.tta is None]
    found = [
        _step_table(group, some)
        for group, some in _groups(operations, _of_one_batch_size).items()
    ]
    for group, some in _groups(operations, _of_any_batch_size).items():
        if table := _batch_table(group, some):
            found.append(table)
    if found and any(_is_marked(record) for record in operations):
        found[-1] = replace(found[-1], notes=(*found[-1].notes, LEGEND))
    return found


def _of_one_batch_size(record: Record) -> Group:
    return _of_any_batch_size(record)._replace(batch_size=record.batch_size)


def _of_any_batch_size(record: Record) -> Group:
    options = tuple(record.options.items())
    return Group(record.workload, record.model, record.hardware, options, None)


def _groups(
    records: Sequence[Record], group_of: Callable[[Record], Group]
) -> dict[Group, list[Record]]:
    groups: dict[Group, list[Record]] = {}
    for record in records:
        groups.setdefault(group_of(record), []).append(record)
    return {group: some for group, some in groups.items() if any(map(is_ok, some))}


def _baseline(records: Sequence[Record]) -> str:
    """The compression that most accuracies are held against."""
    named = Counter(
        compression
        for record in records
        for metric in ((record.accuracy and record.accuracy.metrics) or {}).values()
        if (compression := _compression_of(metric.baseline_case))
    )
    return next((name for name, _ in named.most_common(1)), BASELINE_BEFORE)


def _compression_of(case_id: str | None) -> str | None:
    try:
        return Case.parse(case_id or "").compression
    except ValueError:
        return None  # a file may hold any text


def _rows(records: Sequence[Record]) -> dict[str, dict[str, Record]]:
    """Records by compression, the baseline first, and by runtime."""
    rows: dict[str, dict[str, Record]] = {}
    baseline = _baseline(records)
    for record in sorted(records, key=lambda record: record.compression != baseline):
        rows.setdefault(record.compression, {}).setdefault(record.runtime, record)
    return rows


def _step_table(group: Group, records: Sequence[Record]) -> Table:
    """Times and their ratios on each runtime; the CSV has the times."""
    rows = _rows(records)
    baseline = _baseline(records)
    baselines = rows.get(baseline, {})
    title, accuracy_cell = accuracies(records)
    columns = (
        text_column("compression", rows, is_name=True),
        *(
            _time_column(name, list(rows.values()), baselines.get(name))
            for name in dict.fromkeys(record.runtime for record in records)
        ),
        _size_column(list(rows.values()), baselines),
        figure_column(
            title,
            (_accuracy(row, accuracy_cell) for row in rows.values()),
            importance=4,  # a gate that fails is never hidden
        ),
        *_group_columns(group, len(rows)),
    )
    caption = (
        f"{group.text}: ms/step (time, as a multiple of that runtime's {baseline})"
    )
    return Table("steps", caption, columns, tuple(_notes(records, accuracy_cell)))


def _time_column(
    runtime: str, rows: Sequence[dict[str, Record]], baseline: Record | None
) -> Column:
    found = [row.get(runtime) for row in rows]
    texts = (_time_cell(record, baseline) for record in found)
    return figure_column(runtime, texts, map(_step_ms, found), importance=3)


def _size_column(
    rows: Sequence[dict[str, Record]], baselines: dict[str, Record]
) -> Column:
    texts = (_size(row, baselines) for row in rows)
    values = (_size_mb(row) for row in rows)
    return figure_column("model", texts, values, unit="MB", importance=1)


def _group_columns(group: Group, rows: int) -> tuple[Column, ...]:
    """What all rows of a table have in common, for the CSV."""
    options = ", ".join(f"{name}={value}" for name, value in group.options)
    texts = {
        "workload": group.workload,
        "model name": group.model,
        "hardware": group.hardware,
        "options": options,
    }
    return (
        *(
            text_column(name, [text] * rows, hidden=True)
            for name, text in texts.items()
        ),
        whole_column("batch size", [group.batch_size] * rows, hidden=True),
    )


def _batch_table(group: Group, records: Sequence[Record]) -> Table | None:
    """Items/s of what was tried at several batch sizes; None where nothing was."""
    rows: dict[tuple[str, str], dict[int, Record]] = {}
    for record in records:
        row = rows.setdefault((record.compression, record.runtime), {})
        row.setdefault(record.batch_size, record)
    rows = {names: row for names, row in rows.items() if len(row) > 1}
    if not rows:
        return None
    columns = (
        text_column("compression", (name for name, _ in rows), is_name=True),
        text_column("runtime", (name for _, name in rows), is_name=True),
        *(
            _rate_column(size, list(rows.values()))
            for size in sorted({size for row in rows.values() for size in row})
        ),
        *_group_columns(group, len(rows)),
    )
    return Table("rates", f"{group.text}: items/s over batch sizes", columns)


def _rate_column(size: int, rows: Sequence[dict[int, Record]]) -> Column:
    found = [row.get(size) for row in rows]
    return figure_column(f"b{size}", map(_rate_cell, found), map(_rate, found))


def _step_ms(record: Record | None) -> float | None:
    if record is None or record.timing is None or not is_ok(record):
        return None
    return 1e3 * record.timing.median_s


def _rate(record: Record | None) -> float | None:
    if record is None or record.timing is None or not is_ok(record):
        return None
    return record.timing.throughput_items_per_s


def _is_marked(record: Record) -> bool:
    return any(warning.startswith("claims") for warning in record.warnings)


def _time_cell(record: Record | None, baseline: Record | None) -> str:
    if record is None:
        return ABSENT
    if record.timing is None or not is_ok(record):
        return record.status
    mark = MARK if _is_marked(record) else ""
    own_s = record.timing.median_s
    base_s = baseline.timing.median_s if baseline and baseline.timing else 0.0
    has_ratio = base_s > 0 and record is not baseline
    ratio = f" ({own_s / base_s:.2f}x)" if has_ratio else ""
    return digits(1e3 * own_s) + mark + ratio


def _rate_cell(record: Record | None) -> str:
    if record is None:
        return ABSENT
    if record.timing is None or not is_ok(record):
        return record.status
    mark = MARK if _is_marked(record) else ""
    return digits(record.timing.throughput_items_per_s) + mark


def _size(row: dict[str, Record], baselines: dict[str, Record]) -> str:
    """The model's size on the first runtime that has one, beside the baseline's."""
    cells = {name: size_cell(record) for name, record in row.items()}
    runtime = _first(cells)
    if runtime is None:
        return ABSENT
    ratio = _ratio(row[runtime], baselines.get(runtime))
    return cells[runtime] + ratio + _differs(cells)


def _size_mb(row: dict[str, Record]) -> float | None:
    return next((size for record in row.values() if (size := size_mb(record))), None)


def _ratio(record: Record, baseline: Record | None) -> str:
    own = record.work.model_bytes if record.work else None
    base = baseline.work.model_bytes if baseline and baseline.work else None
    if not own or not base or record is baseline:
        return ""
    if abs(base / own - 1) < LIKE:
        return " (as large)"
    return f" ({base / own:.1f}x smaller)" if base > own else f" ({own / base:.1f}x)"


def _accuracy(row: dict[str, Record], cell: Cell) -> str:
    """The accuracy on the first runtime that has one."""
    cells = {name: cell(record) for name, record in row.items()}
    runtime = _first(cells)
    return ABSENT if runtime is None else cells[runtime] + _differs(cells)


def _first(cells: dict[str, str]) -> str | None:
    return next((runtime for runtime, cell in cells.items() if cell != ABSENT), None)


def _differs(cells: dict[str, str]) -> str:
    return f" {DIFFERS}" if _others(cells) else ""


def _others(cells: dict[str, str]) -> dict[str, list[str]]:
    """Cells unlike the first, each with the runtimes that have it."""
    first = _first(cells)
    others: dict[str, list[str]] = {}
    for runtime, cell in cells.items():
        if first is not None and cell not in (ABSENT, cells[first]):
            others.setdefault(cell, []).append(runtime)
    return others


def _notes(records: Sequence[Record], accuracy: Cell) -> list[str]:
    """Sizes and accuracies of the runtimes that differ from what the table shows."""
    lines = []
    for compression, row in _rows(records).items():
        sizes = _others({name: size_cell(record) for name, record in row.items()})
        unlike = _others({name: accuracy(record) for name, record in row.items()})
        parts = [f"{cell} MB on {', '.join(where)}" for cell, where in sizes.items()]
        parts += [f"{cell} on {', '.join(where)}" for cell, where in unlike.items()]
        if parts:
            lines.append(f"{DIFFERS} {compression}: {'; '.join(parts)}")
    return lines
