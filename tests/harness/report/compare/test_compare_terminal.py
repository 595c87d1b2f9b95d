"""Comparisons as text."""

from __future__ import annotations

import io
from dataclasses import replace

from compared import NAMES, NASTY, single, small
from extremes import hostile, large
from rich.console import Console

from harness.report.compare.shown.apart import candidates_table
from harness.report.compare.shown.side_by_side import side_by_side
from harness.report.compare.terminal import (
    LONGEST,
    as_markdown,
    by_reason,
    print_comparison,
    tables,
)
from harness.report.tables.table import Table, text_column


def shown(comparison, width=250) -> str:
    console = Console(
        file=io.StringIO(), width=width, color_system=None, force_terminal=False
    )
    print_comparison(comparison, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def captions(comparison) -> list[str]:
    return [table.caption for table in tables(comparison)]


def test_questions_are_answered_in_order() -> None:
    found = captions(small())
    wanted = [
        "What was measured",
        "Candidates from best to worst",
        "Probability that a candidate is faster than another",
    ]
    assert found[: len(wanted)] == wanted
    places = [
        next(i for i, caption in enumerate(found) if caption.startswith(start))
        for start in ("Candidates from", "Cases beyond", "What is not", "Warnings")
    ]
    assert places == sorted(places)


def test_a_single_machine_has_no_ratios_and_no_fingerprint() -> None:
    text = shown(single())
    assert "multiples" not in text
    assert "fingerprint" not in text


def test_what_a_candidates_host_gave_is_stated_below_what_was_measured() -> None:
    one = single()
    stated = tuple(replace(c, host="0.97 of its best") for c in one.candidates)
    table = candidates_table(replace(one, candidates=stated))
    assert table.notes == (f"host of {stated[0].label}: 0.97 of its best",)
    assert candidates_table(one).notes == ()


def test_candidates_stand_beside_each_other() -> None:
    table = next(iter(side_by_side(small())))
    assert [column.title for column in table.columns] == ["work", *NAMES, "error %"]
    assert "multiples of epyc's" in table.caption


def test_work_that_differs_or_fails_its_gate_is_kept_apart_only() -> None:
    comparison = small()
    other = replace(
        comparison, rows=tuple(replace(r, same=False) for r in comparison.rows)
    )
    assert list(side_by_side(other)) == []


def test_a_case_beyond_its_gate_leaves_those_that_pass_where_they_are() -> None:
    comparison = small()
    row = comparison.rows[0]
    cells = {**row.cells, "xeon": replace(row.cells["xeon"], gate_passed=False)}
    table = next(
        iter(side_by_side(replace(comparison, rows=(replace(row, cells=cells),))))
    )
    by_title = {column.title: column.texts[0] for column in table.columns}
    assert by_title["xeon"] == "beyond its gate"
    assert by_title["epyc"][0].isdigit()


def test_works_that_share_a_reason_are_counted() -> None:
    table = Table(
        "left-out",
        "Left out",
        (
            text_column("work", ("a", "b", "c")),
            text_column("workload", ("x", "x", "x"), hidden=True),
            text_column("reason", ("slow", "lost", "slow")),
        ),
    )
    found = by_reason(table, ("reason",))
    assert [column.texts for column in found.columns] == [
        ("slow", "lost"),
        ("2", "1"),
        ("a", "b"),
    ]


def test_markup_in_names_is_text() -> None:
    assert "[red]" in shown(hostile("[red]x[/red]"))
    assert NASTY not in as_markdown(hostile(NASTY))
    assert "&lt;img src=x" in as_markdown(hostile(NASTY))


def test_long_tables_say_how_much_is_left_out() -> None:
    text = shown(large(2, 60))
    assert f"{60 - LONGEST} further rows: see --html or --json" in text


def test_markdown_has_the_verdict_and_every_table() -> None:
    comparison = small()
    text = as_markdown(comparison)
    assert text.startswith("**")
    assert text.count("\n### ") == len(captions(comparison))
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert "| ---: |" in text
    assert all(line.endswith(" |") for line in rows)
