"""What gives no verdict, and why: cases beyond their gate, work that differs, what was
not measured; and in what the machines differ, with all warnings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.report.compare.differences import flat
from harness.report.compare.model import Comparison, NotMeasured
from harness.report.compare.shown.cases import case_table, cases
from harness.report.compare.shown.columns import candidate_column, work_columns
from harness.report.tables.table import (
    Column,
    Table,
    text_column,
    whole_column,
    without_empty,
)


def apart(comparison: Comparison) -> dict[str, Table | None]:
    """By the name of their place on the page; None where there is nothing to tell."""
    return {
        "failed": failed_table(comparison),
        "mismatches": mismatch_table(comparison),
        "refused": refused_table(comparison),
        "not_measured": not_measured_table(comparison),
        "differences": difference_table(comparison),
        "warnings": warning_table(comparison),
    }


def candidates_table(comparison: Comparison) -> Table:
    """Who is compared: what each machine is, and what measured it."""
    found = comparison.candidates
    facts = [candidate.fingerprint for candidate in found]
    columns = (
        text_column("candidate", (one.label for one in found)),
        text_column("processor", (_fact(one, "cpu_model") for one in facts)),
        text_column("cores", (_fact(one, "cpu_cores_allowed") for one in facts)),
        text_column("hardware", (one.hardware for one in found)),
        text_column("suite", (one.suite_version for one in found)),
        text_column("commit", (one.commit and one.commit[:12] for one in found)),
        whole_column("files", (len(one.files) for one in found)),
    )
    hosts = tuple(f"host of {one.label}: {one.host}" for one in found if one.host)
    return Table("candidates", "What was measured", without_empty(columns), hosts)


def _fact(fingerprint: Mapping[str, Any], name: str) -> str | None:
    value = fingerprint.get(name)
    return None if value is None else str(value)


def failed_table(comparison: Comparison) -> Table | None:
    found = [
        c for c in cases(comparison) if c.row.same and c.measured.gate_passed is False
    ]
    caption = "Cases beyond their gate: shown, and ranked nowhere"
    return case_table("failed", caption, found, comparison.metrics) if found else None


def refused_table(comparison: Comparison) -> Table | None:
    found = [case for case in cases(comparison) if not case.row.same]
    caption = "Their figures, each for itself: they are of different work"
    return case_table("refused", caption, found, comparison.metrics) if found else None


def mismatch_table(comparison: Comparison) -> Table | None:
    """Every fact of the work in which candidates differ, allowed or not."""
    found = comparison.mismatches
    if not found:
        return None
    columns = (
        text_column("what differs", (one.what for one in found)),
        text_column("work", (str(one.work) if one.work else "all" for one in found)),
        text_column("verdict", ("allowed" if m.allowed else "refused" for m in found)),
        *(
            text_column(label, (one.found.get(label) for one in found))
            for label in _labels(comparison)
        ),
    )
    return Table("mismatches", "What is not the same work", columns)


def not_measured_table(comparison: Comparison) -> Table | None:
    labels = _labels(comparison)
    found = [
        (row.work, label, cell)
        for row in comparison.rows
        for label in labels
        if isinstance(cell := row.cells.get(label), NotMeasured)
    ]
    if not found:
        return None
    columns = (
        *work_columns([work for work, _, _ in found]),
        candidate_column(label for _, label, _ in found),
        text_column("status", (cell.status for _, _, cell in found)),
        text_column("reason", (cell.reason for _, _, cell in found)),
    )
    return Table("not-measured", "Failed, skipped or missing", columns)


def difference_table(comparison: Comparison) -> Table | None:
    """Lines of the fingerprints that are not alike; of a single machine all of them."""
    labels = _labels(comparison)
    if len(labels) == 1:
        return _fingerprint_table(comparison)
    found = comparison.differences
    columns = (
        text_column("fact", (one.name for one in found)),
        *(text_column(lb, (one.found.get(lb) for one in found)) for lb in labels),
    )
    caption = "In what the machines and their software differ"
    return Table("differences", caption, columns) if found else None


def _fingerprint_table(comparison: Comparison) -> Table | None:
    facts = dict(flat(comparison.candidates[0].fingerprint))
    columns = (text_column("fact", facts), text_column("value", facts.values()))
    return Table("differences", "The machine's fingerprint", columns) if facts else None


def warning_table(comparison: Comparison) -> Table | None:
    found = [
        (case.row.work, case.candidate, warning)
        for case in cases(comparison)
        for warning in case.measured.warnings
    ]
    if not found:
        return None
    columns: tuple[Column, ...] = (
        *work_columns([work for work, _, _ in found]),
        candidate_column(label for _, label, _ in found),
        text_column("warning", (warning for _, _, warning in found)),
    )
    return Table("warnings", "Warnings of cases", columns)


def _labels(comparison: Comparison) -> list[str]:
    return [candidate.label for candidate in comparison.candidates]
