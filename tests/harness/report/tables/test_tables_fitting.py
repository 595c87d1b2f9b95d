"""What a narrow terminal shows of a table: every row's name, and what has room."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from harness.report.tables.fitting import ELLIPSIS, fitted, shortened
from harness.report.tables.table import (
    Table,
    figure_column,
    number_column,
    text_column,
)
from harness.report.tables.terminal import print_line, print_table

MODELS = ("ds2-small", "ds2-paper")
COMPRESSIONS = ("fp32", "int8-static", "int8-static-keep-first")
CASES = [
    f"asr-inference/{model}/{compression}/onnxruntime/cpu:isa=avx512_vnni/b16"
    for model in MODELS
    for compression in COMPRESSIONS
]


def a_table(notes: tuple[str, ...] = ()) -> Table:
    rows = len(CASES)
    return Table(
        "cases",
        "a caption that is longer than a narrow terminal has columns stays as it is",
        (
            text_column("case", CASES),
            number_column("step", [1.25 * n for n in range(1, rows + 1)], unit="ms"),
            figure_column("interval", ["1.234 to 5.678"] * rows, importance=2),
            number_column("rate", [1000.0] * rows, importance=3),
            number_column("memory", [512.0] * rows, unit="MiB"),
            text_column("remarks", ["words that are many " * 4] * rows, importance=1),
        ),
        notes,
    )


def printed(table: Table, columns: int, is_terminal: bool = True) -> list[str]:
    console = Console(
        file=io.StringIO(),
        width=columns,
        height=50,
        color_system=None,
        force_terminal=is_terminal,
    )
    print_table(table, console)
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def titles(table: Table) -> list[str]:
    return [column.title for column in table.shown]


@pytest.mark.parametrize("columns", [80, 160])
def test_every_row_has_a_name_that_tells_it_from_all_others(columns: int) -> None:
    caption, _, *lines = printed(a_table(), columns)
    assert caption == a_table().caption
    names = [line.split()[0] for line in lines if line.startswith(" asr-inference/")]
    assert len(names) == len(set(names)) == len(CASES)
    assert max(len(line) for line in lines if line.startswith(" ")) <= columns


def test_at_80_columns_names_are_cut_in_the_middle_and_figures_left_out() -> None:
    lines = printed(a_table(), 80)
    assert any(ELLIPSIS in line for line in lines)
    assert lines[1].split() == ["case", "interval", "rate"]
    assert lines[-1] == (
        "no room for step ms, memory MiB, remarks: see a wider terminal or --csv"
    )


def test_at_160_columns_no_name_is_shortened_while_words_are_wrapped() -> None:
    lines = printed(a_table(), 160)
    assert lines[1].split() == [
        *("case", "step", "ms", "interval", "rate", "memory", "MiB", "remarks")
    ]
    assert not any("no room for" in line for line in lines)
    names = [line.split()[0] for line in lines if line.startswith(" asr-inference/")]
    assert names == CASES


def test_what_is_no_terminal_gets_whole_names_however_narrow_it_is() -> None:
    lines = printed(a_table(), 300, is_terminal=False)
    assert [line.split()[0] for line in lines[2:]] == CASES
    assert not any(ELLIPSIS in line for line in lines)
    folded = "".join(printed(a_table(), 60, is_terminal=False))
    assert ELLIPSIS not in folded
    assert "memory" in folded


def test_the_least_important_go_first_and_of_like_ones_the_last() -> None:
    wide = 2 + len(CASES[-1])
    order = [titles(fitted(a_table(), width)) for width in range(wide + 90, 60, -1)]
    gone = list(
        dict.fromkeys(t for one in order for t in titles(a_table()) if t not in one)
    )
    assert list(gone) == ["memory", "step", "remarks", "interval"]
    assert all("case" in one and "rate" in one for one in order)


def test_a_column_of_the_greatest_importance_stays_where_nothing_fits() -> None:
    assert titles(fitted(a_table(), 30)) == ["case", "rate"]


def test_notes_stay_before_the_one_on_what_is_left_out() -> None:
    found = fitted(a_table(("a note",)), 80).notes
    assert found[0] == "a note"
    assert len(found) == 2


def test_several_names_of_a_row_all_stay() -> None:
    table = Table(
        "two",
        "",
        (
            text_column("rank", "12"),
            text_column("work", ["a" * 60 + "1", "a" * 60 + "2"], is_name=True),
            text_column("candidate", ["b" * 60 + "1", "b" * 60 + "2"], is_name=True),
            number_column("speed", [1.0, 2.0], importance=1),
        ),
    )
    assert titles(fitted(table, 80)) == ["rank", "work", "candidate", "speed"]
    found = fitted(table, 62)
    assert titles(found) == ["work", "candidate", "speed"]
    assert [len(set(column.texts)) for column in found.shown] == [2, 2, 2]
    assert max(map(len, printed(table, 80))) <= 80


def test_names_that_differ_near_their_ends_are_kept_apart() -> None:
    ends = [f"{'x' * 40}/b{n}" for n in range(10)]
    starts = [f"{n}{'x' * 60}" for n in range(10)]
    assert len(set(shortened(ends, 12))) == len(set(shortened(starts, 12))) == 10
    assert {len(text) for text in shortened(ends, 12)} == {12}


def test_markup_and_long_lines_are_printed_as_they_are() -> None:
    console = Console(file=io.StringIO(), width=80, height=50, force_terminal=True)
    print_line("[red]" + "x" * 200, console)
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue() == "[red]" + "x" * 200 + "\n"
