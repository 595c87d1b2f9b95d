"""What is shown of metrics of which higher is better."""

from __future__ import annotations

import json
from typing import Any

import pytest
from directed import IMPROVEMENT, comparison_of, db, shown, toward
from pictured import column, named, only
from rows import (
    estimate,
    measured,
    reached,
    row,
    trained,
    work,
)

from harness.metrics import MetricKinds
from harness.report.compare.document import as_json
from harness.report.compare.model import (
    CurvePoint,
    Error,
    TargetTime,
    Training,
)
from harness.report.compare.shown.cases import case_table, cases
from harness.report.compare.shown.side_by_side import side_by_side
from harness.report.pages.pictures import pareto, tta
from harness.report.tables.table import Table, number_column


def case_columns(*errors: dict[str, Error]) -> Table:
    rows = [
        row(work(compression=f"prune-{i}"), {"a": measured(errors=one)})
        for i, one in enumerate(errors)
    ]
    found = list(cases(comparison_of(*rows)))
    return case_table("c", "C", found, MetricKinds(), short=True)


def test_cases_are_stated_in_db_with_one_decimal_and_their_fall() -> None:
    table = case_columns(
        {IMPROVEMENT: db(9.26), "si_sdr": db(-0.04)},
        {IMPROVEMENT: db(8.5, -0.76, 0.5), "si_sdr": db(0.0, 0.04, 0.5)},
    )
    assert shown(table, "SI-SDRi") == ("dB", ("9.3", "8.5"))
    assert shown(table, "SI-SDR") == ("dB", ("0.0", "0.0"))
    assert shown(table, "SI-SDRi difference") == ("dB", ("-", "-0.760"))
    assert shown(table, "gate")[1] == ("-", "SI-SDRi fails: -0.76 of -0.50")
    assert shown(table, "gate by metric")[1] == (
        "-",
        "SI-SDRi fails: -0.76 of -0.50; SI-SDR passes: +0.04 of -0.50",
    )


def test_the_easiest_level_comes_first() -> None:
    cell = trained(toward(9.0, 90.0), toward(-3.0, 10.0), toward(6.0, 60.0))
    found = list(cases(comparison_of(row(work(), {"a": cell}))))
    titles = [
        c.title for c in case_table("c", "C", found, MetricKinds(), short=True).shown
    ]
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
    front, _ = named(picture.figure, "eager")
    assert front.x == pytest.approx((2.0, 5.0, 8.0))
    assert front.y == (-4.0, 8.0, 9.0)
    assert named(picture.figure, "beyond its gate")[0].y == (-20.0,)
    assert picture.figure.layout.yaxis.title.text == "SI-SDR dB"
    assert picture.notes[0].startswith("Higher and further left is better.")
    assert column(picture.table, "place") == (
        *("beyond its gate", "on the front", "", "on the front", "on the front", ""),
    )


def test_whiskers_of_values_below_0_reach_their_intervals_ends() -> None:
    picture = front_of(a=(1.0, -4.0, None), b=(2.0, -3.0, None))
    _, marks = named(picture.figure, "eager")
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
    ("targets", "stated"),
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
    targets: list[TargetTime], stated: str
) -> None:
    picture = curve_picture([1.0, 2.0], *targets)
    assert picture.notes[0].startswith(f"{stated} Dashed lines are targets")
