"""Candidates beside each other, a row a work: for where there is little room."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.metrics import MetricKinds, is_rate, level_text, value_text
from harness.report.compare.model import (
    Comparison,
    Estimate,
    Measured,
    NotMeasured,
    Row,
    TargetTime,
)
from harness.report.compare.shown.columns import without_workload
from harness.report.tables.table import (
    ABSENT,
    Column,
    Table,
    number,
    text_column,
)

MS = 1e3
FEW = "without brackets: a single process on either side says nothing of the next"


def side_by_side(comparison: Comparison) -> Iterator[Table]:
    """A table a workload: times, as multiples of the baseline's, and errors."""
    found = [row for row in comparison.rows if not _is_apart(row)]
    for workload in dict.fromkeys(row.work.workload for row in found):
        rows = [row for row in found if row.work.workload == workload]
        yield _times(comparison, workload, rows)
        if trainings := [row for row in rows if _targets(row)]:
            yield _to_targets(comparison, workload, trainings)


def _is_apart(row: Row) -> bool:
    """Refused, or neither measured nor within its gate anywhere: shown elsewhere, with
    the reason."""
    measured = [cell for cell in row.cells.values() if isinstance(cell, Measured)]
    return not row.same or all(cell.gate_passed is False for cell in measured)


def _times(comparison: Comparison, workload: str, rows: Sequence[Row]) -> Table:
    labels = [candidate.label for candidate in comparison.candidates]
    cells = [cell for row in rows for cell in row.cells.values()]
    is_training = any(isinstance(cell, Measured) and cell.training for cell in cells)
    what = "seconds an epoch" if is_training else "ms a step"
    beside = f", as multiples of {comparison.baseline}'s" if len(labels) > 1 else ""
    columns = (
        text_column("work", map(_name, rows)),
        *(text_column(lb, (_time(row.cells[lb]) for row in rows)) for lb in labels),
        _accuracy_column(rows, comparison.metrics),
    )
    ratios = map(_ratio_of, cells)
    notes = (FEW,) if any(ratio and ratio.low is None for ratio in ratios) else ()
    return Table(f"side-{workload}", f"{workload}: {what}{beside}", columns, notes)


def _name(row: Row) -> str:
    """With what differs, although that was allowed."""
    labels = f" ({', '.join(row.labels)})" if row.labels else ""
    return without_workload(row.work) + labels


def _ratio_of(cell: Measured | NotMeasured) -> Estimate | None:
    return cell.time_ratio if isinstance(cell, Measured) else None


def _time(cell: Measured | NotMeasured) -> str:
    if isinstance(cell, NotMeasured):
        return cell.status
    if cell.gate_passed is False:
        return "beyond its gate"
    seconds = cell.training.s_per_epoch if cell.training else cell.step_s
    if seconds is None:
        return ABSENT
    shown = number(seconds.value * (1 if cell.training else MS))
    marks = " spoiled" * cell.spoiled + " beyond limits" * bool(cell.beyond_limits)
    ratio = cell.time_ratio
    if ratio is None or (ratio.values and ratio.low == ratio.high == 1.0):
        return shown + marks
    return f"{shown}{marks} ({_multiple(ratio)})"


def _multiple(ratio: Estimate) -> str:
    """
    >>> _multiple(Estimate(0.5, 0.45, 0.55, ()))
    '0.500x [0.450, 0.550]'
    >>> _multiple(Estimate(2.0, None, None, ()))
    '2.00x'
    """
    value = f"{number(ratio.value)}x"
    if ratio.low is None or ratio.high is None:
        return value
    return f"{value} [{number(ratio.low)}, {number(ratio.high)}]"


def _accuracy_column(rows: Sequence[Row], kinds: MetricKinds) -> Column:
    """Where all are shares of errors, the title has the percent."""
    texts, names = [], set()
    for row in rows:
        pairs = list(_accuracies(row, kinds))
        texts.append(" / ".join(dict.fromkeys(text for _, text in pairs)) or ABSENT)
        names |= {name for name, _ in pairs}
    if all(is_rate(kinds[name]) for name in names):
        return text_column("error %", (text.replace(" %", "") for text in texts))
    return text_column("accuracy", texts)


def _accuracies(row: Row, kinds: MetricKinds) -> Iterator[tuple[str, str]]:
    """The first metric of each candidate, by name and with its value."""
    for cell in row.cells.values():
        if isinstance(cell, Measured) and cell.errors:
            name = kinds.in_order(cell.errors)[0]
            value = value_text(kinds[name], cell.errors[name].value)
            yield name, f"{kinds[name].title} {value}"


def _targets(row: Row) -> dict[tuple[str, float], dict[str, TargetTime]]:
    """Times to each level of each error, by candidate."""
    found: dict[tuple[str, float], dict[str, TargetTime]] = {}
    for label, cell in row.cells.items():
        training = cell.training if isinstance(cell, Measured) else None
        for target in training.targets if training else ():
            found.setdefault((target.metric, target.level), {})[label] = target
    return found


def _to_targets(comparison: Comparison, workload: str, rows: Sequence[Row]) -> Table:
    labels = [candidate.label for candidate in comparison.candidates]
    lines = [
        (_name(row), level_text(comparison.metrics[metric], level), by_label)
        for row in rows
        for (metric, level), by_label in _targets(row).items()
    ]
    columns = (
        text_column("work", (work for work, _, _ in lines), is_name=True),
        text_column("to", (level for _, level, _ in lines), is_name=True),
        *(
            text_column(label, (_reached(by.get(label)) for _, _, by in lines))
            for label in labels
        ),
    )
    return Table(f"tta-{workload}", f"{workload}: seconds to accuracy", columns)


def _reached(target: TargetTime | None) -> str | None:
    if target is None:
        return None
    if target.tta_s is None:
        return f"reached in {target.reached} of {target.runs}"
    return number(target.tta_s.value)
