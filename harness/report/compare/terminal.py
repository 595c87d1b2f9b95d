"""A comparison for a terminal, and as Markdown: the tables that fit there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from rich.console import Console

from harness.report.compare.model import Comparison
from harness.report.compare.shown.apart import apart, candidates_table
from harness.report.compare.shown.cases import case_table, cases, is_verdict
from harness.report.compare.shown.money import money_tables
from harness.report.compare.shown.ranking import ranking_tables
from harness.report.compare.shown.side_by_side import side_by_side
from harness.report.compare.shown.verdict import verdict
from harness.report.tables.markdown import escaped, section
from harness.report.tables.table import Table, text_column, whole_column
from harness.report.tables.terminal import print_line, print_table

APART = ("failed", "mismatches", "not_measured", "differences", "warnings")
# Rows of a table; the page, the JSON and the CSV have all.
LONGEST = 40
FEWER = {"warnings": 10, "to-accuracy": 15}
WHOLE = "--html or --json"
# Tables of reasons that many works share, by what identifies one here.
REASONS = {"left-out": ("reason",), "not-measured": ("candidate", "status", "reason")}


def whole_tables(comparison: Comparison) -> Iterator[Table]:
    """All of them, in the order of a reader's questions: who, who is faster, for how
    much, in which cases, and what is in doubt."""
    of_doubt = apart(comparison)
    if len(comparison.candidates) == 1:
        of_doubt["differences"] = None  # `speechmark doctor` prints a fingerprint
    found = (
        candidates_table(comparison),
        *ranking_tables(comparison).values(),
        *money_tables(comparison).values(),
        *side_by_side(comparison),
        *(of_doubt[name] for name in APART),
    )
    yield from filter(None, found)


def tables(comparison: Comparison) -> Iterator[Table]:
    """The same, each so short that it can be read."""
    for table in whole_tables(comparison):
        found = by_reason(table, REASONS[table.id]) if table.id in REASONS else table
        yield found.cut(FEWER.get(table.id, LONGEST), WHOLE)


def data_tables(comparison: Comparison) -> Iterator[Table]:
    """All of them for other programs, and one with every figure of every case."""
    yield from whole_tables(comparison)
    if found := [case for case in cases(comparison) if is_verdict(case)]:
        is_single = len(comparison.candidates) == 1
        baseline = None if is_single else comparison.baseline
        yield case_table("cases", "Cases", found, comparison.metrics, baseline)


def by_reason(table: Table, names: Sequence[str]) -> Table:
    """The columns of these names alone, each reason once, with how many works have it
    and the first of them."""
    kept = [column for column in table.shown if column.title in names]
    keys = list(zip(*(column.texts for column in kept), strict=True))
    works: dict[tuple[str, ...], list[str]] = {key: [] for key in keys}
    for key, work in zip(keys, table.shown[0].texts, strict=True):
        works[key].append(work)
    columns = (
        *(
            text_column(
                column.title,
                (key[i] for key in works),
                importance=1,
                is_name=column.is_name,
            )
            for i, column in enumerate(kept)
        ),
        whole_column("works", map(len, works.values())),
        text_column("of them", (some[0] for some in works.values()), is_name=True),
    )
    return replace(table, columns=columns)


def print_comparison(comparison: Comparison, console: Console) -> None:
    """The verdict, every table with its notes, and warnings."""
    for sentence in verdict(comparison):
        print_line(sentence, console, style="bold")
    for table in tables(comparison):
        print_line("", console)
        print_table(table, console)
    for warning in comparison.warnings:
        print_line(f"warning: {warning}", console)


def as_markdown(comparison: Comparison) -> str:
    """The verdict, every table and the warnings."""
    parts = [f"**{escaped(sentence)}**" for sentence in verdict(comparison)]
    parts += [section(table) for table in tables(comparison)]
    parts += [f"- warning: {escaped(one)}" for one in comparison.warnings]
    return "\n\n".join(parts) + "\n"
