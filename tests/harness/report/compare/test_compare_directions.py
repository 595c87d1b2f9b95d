"""Metrics of which higher is better, from result files to all that is shown."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from directed import IMPROVEMENT, comparison_of, db, shown, toward
from recorded import (
    accuracy,
    metric,
    record,
    result_file,
    training,
)
from rows import (
    CANDIDATES,
    HALF,
    PRICES,
    measured,
    one_row,
    row,
    trained,
    work,
)

from harness.metrics import MetricKinds
from harness.record.result import ResultError
from harness.record.schema import Record
from harness.report.compare.model import (
    Measured,
    Row,
)
from harness.report.compare.money.costs import money
from harness.report.compare.published import published_times
from harness.report.compare.ranking.rank import rank
from harness.report.compare.reading.figures import cell
from harness.report.compare.reading.gather import gather
from harness.report.compare.shown.money import limits_text, money_tables
from harness.report.compare.terms import check_limits
from harness.workload import Published, Target, Workload


def of_files(tmp_path: Path, *metrics: dict[str, Any]) -> Measured:
    """One case in as many runs, each with such an SI-SDR."""
    files = [
        result_file(
            tmp_path / f"{i}.json", record([0.5 + i], accuracy=accuracy(si_sdr=one))
        )
        for i, one in enumerate(metrics)
    ]
    (attempts,) = gather([str(file) for file in files]).attempts["alpha"].values()
    found = cell(attempts)
    assert isinstance(found, Measured)
    return found


# Gates


@pytest.mark.parametrize(
    ("difference", "passed"), [(-0.5, True), (2.0, True), (-0.51, False)]
)
def test_a_gate_on_what_may_fall_is_judged_again(
    tmp_path: Path, difference: float, passed: bool
) -> None:
    edited = metric(9.0, gate=0.5, difference=difference, better="higher")
    found = of_files(tmp_path, edited | {"passed": not passed})
    assert found.gate_passed is found.errors["si_sdr"].passed is passed
    assert found.errors["si_sdr"].better == "higher"


def test_of_several_runs_the_largest_fall_stands(tmp_path: Path) -> None:
    runs = [
        metric(9.0, gate=0.5, difference=-0.25, better="higher"),
        metric(8.0, gate=0.5, difference=-0.375, better="higher"),
    ]
    found = of_files(tmp_path, *runs).errors["si_sdr"]
    assert (found.value, found.difference, found.passed) == (8.5, -0.375, True)


def test_files_that_contradict_one_another_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ResultError) as caught:
        of_files(tmp_path, metric(9.0, better="higher"), metric(9.0))
    assert str(caught.value) == (
        f"{tmp_path / '1.json'}: asr-inference/ds2-small/fp32/eager/b1: lower is "
        f"better of si_sdr, and higher in {tmp_path / '0.json'}: "
        "asr-inference/ds2-small/fp32/eager/b1; a file was edited, or is of another "
        "suite: measure again"
    )


def test_targets_contradict_metrics_too(tmp_path: Path) -> None:
    one = record(accuracy=accuracy(cer=metric(0.9, better="higher")))
    other = training(2.0, targets=[(0.5, None, None)])
    file = result_file(tmp_path / "a.json", one, other)
    with pytest.raises(ResultError, match="lower is better of cer, and higher in"):
        gather([str(file)])


# Limits


def least(**limits: float) -> Any:
    return replace(HALF, at_least=limits)


def served(row: Row, terms: Any) -> list[str | None]:
    return [s.reason for s in money([row], CANDIDATES, PRICES, terms).serving]


@pytest.mark.parametrize(
    ("limit", "reason"),
    [
        (6.0, None),
        (6.5, "none of 1 cases: si_sdr_improvement 6 is below 6.5"),
        (-9.0, None),
    ],
)
def test_only_cases_that_reach_what_is_asked_at_least_serve(
    limit: float, reason: str | None
) -> None:
    found = one_row(
        measured(errors={IMPROVEMENT: db(6.0)}), measured(errors={IMPROVEMENT: db(9.0)})
    )
    assert served(found, least(si_sdr_improvement=limit)) == [reason, None]


def test_a_case_without_the_metric_does_not_serve() -> None:
    found = one_row(measured(errors={IMPROVEMENT: db(6.0)}), measured())
    reasons = served(found, least(si_sdr_improvement=5.0))
    assert reasons == [None, "none of 1 cases: si_sdr_improvement is not known"]


@pytest.mark.parametrize(
    ("terms", "stated"),
    [
        (
            {"limits": {IMPROVEMENT: 6.0}},
            "--at-most=si_sdr_improvement=6: higher is better of si_sdr_improvement, "
            "expected --at-least=si_sdr_improvement=6",
        ),
        (
            {"at_least": {"wer": 0.25}},
            "--at-least=wer=25: lower is better of wer, expected --at-most=wer=25",
        ),
        (
            {"at_least": {"p99_ms": 50.0}},
            "--at-least=p99_ms=50: lower is better of p99_ms, expected "
            "--at-most=p99_ms=50",
        ),
        (
            {"at_least": {"si_sdri": 6.0}},
            "limit si_sdri: found no case with that error or latency, expected one of "
            "si_sdr_improvement, wer, p50_ms, p90_ms, p99_ms, p99_9_ms",
        ),
    ],
)
def test_a_limit_at_the_wrong_end_is_refused(terms: Any, stated: str) -> None:
    found = one_row(measured(errors={IMPROVEMENT: db(6.0)}), measured())
    with pytest.raises(ValueError, match="expected") as caught:
        check_limits(replace(HALF, **terms), [found], MetricKinds())
    assert str(caught.value) == stated


@pytest.mark.parametrize("limit", [math.nan, math.inf, -math.inf])
def test_a_limit_that_is_no_number_is_refused(limit: float) -> None:
    with pytest.raises(ValueError, match=f"limit snr = {limit:g}: expected a finite"):
        least(snr=limit)


def test_limits_stand_beside_the_answers() -> None:
    terms = replace(HALF, limits={"p99_ms": 50.0}, at_least={IMPROVEMENT: 6.0})
    found = one_row(*(measured(errors={IMPROVEMENT: db(9.26)}) for _ in "ab"))
    answers = money([found], CANDIDATES, PRICES, replace(terms, limits={}))
    assert answers.at_least == {IMPROVEMENT: 6.0}
    assert limits_text(answers, MetricKinds()) == "SI-SDRi at least 6 dB"
    stated = replace(answers, limits=terms.limits)
    assert (
        limits_text(stated, MetricKinds()) == "p99 at most 50 ms, SI-SDRi at least 6 dB"
    )
    table = money_tables(comparison_of(found, money=answers))["serving"]
    assert table is not None
    assert shown(table, "SI-SDRi") == ("dB", ("9.3", "9.3"))


# Ranking and time to accuracy


def test_a_training_counts_by_the_highest_level_that_all_reached() -> None:
    cells = {
        "a": trained(toward(-3.0, 10.0), toward(6.0, 60.0), toward(9.0, 100.0)),
        "b": trained(toward(-3.0, 10.0), toward(6.0, 30.0), toward(9.0)),
    }
    found = rank([row(work("training"), cells)], ["a", "b"], "a", {})
    assert {one.candidate: one.score for one in found.scores} == (
        pytest.approx({"a": 1.0, "b": 2.0})
    )


def test_targets_keep_their_direction_from_file_to_figure(tmp_path: Path) -> None:
    plain = training(2.0, targets=[(0.5, None, None)]).model_dump(mode="json")
    plain["tta"]["targets"][0] |= {"better": "higher", "level": -3.0}
    file = result_file(tmp_path / "a.json", Record.model_validate(plain))
    gathered = gather([str(file)])
    (attempts,) = gathered.attempts["alpha"].values()
    measured = cell(attempts)
    assert isinstance(measured, Measured)
    assert measured.training is not None
    (target,) = measured.training.targets
    assert (target.metric, target.level, target.better) == ("cer", -3.0, "higher")
    assert gathered.metrics["cer"].better == "higher"


def test_a_published_time_keeps_the_direction_of_its_target() -> None:
    target = Target("si_sdr", 6.0, "higher")
    stated = Published("A100", "m", "fp32", 1, "", target, 60.0, "a document")
    workload = Workload("w", "train", "", lambda context: None, {}, published=(stated,))  # type: ignore[arg-type,return-value]
    assert [one.better for one in published_times([workload], {"w"})] == ["higher"]
