"""Metrics of which higher is better, for tests of what is made of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from compared import small
from rows import reached

from harness.report.compare.model import Comparison, Error, Row, TargetTime
from harness.report.tables.table import Table

IMPROVEMENT = "si_sdr_improvement"


def db(
    value: float, difference: float | None = None, gate: float | None = None
) -> Error:
    """In dB, within 1 dB either way."""
    passed = None if difference is None or gate is None else -difference <= gate
    interval = (value - 1.0, value + 1.0)
    return Error(value, interval, 100, difference, gate, passed, "higher")


def toward(level: float, *tta_s: float) -> TargetTime:
    return replace(reached(level, *tta_s, metric="si_sdr"), better="higher")


def comparison_of(*rows: Row, **changes: Any) -> Comparison:
    names = dict.fromkeys(label for row in rows for label in row.cells)
    plain = small(("epyc",))
    first = plain.candidates[0]
    return replace(
        plain,
        candidates=tuple(replace(first, label=n, machine=n) for n in names),
        baseline=next(iter(names)),
        rows=rows,
        published=(),
        **changes,
    )


def shown(table: Table, title: str) -> tuple[str, tuple[str, ...]]:
    (found,) = [one for one in table.columns if one.title == title]
    return found.unit, found.texts
