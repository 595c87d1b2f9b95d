"""Records as tables in a terminal."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.clusters import FEWEST_PROCESSES
from harness.metrics import UNITS, is_rate, level_text, title_of, value_text
from harness.record.host import host_text, readings
from harness.record.result import is_ok
from harness.record.schema import AccuracyMetric, Record

WIDTH = 200  # where the output is no terminal: no id is folded
FAILS = " FAILS GATE"
SPOILED = " spoiled"  # other load disturbed what counts: a warning says how much
NEAR_LIMIT = 0.5  # shares of the limit above it are told
ABSENT = "-"  # not known, or not measured

Cell = Callable[[Record], str]
Accuracies = tuple[str, Cell]  # title and cells of a column


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
    """What the host gave, and what failed, was skipped or is in doubt, with the
    reasons."""
    host = host_text([[one for record in records for one in readings(record)]])
    lines = [f"host: {host}"] if host else []
    for record in records:
        if not is_ok(record):
            reason = (record.reason or "").splitlines()[0]
            lines.append(f"{record.status}: {record.case_id}: {reason}")
    lines += [*_near_limit(records), *_without_proof(records)]
    warnings = [(r.case_id, warning) for r in records for warning in r.warnings]
    lines += [f"warning: {case_id}: {warning}" for case_id, warning in warnings]
    return lines


def _near_limit(records: Sequence[Record]) -> Iterator[str]:
    """Values that are right, but nearly were not: the next library may take the rest.
    Of those beyond the limit the case's failure tells."""
    for record in filter(is_ok, records):
        values = record.values
        if values is None or values.error is None or not values.limit:
            continue
        if values.error > NEAR_LIMIT * values.limit:
            yield (
                f"values: {record.case_id}: relative error {values.error:.3g}, limit "
                f"{values.limit:g}, against {values.against}"
            )


def _without_proof(records: Sequence[Record]) -> Iterator[str]:
    """Cases whose arithmetic or values nothing proves and no warning tells of, in a
    line for each reason."""
    found: dict[str, list[str]] = {}
    for record in filter(is_ok, records):
        is_told = any(text.startswith("claims ") for text in record.warnings)
        claim = record.kernels.claim if record.kernels else None
        if claim in ("unproven", "refuted") and not is_told:
            told = f"arithmetic {claim} by the kernels that were seen"
            found.setdefault(told, []).append(record.case_id)
        if record.values is not None and record.values.passed is None:
            told = f"values unproven: {record.values.reason or 'not compared'}"
            found.setdefault(told, []).append(record.case_id)
    for told, cases in found.items():
        yield f"{told}: {', '.join(cases)}"


def _training_table(records: Sequence[Record]) -> Table:
    table = Table(title="time to accuracy", title_justify="left", box=None)
    found = [t for record in records if record.tta for t in record.tta.targets]
    targets = dict.fromkeys((target.metric, target.level) for target in found)
    levels = [level_text(metric, level) for metric, level in targets]
    title, cell = _training_accuracy(records)
    _add_columns(table, [*levels, "epochs", "s/epoch", "RTFx", title, "peak MiB"])
    for record in records:
        assert record.tta is not None
        reached = {(t.metric, t.level): t for t in record.tta.targets}
        cells = [
            _format(target.tta_s if target else None, "{:.1f} s")
            for target in map(reached.get, targets)
        ]
        table.add_row(Text(record.case_id), *cells, *_training_cells(record, cell))
    return table


def _training_accuracy(records: Sequence[Record]) -> Accuracies:
    """Of trainings that all end in words, the word error rate alone."""
    known = [metrics for record in records if (metrics := _metrics(record))]
    if all("wer" in metrics for metrics in known):
        return "WER %", _word_error_percent
    return accuracies(records)


def _training_cells(record: Record, accuracy: Cell) -> list[str]:
    assert record.tta is not None
    assert record.timing is not None
    return [
        str(len(record.tta.curve)),
        _format(record.tta.s_per_epoch, "{:.2f}") + _spoiled(record),
        f"{record.timing.rtfx:.0f}",
        accuracy(record),
        _peak_mib(record),
    ]


def _operation_table(records: Sequence[Record]) -> Table:
    table = Table(title="operations", title_justify="left", box=None)
    has_intervals = any(_interval_ms(record) != ABSENT for record in records)
    intervals = [("95 % interval", _interval_ms)] if has_intervals else []
    columns: list[tuple[str, Cell]] = [
        ("ms/step", _step_ms),
        *intervals,
        ("p90 ms", _p90_ms),
        ("items/s", lambda r: f"{r.timing.throughput_items_per_s:.4g}"),  # type: ignore[union-attr]
        ("RTFx", lambda r: f"{r.timing.rtfx:.4g}"),  # type: ignore[union-attr]
        accuracies(records),
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
    interval, processes = record.timing.median_interval_s, record.timing.processes
    if interval is None or processes < FEWEST_PROCESSES:  # older records have one
        return ABSENT
    low, high = (1e3 * bound for bound in interval)
    return f"{low:.3g}-{high:.3g}"


def _p90_ms(record: Record) -> str:
    latency = record.timing.latency_ms if record.timing else None
    return _format(latency.p90.value if latency else None, "{:.3g}")


def accuracies(records: Sequence[Record]) -> Accuracies:
    """Title and cells of a column. Where all of it are shares of errors, the title has
    the percent; else each cell has its unit."""
    names = [name for record in records if (name := _metric_shown(record))]
    if all(map(is_rate, names)):
        return "error %", lambda record: accuracy_text(record).replace(" %", "")
    return "accuracy", accuracy_text


def accuracy_text(record: Record) -> str:
    """The metric that is shown, with its unit; a gate on another one that was missed,
    such as that on the edit distance, is told beside it."""
    metrics, name = _metrics(record), _metric_shown(record)
    if name is None:
        return ABSENT
    failed = any(metric.passed is False for metric in metrics.values())
    text = f"{title_of(name)} {value_text(name, metrics[name].value)}"
    return text + FAILS if failed else text


def _metric_shown(record: Record) -> str | None:
    """The first that there is, but one that fails its gate before all others."""
    metrics = _metrics(record)
    found = [name for name in UNITS if name in metrics]
    failed = [name for name in found if metrics[name].passed is False]
    return next(iter(failed or found), None)


def _metrics(record: Record) -> dict[str, AccuracyMetric]:
    return (record.accuracy.metrics if record.accuracy else None) or {}


def _word_error_percent(record: Record) -> str:
    metric = _metrics(record).get("wer")
    if metric is None:
        return ABSENT
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
