"""The summary of a run: its records as tables, with what is to be said about them."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence

from rich.console import Console

from basics.metric_kinds import MetricKind
from harness.clusters import FEWEST_PROCESSES
from harness.metrics import (
    MetricKinds,
    is_rate,
    level_text,
    titled_unit,
    value_text,
)
from harness.record.kinds import kinds_in, metric_kind
from harness.record.result import is_ok
from harness.record.schema import AccuracyMetric, Record, Timing
from harness.report.remarks import remarks
from harness.report.tables.table import (
    ABSENT,
    Column,
    Table,
    figure_column,
    number_column,
    text_column,
)
from harness.report.tables.terminal import WIDTH, print_line, print_table

FAILS = " FAILS GATE"
SPOILED = " spoiled"  # other load disturbed what counts: a warning says how much
LINES = 50  # of a terminal whose width is known; without both, rich asks the system
ELSEWHERE = "a wider terminal or `speechmark show --csv`"

Cell = Callable[[Record], str]
Accuracies = tuple[str, Cell]  # title and cells of a column


def summary_text(records: Sequence[Record], columns: int | None = None) -> str:
    """Every record in one line, trainings with their time to accuracy apart, for a
    terminal of so many columns; without them, whole lines."""
    console = Console(
        file=io.StringIO(),
        width=columns or WIDTH,
        height=LINES,
        color_system=None,
        force_terminal=columns is not None,
    )
    for table in summary(records):
        print_table(table, console, ELSEWHERE)
    for line in remarks(records):
        print_line(line, console)
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


def _training_table(records: Sequence[Record]) -> Table:
    columns = (
        _case_column(records),
        *_target_columns(records),
        _column(records, "epochs", _epochs, 4, _epoch_count),
        _column(records, "s/epoch", _epoch_text, 6, _epoch_s),
        _column(records, "RTFx", lambda r: f"{_rtfx(r):.0f}", 5, _rtfx),
        _column(records, *_training_accuracy(records), 7),
        *_metric_columns(records),
        _column(records, "peak MiB", _peak_text, 2, _peak_mib),
        _spoiled_column(records),
    )
    return Table("trainings", "time to accuracy", columns, _missed_note(records))


def _target_columns(records: Sequence[Record]) -> Iterator[Column]:
    """Seconds to each level that any training reached; in the CSV to all others, too:
    columns of misses would leave no room for times."""
    for title, times in _times_to_levels(records).items():
        texts = (_format(time_s, "{:.1f} s") for time_s in times)
        missed = not any(times)
        yield figure_column(title, texts, times, importance=8, hidden=missed)


def _missed_note(records: Sequence[Record]) -> tuple[str, ...]:
    """The levels that have no column, if there are any."""
    times = _times_to_levels(records)
    missed = [title for title, found in times.items() if not any(found)]
    return (f"no training reached {', '.join(missed)}",) if missed else ()


def _times_to_levels(records: Sequence[Record]) -> dict[str, list[float | None]]:
    """Seconds to each level that any training was to reach, by record."""
    kinds = kinds_in(records)
    reached = [
        {(t.metric, t.level): t.tta_s for t in record.tta.targets} if record.tta else {}
        for record in records
    ]
    return {
        level_text(kinds[metric], level): [one.get((metric, level)) for one in reached]
        for metric, level in dict.fromkeys(key for one in reached for key in one)
    }


def _training_accuracy(records: Sequence[Record]) -> Accuracies:
    """Where all end in one error rate, only the column's title names it."""
    kinds = {kind.name: kind for kind in map(_metric_shown, records) if kind}
    if len(kinds) == 1 and all(map(is_rate, kinds.values())):
        return titled_unit(kinds.popitem()[1]), _value_alone
    return accuracies(records)


def _epochs(record: Record) -> str:
    return str(_epoch_count(record))


def _epoch_count(record: Record) -> int:
    return len(record.tta.curve) if record.tta else 0


def _epoch_s(record: Record) -> float | None:
    return record.tta.s_per_epoch if record.tta else None


def _epoch_text(record: Record) -> str:
    return _format(_epoch_s(record), "{:.2f}") + _spoiled(record)


def _operation_table(records: Sequence[Record]) -> Table:
    columns = (
        _case_column(records),
        _column(records, "ms/step", _step_text, 9, _step_ms),
        *_interval_columns(records),
        _column(records, "p90 ms", _p90_text, 3, _p90_ms),
        _column(records, "items/s", lambda r: f"{_rate(r):.4g}", 4, _rate),
        _column(records, "RTFx", lambda r: f"{_rtfx(r):.4g}", 7, _rtfx),
        _column(records, *accuracies(records), 8),
        *_metric_columns(records),
        _column(records, "model MB", size_cell, 5, size_mb),
        _column(records, "peak MiB", _peak_text, 2, _peak_mib),
        _column(records, "of peak %", _fraction_text, 1, _peak_percent),
        _spoiled_column(records),
    )
    return Table("operations", "operations", columns)


def _case_column(records: Sequence[Record]) -> Column:
    return text_column("case", (record.case_id for record in records), is_name=True)


def _column(
    records: Sequence[Record],
    title: str,
    cell: Cell,
    importance: int,
    value: Callable[[Record], float | None] | None = None,
) -> Column:
    """A figure of each record, and the number that it shows, if it is one."""
    values = None if value is None else map(value, records)
    return figure_column(title, map(cell, records), values, importance=importance)


def _metric_columns(records: Sequence[Record]) -> tuple[Column, ...]:
    """The metric that is shown with its number, for other programs."""
    kinds = [_metric_shown(record) for record in records]
    values = [
        _metrics(record)[kind.name].value * kind.scale if kind else None
        for kind, record in zip(kinds, records, strict=True)
    ]
    titles = (titled_unit(kind) if kind else None for kind in kinds)
    return (
        text_column("metric", titles, hidden=True),
        number_column("its value", values, hidden=True),
    )


def _spoiled_column(records: Sequence[Record]) -> Column:
    return text_column("spoiled", (_spoiled(r).strip() for r in records), hidden=True)


def _timing(record: Record) -> Timing:
    assert record.timing is not None
    return record.timing


def _rtfx(record: Record) -> float:
    return _timing(record).rtfx


def _rate(record: Record) -> float:
    return _timing(record).throughput_items_per_s


def _step_ms(record: Record) -> float:
    return 1e3 * _timing(record).median_s


def _step_text(record: Record) -> str:
    return f"{_step_ms(record):.3g}{_spoiled(record)}"


def _spoiled(record: Record) -> str:
    return SPOILED if record.timing and record.timing.spoiled else ""


def _interval_columns(records: Sequence[Record]) -> tuple[Column, ...]:
    """None where no step has an interval; its ends stand in the CSV."""
    ends = [_interval_ms(record) for record in records]
    if not any(ends):
        return ()
    texts = (f"{pair[0]:.3g}-{pair[1]:.3g}" if pair else None for pair in ends)
    low, high = ([pair[i] if pair else None for pair in ends] for i in (0, 1))
    return (
        figure_column("95 % interval", texts, importance=6),
        number_column("interval low", low, unit="ms", hidden=True),
        number_column("interval high", high, unit="ms", hidden=True),
    )


def _interval_ms(record: Record) -> tuple[float, float] | None:
    interval, processes = _timing(record).median_interval_s, _timing(record).processes
    if interval is None or processes < FEWEST_PROCESSES:  # older records have one
        return None
    return 1e3 * interval[0], 1e3 * interval[1]


def _p90_ms(record: Record) -> float | None:
    latency = record.timing.latency_ms if record.timing else None
    return latency.p90.value if latency else None


def _p90_text(record: Record) -> str:
    return _format(_p90_ms(record), "{:.3g}")


def accuracies(records: Sequence[Record]) -> Accuracies:
    """Title and cells of a column. Where all of it are shares of errors, the title has
    the percent; else each cell has its unit."""
    kinds = [kind for record in records if (kind := _metric_shown(record))]
    if all(map(is_rate, kinds)):
        return "error %", lambda record: accuracy_text(record).replace(" %", "")
    return "accuracy", accuracy_text


def accuracy_text(record: Record) -> str:
    """The metric that is shown, with its unit; a gate on another one that was missed,
    such as that on the edit distance, stands beside it."""
    kind = _metric_shown(record)
    if kind is None:
        return ABSENT
    value = value_text(kind, _metrics(record)[kind.name].value)
    return f"{kind.title} {value}{_fails(record)}"


def _value_alone(record: Record) -> str:
    kind = _metric_shown(record)
    if kind is None:
        return ABSENT
    value = value_text(kind, _metrics(record)[kind.name].value)
    return value.removesuffix(kind.unit).rstrip() + _fails(record)


def _fails(record: Record) -> str:
    failed = any(metric.passed is False for metric in _metrics(record).values())
    return FAILS if failed else ""


def _metric_shown(record: Record) -> MetricKind | None:
    """The first that there is, but one that fails its gate before all others; one with
    a unit, where any has one. None where a record of before has no metric known then.
    """
    metrics = _metrics(record)
    kinds = MetricKinds(metric_kind(*pair) for pair in metrics.items())
    ordered = [kinds[name] for name in kinds.in_order(metrics)]
    stated = [kind for kind in ordered if metrics[kind.name].unit is not None]
    found = [kind for kind in ordered if kind.unit] or stated
    failed = [kind for kind in found if metrics[kind.name].passed is False]
    return next(iter(failed or found), None)


def _metrics(record: Record) -> dict[str, AccuracyMetric]:
    return (record.accuracy.metrics if record.accuracy else None) or {}


def size_mb(record: Record) -> float | None:
    size = record.work.model_bytes if record.work else None
    return None if size is None else size / 1e6


def size_cell(record: Record) -> str:
    """The model's size in megabytes."""
    size = size_mb(record)
    return ABSENT if size is None else digits(size)


def digits(value: float) -> str:
    """Three digits of it; large ones without an exponent.

    >>> digits(0.012345), digits(12.345), digits(12345.6)
    ('0.0123', '12.3', '12300')
    """
    return f"{float(f'{value:.3g}'):g}"


def _peak_mib(record: Record) -> float | None:
    peak = record.memory.peak_rss_bytes if record.memory else None
    return None if peak is None else peak / 2**20


def _peak_text(record: Record) -> str:
    return _format(_peak_mib(record), "{:.0f}")


def _peak_percent(record: Record) -> float | None:
    fraction = record.roofline.fraction_of_peak if record.roofline else None
    return None if fraction is None else 100 * fraction


def _fraction_text(record: Record) -> str:
    return _format(_peak_percent(record), "{:.0f}")


def _format(value: float | None, pattern: str) -> str:
    return ABSENT if value is None else pattern.format(value)
