"""Metrics of which higher is better, from result files to all that is shown."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from compared import small
from pictured import column, named, only
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
    estimate,
    measured,
    one_row,
    reached,
    row,
    trained,
    work,
)

from harness.record.result import ResultError
from harness.record.schema import Record
from harness.report.compare.directions import directions
from harness.report.compare.document import as_json
from harness.report.compare.model import (
    Comparison,
    CurvePoint,
    Error,
    Measured,
    Row,
    TargetTime,
    Training,
)
from harness.report.compare.money.costs import money
from harness.report.compare.published import published_times
from harness.report.compare.ranking.rank import rank
from harness.report.compare.reading.figures import cell
from harness.report.compare.reading.gather import gather
from harness.report.compare.shown.cases import case_table, cases
from harness.report.compare.shown.money import limits_text, money_tables
from harness.report.compare.shown.side_by_side import side_by_side
from harness.report.pages.pictures import pareto, tta
from harness.report.tables.table import Table, number_column
from harness.workload import Published, Target, Workload

IMPROVEMENT = "si_sdr_improvement"


def db(
    value: float, difference: float | None = None, gate: float | None = None
) -> Error:
    """In dB, within 1 dB either way."""
    passed = None if difference is None or gate is None else -difference <= gate
    interval = (value - 1.0, value + 1.0)
    return Error(value, interval, 100, difference, gate, passed, "higher")


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
    ("terms", "told"),
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
def test_a_limit_at_the_wrong_end_is_refused(terms: Any, told: str) -> None:
    found = one_row(measured(errors={IMPROVEMENT: db(6.0)}), measured())
    with pytest.raises(ValueError, match="expected") as caught:
        served(found, replace(HALF, **terms))
    assert str(caught.value) == told


@pytest.mark.parametrize("limit", [math.nan, math.inf, -math.inf])
def test_a_limit_that_is_no_number_is_refused(limit: float) -> None:
    with pytest.raises(ValueError, match=f"limit snr = {limit:g}: expected a finite"):
        least(snr=limit)


def test_limits_stand_beside_the_answers() -> None:
    terms = replace(HALF, limits={"p99_ms": 50.0}, at_least={IMPROVEMENT: 6.0})
    found = one_row(*(measured(errors={IMPROVEMENT: db(9.26)}) for _ in "ab"))
    answers = money([found], CANDIDATES, PRICES, replace(terms, limits={}))
    assert answers.at_least == {IMPROVEMENT: 6.0}
    assert limits_text(answers) == "SI-SDRi at least 6 dB"
    told = replace(answers, limits=terms.limits)
    assert limits_text(told) == "p99 at most 50 ms, SI-SDRi at least 6 dB"
    table = money_tables(comparison_of(found, money=answers))["serving"]
    assert table is not None
    assert shown(table, "SI-SDRi") == ("dB", ("9.3", "9.3"))


# Ranking and time to accuracy


def toward(level: float, *tta_s: float) -> TargetTime:
    return replace(reached(level, *tta_s, metric="si_sdr"), better="higher")


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
    (attempts,) = gather([str(file)]).attempts["alpha"].values()
    measured = cell(attempts)
    assert isinstance(measured, Measured)
    assert measured.training is not None
    (target,) = measured.training.targets
    assert (target.metric, target.level, target.better) == ("cer", -3.0, "higher")
    assert directions([Row(work(), {"a": measured}, True)])["cer"] == "higher"


def test_a_published_time_keeps_the_direction_of_its_target() -> None:
    target = Target("si_sdr", 6.0, "higher")
    told = Published("A100", "m", "fp32", 1, "", target, 60.0, "a document")
    workload = Workload("w", "train", "", lambda context: None, {}, published=(told,))  # type: ignore[arg-type,return-value]
    assert [one.better for one in published_times([workload], {"w"})] == ["higher"]


# What is shown


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


def case_columns(*errors: dict[str, Error]) -> Table:
    rows = [
        row(work(compression=f"prune-{i}"), {"a": measured(errors=one)})
        for i, one in enumerate(errors)
    ]
    found = list(cases(comparison_of(*rows)))
    return case_table("c", "C", found, None, True)


def test_cases_are_told_in_db_with_one_decimal_and_their_fall() -> None:
    table = case_columns(
        {IMPROVEMENT: db(9.26), "si_sdr": db(-0.04)},
        {IMPROVEMENT: db(8.5, -0.76, 0.5), "si_sdr": db(0.0, 0.04, 0.5)},
    )
    assert shown(table, "SI-SDRi") == ("dB", ("9.3", "8.5"))
    assert shown(table, "SI-SDR") == ("dB", ("0.0", "0.0"))
    assert shown(table, "SI-SDRi difference") == ("dB", ("-", "-0.760"))
    assert shown(table, "gate")[1] == (
        "-",
        "SI-SDRi fails: -0.76 of -0.50; SI-SDR passes: +0.04 of -0.50",
    )


def test_the_easiest_level_comes_first() -> None:
    cell = trained(toward(9.0, 90.0), toward(-3.0, 10.0), toward(6.0, 60.0))
    found = list(cases(comparison_of(row(work(), {"a": cell}))))
    titles = [c.title for c in case_table("c", "C", found, None, True).shown]
    assert [title for title in titles if title.startswith("to ")] == [
        *("to SI-SDR -3 dB", "to SI-SDR 6 dB", "to SI-SDR 9 dB"),
    ]


def test_side_by_side_has_units_where_not_all_is_in_percent() -> None:
    mixed = [
        row(work(), {"a": measured(errors={"snr": db(9.26)}), "b": measured()}),
        row(work(model="m"), {"a": measured(), "b": measured()}),
    ]
    (table,) = side_by_side(comparison_of(*mixed))
    assert shown(table, "accuracy")[1] == ("SNR 9.3 dB / wer 10.0 %", "wer 10.0 %")
    (table,) = side_by_side(comparison_of(mixed[1]))
    assert shown(table, "error %")[1] == ("wer 10.0",)


def test_a_column_may_have_its_decimals_given_and_then_no_zero_has_a_sign() -> None:
    assert number_column("a", [-0.04, 12345.678, None], 1).texts == (
        *("0.0", "12,345.7", "-"),
    )


def test_the_json_tells_each_metrics_direction() -> None:
    found = comparison_of(row(work(), {"a": measured(errors={"snr": db(9.0)})}))
    errors = json.loads(as_json(found))["rows"][0]["cells"]["a"]["errors"]
    assert errors["snr"]["better"] == "higher"


# Pictures


def front_of(**found: tuple[float, float, bool | None]) -> Any:
    """The picture of compressions: (latency in ms, SI-SDR in dB, gate passed)."""
    rows = [
        row(
            work(compression=name),
            {"a": measured(ms / 1e3, errors={"si_sdr": db(v)}, gate_passed=passed)},
        )
        for name, (ms, v, passed) in found.items()
    ]
    return only(pareto.pictures(comparison_of(*rows)))


def test_of_db_the_front_goes_up_with_latency() -> None:
    picture = front_of(
        fp32=(8.0, 9.0, None),
        bf16=(5.0, 8.0, True),
        slow=(9.0, 8.5, True),  # slower and worse than fp32
        int8=(2.0, -4.0, True),
        tucker=(2.0, -5.0, True),  # as fast as int8, and worse
        cp=(1.0, -20.0, False),  # fastest, beyond its gate
    )
    (front,) = named(picture.figure, "Pareto front")
    assert front.x == pytest.approx((2.0, 5.0, 8.0))
    assert front.y == (-4.0, 8.0, 9.0)
    assert named(picture.figure, "beyond its gate")[0].y == (-20.0,)
    assert picture.figure.layout.yaxis.title.text == "SI-SDR dB"
    assert picture.notes[0].startswith("Higher and further left is better.")
    assert column(picture.table, "place") == (
        *("beyond its gate", "on the front", "", "on the front", "on the front", ""),
    )


def test_whiskers_of_values_below_0_reach_their_intervals_ends() -> None:
    (marks,) = named(front_of(a=(1.0, -4.0, None), b=(2.0, -3.0, None)).figure, "a")[:1]
    assert (marks.error_y.array, marks.error_y.arrayminus) == ((1.0, 1.0), (1.0, 1.0))


def test_improvement_is_drawn_before_other_metrics_in_db() -> None:
    errors = {"snr": db(1.0), "si_sdr": db(2.0), IMPROVEMENT: db(3.0)}
    rows = [
        row(work(compression=c), {"a": measured(s, errors=errors)})
        for c, s in (("fp32", 1.0), ("int8", 0.5))
    ]
    picture = only(pareto.pictures(comparison_of(*rows)))
    assert picture.figure.layout.yaxis.title.text == "SI-SDRi dB"


def curve_picture(
    values: list[float], *targets: TargetTime, metric: str = "si_sdr"
) -> Any:
    curve = tuple(CurvePoint(10.0 * i, {metric: v}) for i, v in enumerate(values, 1))
    one = Training(targets, estimate(10.0), (curve,), (0,))
    found = row(work("training"), {"a": measured(training=one)})
    return only(tta.pictures(comparison_of(found)))


def test_labels_of_levels_below_0_keep_clear_of_each_other() -> None:
    picture = curve_picture([-20.0, -10.0], toward(-11.0, 20.0), toward(-10.9, 20.0))
    labels = picture.figure.layout.annotations
    assert [label.text for label in labels] == ["SI-SDR -11 dB", "SI-SDR -10.9 dB"]
    assert labels[0].yshift == 0.0
    assert labels[1].yshift == pytest.approx(13 - 0.1 * 300 / 20)
    assert picture.figure.layout.yaxis.title.text == "SI-SDR dB"


def test_a_training_without_any_error_left_is_drawn_too() -> None:
    target = reached(0.0, 20.0)
    picture = curve_picture([0.0, 0.0], target, metric="cer")
    assert picture.figure.layout.annotations[0].yshift == 0.0


@pytest.mark.parametrize(
    ("targets", "told"),
    [
        ([reached(0.1, 20.0)], "Lower and further left is better."),
        ([toward(6.0, 20.0)], "Higher and further left is better."),
        (
            [reached(0.1, 20.0), toward(6.0, 20.0)],
            "Further left is better; lower of cer, higher of SI-SDR.",
        ),
    ],
)
def test_a_picture_of_trainings_tells_which_way_is_better(
    targets: list[TargetTime], told: str
) -> None:
    picture = curve_picture([1.0, 2.0], *targets)
    assert picture.notes[0].startswith(f"{told} Dashed lines are targets")
