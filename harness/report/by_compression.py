"""Compressions side by side: what each costs and buys on every runtime."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from rich.table import Table
from rich.text import Text

from harness.record.result import is_ok
from harness.record.schema import Record
from harness.report.summary import (
    ABSENT,
    Accuracies,
    Cell,
    accuracies,
    digits,
    size_cell,
)

BASELINE = "fp32"
MARK, DIFFERS = "*", "~"
LEGEND = f"{MARK} did not run as claimed: see the warnings"
LIKE = 0.05  # sizes closer than this are told as equal


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


def tables(records: Sequence[Record]) -> list[Table | Text]:
    """A table a group, with its notes; then a table of batch sizes a group that has
    more than one. Trainings are left out, and groups of which nothing was measured."""
    operations = [record for record in records if record.tta is None]
    parts: list[Table | Text] = []
    for group, some in _groups(operations, _of_one_batch_size).items():
        title = f"{group.text}: ms/step (time, as a multiple of that runtime's fp32)"
        accuracy = accuracies(some)
        parts += [Text(title, style="italic"), _table(some, accuracy)]
        parts += [*map(Text, _notes(some, accuracy[1])), Text()]
    for group, some in _groups(operations, _of_any_batch_size).items():
        if table := _batch_table(some):
            title = f"{group.text}: items/s over batch sizes"
            parts += [Text(title, style="italic"), table, Text()]
    if any(_is_marked(record) for record in operations):
        parts.append(Text(LEGEND))
    return parts


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


def _rows(records: Sequence[Record]) -> dict[str, dict[str, Record]]:
    """Records by compression, the baseline first, and by runtime."""
    rows: dict[str, dict[str, Record]] = {}
    for record in sorted(records, key=lambda record: record.compression != BASELINE):
        rows.setdefault(record.compression, {}).setdefault(record.runtime, record)
    return rows


def _table(records: Sequence[Record], accuracy: Accuracies) -> Table:
    rows = _rows(records)
    runtimes = list(dict.fromkeys(record.runtime for record in records))
    title, accuracy_cell = accuracy
    table = _empty(["compression"], [*runtimes, "model MB", title])
    baselines = rows.get(BASELINE, {})
    for compression, row in rows.items():
        times = (_time_cell(row.get(name), baselines.get(name)) for name in runtimes)
        figures = (_size(row, baselines), _accuracy(row, accuracy_cell))
        table.add_row(Text(compression), *map(Text, (*times, *figures)))
    return table


def _batch_table(records: Sequence[Record]) -> Table | None:
    """Items/s of what was tried at several batch sizes; None where nothing was."""
    rows: dict[tuple[str, str], dict[int, Record]] = {}
    for record in records:
        row = rows.setdefault((record.compression, record.runtime), {})
        row.setdefault(record.batch_size, record)
    rows = {names: row for names, row in rows.items() if len(row) > 1}
    sizes = sorted({size for row in rows.values() for size in row})
    if not rows:
        return None
    table = _empty(["compression", "runtime"], [f"b{size}" for size in sizes])
    for names, row in rows.items():
        rates = (_rate_cell(row.get(size)) for size in sizes)
        table.add_row(*map(Text, (*names, *rates)))
    return table


def _empty(names: Sequence[str], figures: Sequence[str]) -> Table:
    """Columns of names, folded where too long, and of figures, which are never cut.
    What comes from a file stands in `Text`: it is never markup."""
    table = Table(box=None)
    for name in names:
        table.add_column(name, overflow="fold")
    for figure in figures:
        table.add_column(Text(figure), justify="right", no_wrap=True)
    return table


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
    has_ratio = base_s > 0 and record.compression != BASELINE
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
    """The model's size on the first runtime that tells one, beside fp32's there."""
    told = {name: size_cell(record) for name, record in row.items()}
    runtime = _first(told)
    if runtime is None:
        return ABSENT
    ratio = _ratio(row[runtime], baselines.get(runtime))
    return told[runtime] + ratio + _differs(told)


def _ratio(record: Record, baseline: Record | None) -> str:
    own = record.work.model_bytes if record.work else None
    base = baseline.work.model_bytes if baseline and baseline.work else None
    if not own or not base or record.compression == BASELINE:
        return ""
    if abs(base / own - 1) < LIKE:
        return " (as large)"
    return f" ({base / own:.1f}x smaller)" if base > own else f" ({own / base:.1f}x)"


def _accuracy(row: dict[str, Record], cell: Cell) -> str:
    """The accuracy on the first runtime that tells one."""
    told = {name: cell(record) for name, record in row.items()}
    runtime = _first(told)
    return ABSENT if runtime is None else told[runtime] + _differs(told)


def _first(told: dict[str, str]) -> str | None:
    return next((runtime for runtime, cell in told.items() if cell != ABSENT), None)


def _differs(told: dict[str, str]) -> str:
    return f" {DIFFERS}" if _others(told) else ""


def _others(told: dict[str, str]) -> dict[str, list[str]]:
    """Cells unlike the first, each with the runtimes that tell it."""
    first = _first(told)
    others: dict[str, list[str]] = {}
    for runtime, cell in told.items():
        if first is not None and cell not in (ABSENT, told[first]):
            others.setdefault(cell, []).append(runtime)
    return others


def _notes(records: Sequence[Record], accuracy: Cell) -> list[str]:
    """Sizes and accuracies of the runtimes that differ from what the table shows."""
    lines = []
    for compression, row in _rows(records).items():
        sizes = _others({name: size_cell(record) for name, record in row.items()})
        unlike = _others({name: accuracy(record) for name, record in row.items()})
        told = [f"{cell} MB on {', '.join(where)}" for cell, where in sizes.items()]
        told += [f"{cell} on {', '.join(where)}" for cell, where in unlike.items()]
        if told:
            lines.append(f"{DIFFERS} {compression}: {'; '.join(told)}")
    return lines
