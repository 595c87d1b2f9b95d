"""What `speechmark doctor` finds, as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.observe.doctor import Finding
from harness.report.tables.table import Table, text_column

COLOURS = {"ok": "green", "warn": "yellow", "bad": "red", "unknown": "dim"}


def fact_table(fingerprint: Mapping[str, Any]) -> Table:
    """The machine's fingerprint."""
    columns = (
        text_column("fact", fingerprint),
        text_column("value", map(_text, fingerprint.values())),
    )
    return Table("facts", "", columns)


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return "unknown" if value is None else str(value)


def check_table(findings: Sequence[Finding]) -> Table:
    """What would spoil measurements, with the remedies."""
    severities = [finding.severity for finding in findings]
    columns = (
        text_column("check", (finding.name for finding in findings)),
        text_column("", severities, styles=COLOURS, importance=4),
        text_column("severity", severities, hidden=True),
        text_column("found", (f.found for f in findings), importance=3),
        text_column("expected", (f.expected for f in findings), importance=1),
        text_column("remedy", (f.remedy for f in findings), importance=2),
    )
    return Table("checks", "", columns)
