"""Which split of a machine carries the most, in a sentence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from recorded import CASE, several, training, unmeasured
from recorded import record as recorded

from harness.record.schema import Record
from harness.report.remarks import remarks
from harness.report.splits import Split, best_splits, split_of

ID = CASE.id


def alone(*processes: list[float], threads: int = 64, **changes: Any) -> Record:
    """One worker on all cores; by default of a step of half a second."""
    threads_of = {
        "busy": None,
        "cpus": None,
        "runnable_mean": None,
        "pools": [],
        "asked": threads,
    }
    return recorded(*processes, threads=threads_of, **changes)


def test_the_best_split_is_told_as_a_multiple_of_one_worker() -> None:
    records = [alone([0.5]), several(2, 32, 3.0), several(8, 8, 6.2), several(64, 1, 5)]
    assert [*best_splits(records)] == [
        f"split: 8 x 8 gives 3.10 times 1 x 64: {ID}/instances=8"
    ]


def test_one_worker_may_carry_the_most() -> None:
    assert [*best_splits([alone([0.5]), several(8, 8, 1.0), several(2, 32, 1.5)])] == [
        "split: 1 x 64 carries the most, and 2 x 32, the best of several workers, "
        f"gives 0.750 times it: {ID}"
    ]


def test_several_processes_give_the_ratio_an_interval() -> None:
    records = [alone([0.5], [0.51], [0.49]), several(8, 8, 6.0, 6.1, 6.2)]
    (line,) = best_splits(records)
    assert line.startswith("split: 8 x 8 gives 3.")
    assert " times (95 % interval 2." in line


@pytest.mark.parametrize("spoiled", ["alone", "several"])
@pytest.mark.parametrize("rate", [1.0, 6.0])
def test_a_ratio_of_spoiled_times_says_so(spoiled: str, rate: float) -> None:
    records = {"alone": alone([0.5]), "several": several(8, 8, rate)}
    assert "spoiled" not in "".join(best_splits([*records.values()]))
    timing = records[spoiled].timing
    assert timing is not None
    worse = timing.model_copy(update={"spoiled": True})
    records[spoiled] = records[spoiled].model_copy(update={"timing": worse})
    (line,) = best_splits([*records.values()])
    assert line.endswith("; other load spoiled the times")


def test_spoiled_times_of_splits_alone_are_told_too() -> None:
    timing = several(2, 1, 4.0).timing
    assert timing is not None
    worse = timing.model_copy(update={"spoiled": True})
    record = several(2, 1, 4.0).model_copy(update={"timing": worse})
    (line,) = best_splits([record])
    assert line.endswith("was not measured; other load spoiled the times")


@pytest.mark.parametrize(
    ("counts", "others"), [((2,), ""), ((2, 4), ", the best of 2 splits")]
)
def test_without_one_worker_nothing_is_compared(
    counts: tuple[int, ...], others: str
) -> None:
    records = [several(count, 1, 4.0 / count) for count in counts]
    assert [*best_splits(records)] == [
        f"split: 2 x 1 carries 4.00 items/s{others}: {ID}/instances=2; one worker on "
        "all cores was not measured"
    ]


def test_cases_that_differ_in_more_than_instances_are_told_apart() -> None:
    other = replace(CASE, options=(("beam", "4"),))
    more = several(2, 1, 4.0, case=other)
    assert more.case_id == f"{other.id}/instances=2"
    lines = [*best_splits([alone([0.5]), alone([0.5], case=other), more])]
    assert lines == [f"split: 2 x 1 gives 2.00 times 1 x 64: {more.case_id}"]


def test_a_machine_that_was_not_split_has_no_sentence() -> None:
    assert [*best_splits([alone([0.5]), training(2.0)])] == []


def test_a_record_of_before_tells_no_threads() -> None:
    assert split_of(recorded()) is None
    (line,) = best_splits([recorded([0.5]), several(2, 1, 4.0)])
    assert line.startswith("split: 2 x 1 gives 2.00 times one worker: ")
    assert split_of(alone()) == Split(1, 64)


def test_remarks_have_the_best_split() -> None:
    assert remarks([alone([0.5]), several(8, 8, 6.2)]) == [
        f"split: 8 x 8 gives 3.10 times 1 x 64: {ID}/instances=8"
    ]


def test_levels_that_a_machine_has_no_cores_for_are_a_line_for_each_reason() -> None:
    skipped = [
        unmeasured("skipped", reason, replace(CASE, options=(("instances", count),)))
        for count, reason in (("4", "few cores"), ("8", "few cores"), ("2", "memory"))
    ]
    failed = replace(CASE, options=(("instances", "16"),))
    assert remarks([*skipped, unmeasured("failed", "killed", failed)]) == [
        f"failed: {failed.id}: killed",
        f"skipped: {ID} at instances=4, 8: few cores",
        f"skipped: {ID} at instances=2: memory",
    ]
