"""Accuracy against latency: the fronts, and what stands upright."""

from __future__ import annotations

from dataclasses import replace

import pytest
from compared import small
from compared_cells import bound, error, estimate, measured
from pictured import changed, column, named, only

from harness.report.compare.model import Row, Work
from harness.report.pages.pictures import pareto
from harness.report.pages.pictures.picture import COLOURS, GREY


def of_compressions(**found):
    """One model, a work for each compression: (latency in ms, error, gate passed)."""
    rows = tuple(
        Row(
            Work("asr", "m", name, "eager", 1),
            {
                "epyc": measured(
                    1.0,
                    1,
                    latency_ms={"p50": bound(ms)},
                    errors={"wer": error(wer)},
                    gate_passed=passed,
                )
            },
            True,
        )
        for name, (ms, wer, passed) in found.items()
    )
    return replace(small(("epyc",)), rows=rows, published=())


def front_of(picture, series):
    return next(t for t in named(picture.figure, series) if t.mode == "lines")


def test_no_two_compressions_share_a_symbol():
    many = {f"c{i}": (float(i + 1), 0.1, None) for i in range(20)}
    picture = only(pareto.pictures(of_compressions(**many)))
    legend = [t.marker.symbol for t in picture.figure.data if t.marker.color == GREY]
    assert len(set(legend)) == 20


def test_each_runtime_has_a_front_and_a_colour_of_its_own():
    comparison = of_compressions(a=(8.0, 0.1, None), b=(5.0, 0.2, None))
    fast = changed(
        comparison,
        lambda work, label, cell: replace(cell, latency_ms={"p50": bound(1.0)}),
    )
    others = tuple(
        replace(row, work=replace(row.work, runtime="openvino")) for row in fast.rows
    )
    both = replace(comparison, rows=(*comparison.rows, *others))
    picture = only(pareto.pictures(both))
    assert front_of(picture, "eager").x == (5.0, 8.0)
    assert front_of(picture, "openvino").x == (1.0,)
    colours = {front_of(picture, name).line.color for name in ("eager", "openvino")}
    assert colours == set(COLOURS[:2])


def test_differences_to_the_baseline_stand_upright_with_their_own_interval():
    def paired(work, label, cell):
        if work.compression == "fp32":
            return cell
        one = error(0.12, baseline=0.1)
        one = replace(one, difference_interval=(0.015, 0.03))
        return replace(cell, errors={"wer": one})

    plain = of_compressions(fp32=(8.0, 0.1, None), int8=(2.0, 0.12, True))
    picture = only(pareto.pictures(changed(plain, paired)))
    assert picture.figure.layout.yaxis.title.text == "change of wer %, same utterances"
    marks = next(t for t in named(picture.figure, "eager") if t.mode == "markers")
    assert marks.y == pytest.approx((2.0, 0.0))
    assert marks.error_y.array[0] == pytest.approx(1.0)
    assert marks.error_y.arrayminus[0] == pytest.approx(0.5)
    (gate,) = picture.figure.layout.shapes
    assert gate.y0 == pytest.approx(1.0)
    assert column(picture.table, "change") == pytest.approx((2.0, None))
    texts = [note.text for note in picture.figure.layout.annotations]
    assert texts == ["int8", "fp32", "gate"]


def test_inputs_of_another_length_have_a_picture_of_their_own():
    plain = of_compressions(a=(8.0, 0.1, None), b=(5.0, 0.2, None))
    longer = tuple(
        replace(
            row,
            work=replace(row.work, options=(("frames", "1000"),)),
            cells={
                "epyc": replace(
                    row.cells["epyc"],
                    rtfx=estimate(3 * row.cells["epyc"].rtfx.value),
                )
            },
        )
        for row in plain.rows
    )
    both = replace(plain, rows=(*plain.rows, *longer))
    short, long = pareto.pictures(both)
    assert (short.id, long.id) == ("pareto-1", "pareto-1-2")
    assert all("frames" not in text for text in column(short.table, "variant"))
    assert all("frames=1000" in text for text in column(long.table, "variant"))


def test_the_front_is_of_those_that_none_beats_in_both():
    comparison = of_compressions(
        fp32=(8.0, 0.10, None),
        bf16=(5.0, 0.12, True),
        slow=(9.0, 0.11, True),  # slower and worse than fp32
        int8=(2.0, 0.20, True),
        int4=(1.0, 0.50, False),  # fastest, beyond its gate
    )
    picture = only(pareto.pictures(comparison))
    front = front_of(picture, "eager")
    assert front.x == (2.0, 5.0, 8.0)
    assert front.y == pytest.approx((20.0, 12.0, 10.0))
    (failing,) = named(picture.figure, "beyond its gate")
    assert failing.x == (1.0,)
    assert column(picture.table, "place") == (
        *("beyond its gate", "on the front", "on the front", "on the front", ""),
    )


def test_of_two_as_fast_only_the_better_is_on_the_front():
    comparison = of_compressions(fp32=(5.0, 0.2, None), bf16=(5.0, 0.1, None))
    picture = only(pareto.pictures(comparison))
    assert front_of(picture, "eager").x == (5.0,)
    assert front_of(picture, "eager").y == (10.0,)


def test_the_front_holds_the_most_accurate_however_slow(monkeypatch):
    monkeypatch.setattr(pareto, "MOST_POINTS", 2)
    comparison = of_compressions(
        fp32=(9.0, 0.1, None),
        bf16=(5.0, 0.3, None),
        fp16=(4.0, 0.3, None),
        int8=(1.0, 0.2, None),
    )
    picture = only(pareto.pictures(comparison))
    assert front_of(picture, "eager").x == (1.0, 9.0)
    assert len(picture.table) == 2
    assert "Of 4, the fronts and the fastest are drawn." in picture.notes


def test_the_smallest_batch_size_with_several_works_is_taken():
    picture = only(pareto.pictures(small()))
    assert "batch size 1 " in picture.figure.layout.xaxis.title.text
    assert len(picture.table) == 18  # 6 variants on 3 candidates


def test_without_a_median_the_mean_step_stands_for_the_latency():
    comparison = changed(
        of_compressions(a=(1.0, 0.1, None), b=(2.0, 0.2, None)),
        lambda work, label, cell: replace(cell, latency_ms={"p50": bound(None, 4, 11)}),
    )
    picture = only(pareto.pictures(comparison))
    assert column(picture.table, "latency") == (1000.0, 1000.0)
