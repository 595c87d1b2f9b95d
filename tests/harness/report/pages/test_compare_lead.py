"""The picture that a page opens with."""

from __future__ import annotations

from dataclasses import replace

import pytest
from compared import single, small
from compared_cells import estimate
from pictured import changed, checked, column, named

from harness.report.compare.shown.best import best_of_models
from harness.report.pages.pictures.lead import rates_of_one, speed_and_cost


def test_candidates_stand_from_the_fastest_down_with_their_intervals():
    figure = checked(speed_and_cost(small())).figure
    assert figure.layout.yaxis.ticktext == ("xeon", "epyc", "arm")
    speeds = [trace for trace in figure.data if trace.xaxis == "x"]
    assert [trace.name for trace in speeds] == ["xeon", "epyc", "arm"]
    assert [trace.y[0] for trace in speeds] == [0, 1, 2]
    xeon = speeds[0]
    assert xeon.x[0] == pytest.approx(1 / 0.62)
    assert xeon.error_x.array[0] == pytest.approx(0.04 / 0.62)
    assert xeon.text == ("1.61",)
    assert figure.layout.xaxis.title.text == "speed, times that of epyc"


def test_beside_the_speed_stands_the_cost_of_an_hour_of_audio():
    picture = checked(speed_and_cost(small()))
    (costs,) = named(picture.figure, "asr-inference / ds2-small")
    assert (costs.xaxis, costs.yaxis) == ("x2", "y2")
    assert costs.x == pytest.approx((2.1e-4, 2.1e-4 * 0.62))
    assert costs.y == (1, 0)  # of epyc and xeon; arm has no price within the limits
    assert picture.figure.layout.xaxis2.title.text == "USD an hour of audio"
    assert picture.figure.layout.yaxis2.range == picture.figure.layout.yaxis.range
    assert len(picture.table) == 5
    assert column(picture.table, "figure")[-1] == "asr-inference / ds2-small"


def test_without_prices_speed_stands_alone():
    picture = checked(speed_and_cost(replace(small(), money=None)))
    assert picture.title == "Speed"
    assert {trace.xaxis for trace in picture.figure.data} == {"x"}
    assert picture.figure.layout.xaxis.domain is None


def test_where_nobody_is_ranked_there_is_none():
    assert speed_and_cost(replace(small(), ranking=None)) is None
    nobody = replace(small().ranking, scores=())
    assert speed_and_cost(replace(small(), ranking=nobody)) is None


def test_names_leave_out_how_all_begin():
    names = ("epyc cpu", "epyc cpu:threads=1", "epyc cpu:isa=avx2")
    figure = speed_and_cost(small(names)).figure
    assert figure["layout"]["yaxis"]["ticktext"] == [
        *("cpu:threads=1", "cpu", "cpu:isa=avx2"),
    ]


def test_a_single_machine_shows_the_fastest_case_of_each_model():
    best = best_of_models(single())
    picture = checked(rates_of_one(best))
    (marks,) = picture.figure.data
    assert picture.figure.layout.xaxis.type == "log"
    assert picture.figure.layout.yaxis.ticktext[0] == "asr-inference<br>ds2-small"
    fastest = max(
        cell.rtfx.value
        for row in single().rows
        if row.work.workload == "asr-inference"
        for cell in row.cells.values()
    )
    assert marks.x[0] == pytest.approx(fastest)
    assert marks.text[0].endswith("int8-dynamic/onnxruntime/b64 ")
    assert (marks.textposition[0], marks.textposition[-1]) == (
        *("middle left", "middle right"),
    )
    assert column(picture.table, "fastest case")[0] == "int8-dynamic/onnxruntime/b64"


def test_a_long_case_is_shortened_in_the_picture_and_whole_in_its_table():
    """On a phone it would cover the models' names."""
    options = (("features", "on-the-fly"), ("readers", "16"), ("prefetch", "100"))
    one = single()
    rows = tuple(replace(r, work=replace(r.work, options=options)) for r in one.rows)
    picture = rates_of_one(best_of_models(replace(one, rows=rows)))
    (marks,) = picture.figure["data"]
    assert all("…" in text and len(text) < 50 for text in marks["text"])
    cases = column(picture.table, "fastest case")
    assert all(text.endswith("/readers=16/prefetch=100") for text in cases)


def test_a_machine_that_heard_no_audio_has_none():
    silent = changed(
        single(), lambda work, label, cell: replace(cell, rtfx=estimate(0.0))
    )
    assert rates_of_one(best_of_models(silent)) is None
