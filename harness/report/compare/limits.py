"""Which cases a buyer's limits leave, and which candidates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from harness.report.compare.model import Measured, NotMeasured, Row
from harness.report.compare.qualification import Qualification
from harness.report.compare.terms import Terms, beyond_limits

REASONS = 3  # of why nothing on a candidate qualifies, listed at most


def limited(rows: Iterable[Row], terms: Terms) -> tuple[Row, ...]:
    """The rows, each case with why it is beyond the limits, if it is.

    A limit on a metric binds the workloads that tell it anywhere; a workload that tells
    none of the limited metrics qualifies for none of them.
    """
    found = tuple(rows)
    metrics: dict[str, set[str]] = {}
    for row in found:
        for cell in _measured(row):
            metrics.setdefault(row.work.workload, set()).update(cell.errors)
    return tuple(_limited(row, terms, metrics.get(row.work.workload)) for row in found)


def _limited(row: Row, terms: Terms, metrics: set[str] | None) -> Row:
    cells = {
        label: replace(cell, beyond_limits=beyond_limits(cell, terms, metrics))
        if isinstance(cell, Measured)
        else cell
        for label, cell in row.cells.items()
    }
    return replace(row, cells=cells)


def qualification(
    rows: Sequence[Row], labels: Sequence[str], terms: Terms
) -> Qualification | None:
    """Of rows that were `limited`; None where no limit was asked for."""
    if not terms.limits and not terms.at_least:
        return None
    rows = [row for row in rows if not _is_no_level(row)]
    reasons = {label: [_unfit(row, label) for row in rows] for label in labels}
    return Qualification(
        limits=dict(terms.limits),
        at_least=dict(terms.at_least),
        qualified={label: own.count(None) for label, own in reasons.items()},
        cases={
            label: sum(isinstance(row.cells.get(label), Measured) for row in rows)
            for label in labels
        },
        reasons={
            label: tuple(dict.fromkeys(filter(None, own)))[:REASONS]
            for label, own in reasons.items()
        },
        without=tuple(
            str(row.work)
            for row, *found in zip(rows, *reasons.values(), strict=True)
            if None not in found
        ),
    )


def _unfit(row: Row, label: str) -> str | None:
    """Why a case does not qualify; None where it does."""
    cell = row.cells.get(label)
    if cell is None or isinstance(cell, NotMeasured):
        return "not measured" if cell is None else cell.status
    if not row.same:
        return "not the same work on all candidates"
    if cell.gate_passed is False:
        return "beyond its gate"
    return cell.beyond_limits


def _is_no_level(row: Row) -> bool:
    """Whether it is more instances than any candidate has cores for: no case of
    anyone's."""
    return row.work.instances is not None and not _measured(row)


def _measured(row: Row) -> list[Measured]:
    return [cell for cell in row.cells.values() if isinstance(cell, Measured)]
