"""Records as tables in a terminal."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.record.result import is_ok
from harness.record.schema import Record

WIDTH = 200  # where the output is no terminal: no id is folded
ERROR_RATES = ("wer", "cer", "per")
FAILS = " FAILS GATE"
SPOILED = " spoiled"  # other load disturbed what counts: a warning says how much
ABSENT = "-"  # not known, or not measured


def summary_text(records: Sequence[Record], width: int = WIDTH) -> str:
    """Every record in one line, trainings with their time to accuracy apart."""
    console = Console(file=io.StringIO(), width=width, color_system=None)
    for table in summary(records):
        console.print(table)
    for line in remarks(records):
        console.print(line, soft_wrap=True, highlight=False, markup=False)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().rstrip()


def summary(records: Sequence[Record]) -> list[Table]:
    """The tables of a run."""
    measured = [record for record in records if is_ok(record)]
    tables = []
    if trainings := [record for record in measured if record.tta]:
        tables.append(_training_table(trainings))
    if others := [record for record in measured if not record.tta]:
        tables.append(_operation_table(others))
    return tables


def remarks(records: Sequence[Record]) -> list[str]:
    """What failed, was skipped or is in doubt, with the reasons."""
    lines = []
    for record in records:
        if not is_ok(record):
            reason = (record.reason or "").splitlines()[0]
            lines.append(f"{record.status}: {record.case_id}: {reason}")
    warnings = [(r.case_id, warning) for r in records for warning in r.warnings]
    lines += [f"warning: {case_id}: {warning}" for case_id, warning in warnings]
    return lines


def _training_table(records: Sequence[Record]) -> Table:
    table = Table(title="time to accuracy", title_justify="left", box=None)
    found = [t for record in records if record.tta for t in record.tta.targets]
    targets = dict.fromkeys((target.metric, target.level) for target in found)
    levels = [f"{metric} {100 * level:g} %" for metric, level in targets]
    _add_columns(table, [*levels, "epochs", "s/epoch", "RTFx", "WER %", "peak MiB"])
    for record in records:
        assert record.tta is not None
        reached = {(t.metric, t.level): t for t in record.tta.targets}
        cells = [
            _format(target.tta_s if target else None, "{:.1f} s")
            for target in map(reached.get, targets)
        ]
        table.add_row(Text(record.case_id), *cells, *_training_cells(record))
    return table


def _training_cells(record: Record) -> list[str]:
    assert record.tta is not None
    assert record.timing is not None
    return [
        str(len(record.tta.curve)),
        _format(record.tta.s_per_epoch, "{:.2f}") + _spoiled(record),
        f"{record.timing.rtfx:.0f}",
        _metric(record, "wer"),
        _peak_mib(record),
    ]


def _operation_table(records: Sequence[Record]) -> Table:
    table = Table(title="operations", title_justify="left", box=None)
    columns: list[tuple[str, Callable[[Record], str]]] = [
        ("ms/step", _step_ms),
        ("95 % interval", _interval_ms),
        ("p90 ms", _p90_ms),
        ("items/s", lambda r: f"{r.timing.throughput_items_per_s:.4g}"),  # type: ignore[union-attr]
        ("RTFx", lambda r: f"{r.timing.rtfx:.4g}"),  # type: ignore[union-attr]
        ("error %", error_cell),
        ("model MB", size_cell),
        ("peak MiB", _peak_mib),
        ("of peak %", _fraction),
    ]
    _add_columns(table, [title for title, _ in columns])
    for record in records:
        table.add_row(Text(record.case_id), *(cell(record) for _, cell in columns))
    return table


def _add_columns(table: Table, titles: Sequence[str]) -> None:
    """The case, folded where it is too long, and figures, which are never cut."""
    table.add_column("case", overflow="fold")
    for title in titles:
        table.add_column(title, justify="right", no_wrap=True)


def _step_ms(record: Record) -> str:
    assert record.timing is not None
    return f"{1e3 * record.timing.median_s:.3g}{_spoiled(record)}"


def _spoiled(record: Record) -> str:
    return SPOILED if record.timing and record.timing.spoiled else ""


def _interval_ms(record: Record) -> str:
    assert record.timing is not None
    low, high = (1e3 * bound for bound in record.timing.median_interval_s)
    return f"{low:.3g}-{high:.3g}"


def _p90_ms(record: Record) -> str:
    latency = record.timing.latency_ms if record.timing else None
    return _format(latency.p90.value if latency else None, "{:.3g}")


def error_cell(record: Record) -> str:
    """The first error rate there is, but one that fails its gate before all others; a
    gate on another metric, such as the edit distance, is told beside it."""
    metrics = (record.accuracy.metrics if record.accuracy else None) or {}
    found = [name for name in ERROR_RATES if name in metrics]
    failed = [name for name in found if metrics[name].passed is False]
    names = failed or found
    if not names:
        return ABSENT
    elsewhere = any(metric.passed is False for metric in metrics.values())
    mark = FAILS if elsewhere and not failed else ""
    return f"{names[0]} {_metric(record, names[0])}{mark}"


def _metric(record: Record, name: str) -> str:
    metrics = record.accuracy.metrics if record.accuracy else None
    if not metrics or name not in metrics:
        return ABSENT
    metric = metrics[name]
    failed = FAILS if metric.passed is False else ""
    return f"{100 * metric.value:.1f}{failed}"


def size_cell(record: Record) -> str:
    """The model's size in megabytes."""
    size = record.work.model_bytes if record.work else None
    return ABSENT if size is None else digits(size / 1e6)


def digits(value: float) -> str:
    """Three digits of it; large ones without an exponent.

    >>> digits(0.012345), digits(12.345), digits(12345.6)
    ('0.0123', '12.3', '12300')
    """
    return f"{float(f'{value:.3g}'):g}"


def _peak_mib(record: Record) -> str:
    peak = record.memory.peak_rss_bytes if record.memory else None
    return _format(None if peak is None else peak / 2**20, "{:.0f}")


def _fraction(record: Record) -> str:
    fraction = record.roofline.fraction_of_peak if record.roofline else None
    return _format(None if fraction is None else 100 * fraction, "{:.0f}")


def _format(value: float | None, pattern: str) -> str:
    return ABSENT if value is None else pattern.format(value)
