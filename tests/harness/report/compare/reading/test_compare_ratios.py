"""Trainings over several runs, and the ratios of candidates to the baseline."""

import pytest
from recorded import (
    accuracy,
    metric,
    record,
    training,
    unmeasured,
)

from harness.report.compare.model import (
    NotMeasured,
    TargetTime,
)


def test_several_trainings_are_several_runs(measured):
    """Epochs of 2 and 8 s, with a second of evaluation each."""
    runs = [
        training(2.0, seed=4, targets=[(0.5, 10.0, 3)]),
        training(8.0, seed=2, targets=[(0.5, 30.0, 5)]),
    ]
    found = measured(*runs)
    assert found.step_s.value == pytest.approx(4.0)
    assert found.training.s_per_epoch.value == pytest.approx((3.0 * 9.0) ** 0.5)
    assert found.training.seeds == (4, 2)
    assert [len(curve) for curve in found.training.curves] == [1, 1]
    (target,) = found.training.targets
    assert (target.metric, target.level) == ("cer", 0.5)
    assert (target.runs, target.reached, target.epochs) == (2, 2, 4.0)
    assert target.tta_s.value == 20.0
    assert target.tta_s.values == (10.0, 30.0)


def test_of_five_runs_the_fastest_and_the_slowest_do_not_count(measured):
    times = [(100.0, 50), (10.0, 2), (30.0, 4), (20.0, 3), (40.0, 8)]
    runs = [
        training(1.0 + i, seed=i, targets=[(0.5, tta_s, epochs)])
        for i, (tta_s, epochs) in enumerate(times)
    ]
    (target,) = measured(*runs).training.targets
    assert (target.tta_s.value, target.epochs) == (30.0, 5.0)
    assert len(target.tta_s.values) == 5
    (target,) = measured(*runs[:4]).training.targets
    assert (target.tta_s.value, target.epochs) == (40.0, 59 / 4)


def test_a_level_that_one_run_missed_has_no_time(measured):
    runs = [
        training(1.0, targets=[(0.5, 10.0, 3), (0.1, None, None)]),
        training(2.0, targets=[(0.5, 12.0, 3), (0.1, 20.0, 6)], seed=1),
    ]
    reached, missed = measured(*runs).training.targets
    assert reached.tta_s.value == 11.0
    assert missed == TargetTime("cer", 0.1, 2, 1, None, None)


def test_epochs_of_unknown_length_have_no_mean(measured):
    edited = training(2.0).model_dump()
    edited["tta"]["s_per_epoch"] = None
    unknown = type(record()).model_validate(edited)
    assert measured(training(1.0), unknown).training.s_per_epoch is None


def test_the_ratio_to_the_baseline_is_welchs_over_runs(row):
    """Logarithms to the base 2: -1, 0, 1 against 0, in three runs of three processes
    each that are alike: two degrees of freedom."""
    runs = {"a": (2.0, 2.0, 2.0), "b": (1.0, 2.0, 4.0)}
    made = {
        name: [record(*[[s]] * 3, warnings=[f"{name}{n}"]) for n, s in enumerate(steps)]
        for name, steps in runs.items()
    }
    ratio = row(**made).cells["b"].time_ratio
    assert ratio.value == pytest.approx(1.0)
    assert ratio.high == pytest.approx(2 ** (4.303 / 3**0.5), rel=1e-3)
    assert ratio.low == pytest.approx(2 ** -(4.303 / 3**0.5), rel=1e-3)
    assert ratio.values == pytest.approx((0.5,) * 3 + (1.0,) * 3 + (2.0,) * 3)
    assert ratio.runs == (3, 3, 3, 4, 4, 4, 5, 5, 5)


def test_the_baseline_is_as_fast_as_itself_without_doubt(row):
    ratio = row(a=[record([2.0], [3.0])]).cells["a"].time_ratio
    assert (ratio.value, ratio.low, ratio.high) == (1.0, 1.0, 1.0)


def test_another_baseline_turns_the_ratio_over(row):
    machines = {"a": [record([2.0])], "b": [record([0.5])]}
    assert row(**machines).cells["b"].time_ratio.value == 0.25
    assert row(baseline="b", **machines).cells["a"].time_ratio.value == 4.0


@pytest.mark.parametrize("mine", [[[1.0]], [[1.0], [1.5]]])
def test_one_process_on_either_side_leaves_the_ratio_without_an_interval(row, mine):
    ratio = row(a=[record([2.0])], b=[record(*mine)]).cells["b"].time_ratio
    assert (ratio.low, ratio.high) == (None, None)
    ratio = row(a=[record(*mine)], b=[record([2.0])]).cells["b"].time_ratio
    assert (ratio.low, ratio.high) == (None, None)


def test_the_ratio_of_trainings_is_of_whole_epochs(row):
    cells = row(a=[training(1.0)], b=[training(5.0)]).cells
    assert cells["b"].time_ratio.value == pytest.approx(6.0 / 2.0)
    assert cells["b"].step_s.value == 5.0


def test_epochs_of_unknown_length_have_no_ratio(row):
    edited = training(2.0).model_dump()
    edited["tta"]["s_per_epoch"] = None
    unknown = type(record()).model_validate(edited)
    assert row(a=[training(1.0)], b=[unknown]).cells["b"].time_ratio is None


def test_other_work_has_no_ratio(row):
    found = row(a=[record()], b=[record(profile="standard")])
    assert not found.same
    assert [cell.time_ratio for cell in found.cells.values()] == [None, None]


@pytest.mark.parametrize("failing", ["a", "b"])
def test_a_case_beyond_its_gate_has_no_ratio(row, failing):
    machines = {
        name: [
            record(
                [1.0 + (name == "b")],
                accuracy=accuracy(
                    wer=metric(gate=0.01, difference=0.5 if name == failing else 0.0)
                ),
            )
        ]
        for name in "ab"
    }
    cells = row(**machines).cells
    assert cells["b"].time_ratio is None
    assert (cells["a"].time_ratio is None) is (failing == "a")


def test_without_a_figure_of_the_baseline_there_are_no_ratios(row):
    cells = row(a=[unmeasured("failed", "killed")], b=[record()]).cells
    assert cells["a"] == NotMeasured("failed", "killed")
    assert cells["b"].time_ratio is None


def test_a_failure_is_stated_before_a_skip(row):
    runs = [unmeasured("skipped", "no disk"), unmeasured("failed", "killed")]
    assert row(a=runs, b=[record()]).cells["a"] == NotMeasured("failed", "killed")
    assert row(a=runs[:1], b=[record()]).cells["a"] == NotMeasured("skipped", "no disk")


def test_a_case_that_is_not_there_is_missing(row):
    cell = row(a=[None], b=[record()]).cells["a"]
    assert cell == NotMeasured("missing", "not among this candidate's cases")
