"""A case's result in a line."""

from __future__ import annotations

from dataclasses import replace

import pytest
from outcomes import (
    CASE,
    TRAINING_CASE,
    outcome,
    point,
    record,
    target,
    training_outcome,
)
from toy import WORKLOAD

from harness.measure.compose import skipped
from harness.profile import SMOKE
from harness.report.case_line import case_line, result_text
from harness.report.summary import summary

FOUND = record(outcome(0.25, 0.5, 0.75))
RESULT = "ms/step: 500, RTFx: 12, error %: wer 12.5"


def test_an_operation_has_the_figures_that_count_most() -> None:
    assert result_text(FOUND) == RESULT


def test_names_and_figures_are_those_of_the_table() -> None:
    (table,) = summary([FOUND])
    shown = {f"{column.head}: {column.texts[0]}" for column in table.shown}
    assert set(result_text(FOUND).split(", ")) < shown


def test_a_training_has_its_time_to_accuracy() -> None:
    points = [point(epoch, 0.9) for epoch in (1, 2, 3)]
    targets = [target(0.5, 7.0, 2)]
    found = record(training_outcome(*points, targets=targets), case=TRAINING_CASE)
    assert result_text(found).startswith("cer 50 %: 7.0 s, s/epoch: ")


def test_what_was_not_measured_says_why_in_one_line() -> None:
    found = skipped(WORKLOAD, CASE, SMOKE, "no such operator\nin this toy")
    assert result_text(found) == "skipped: no such operator"


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (None, f"[1/2] {CASE.id}  {RESULT}  (8 s)"),
        (160, f"[1/2] {CASE.id}  {RESULT}  (8 s)"),
        (80, f"[1/2] {CASE.id}\n    {RESULT}  (8 s)"),
        (24, f"[1/2] toy/good\u2026pu/b1\n    {RESULT}  (8 s)"),
    ],
)
def test_the_line_is_broken_where_there_is_no_room(
    columns: int | None, expected: str
) -> None:
    line = case_line(FOUND, "[1/2]", "8 s", columns)
    assert line.split("\n")[-1] == expected.split("\n")[-1]
    assert len(line.split("\n")[0]) <= (columns or len(line))
    if columns != 24:
        assert line == expected
    else:
        assert "\u2026" in line


def test_the_longest_id_is_whole_where_there_is_room() -> None:
    long = replace(CASE, options=(("features", "shards"), ("prefetch", "4" * 60)))
    line = case_line(record(case=long), "[1/2]", "8 s", 120)
    assert line.startswith(f"[1/2] {long.id}\n")
