"""What the pictures draw: the comparison's own numbers, and nothing that is markup."""

from __future__ import annotations

from dataclasses import replace

import pytest
from compared import CLOSING, NASTY, small
from compared_cells import bound, estimate, measured
from extremes import large
from pictured import (
    ASR,
    cell_of,
    changed,
    checked_pictures,
    column,
    named,
    only,
    titled,
    with_only,
)

from harness.report.compare.model import (
    Comparison,
    Measured,
    NotMeasured,
)
from harness.report.pages.pictures import (
    KINDS,
    MOST_OF_A_KIND,
    all_pictures,
    bars,
    scaling,
)
from harness.report.pages.pictures.picture import (
    COLOURS,
    log_axis,
    looks,
    whiskers,
)
from harness.report.pages.pictures.select import CANDIDATES
from harness.report.tables.table import number

# All of them


def test_every_kind_is_there_with_its_title_and_its_table():
    pictures, notes = all_pictures(small())
    kinds = {picture.id.rpartition("-")[0] for picture in pictures}
    assert kinds == {
        *("tta", "throughput", "latency", "pareto", "scaling", "kernels"),
        *("roofline", "timeline", "load"),
    }
    assert notes == []
    assert all(picture.title and len(picture.table) for picture in pictures)


def test_ids_are_unique():
    pictures, _ = all_pictures(small())
    ids = [id for one in pictures for id in (one.id, one.table.id)]
    assert len(set(ids)) == len(ids)


def test_no_name_from_a_file_is_markup_in_any_text_of_plotly():
    nasty = tuple(f"{name}{i}" for i, name in enumerate((NASTY, CLOSING, "<b>c</b>")))
    comparison = renamed(small(nasty))
    for picture in checked_pictures(comparison):
        texts = list(strings(picture.figure.to_plotly_json()["data"]))
        texts += strings(without_template(picture.figure.to_plotly_json()["layout"]))
        assert any("&lt;" in text for text in texts), picture.id
        for text in texts:
            for own in ("<br>", "<sup>9</sup>", "<extra></extra>"):
                text = text.replace(own, "")
            assert "<" not in text


def test_the_tables_of_pictures_hold_the_names_as_they_are():
    for picture in all_pictures(renamed(small((NASTY, "b", "c"))))[0]:
        texts = {text for one in picture.table.columns for text in one.texts}
        assert any(NASTY in text for text in texts), picture.id
        assert not any("&lt;" in text for text in texts), picture.id


def renamed(comparison: Comparison) -> Comparison:
    """Markup in every name that a result file could bring, too."""
    rows = tuple(
        replace(
            row,
            work=replace(
                row.work,
                model=f"{row.work.model}{NASTY}",
                compression=f"{row.work.compression}<i>",
                runtime=f"{row.work.runtime}<u>",
            ),
        )
        for row in comparison.rows
    )
    published = tuple(
        replace(one, machine=NASTY, model=f"{one.model}{NASTY}", source=CLOSING)
        for one in comparison.published
    )
    found = replace(comparison, rows=rows, published=published)
    return changed(found, lambda work, label, cell: replace(cell, **_marked(cell)))


def _marked(cell: Measured):
    return {
        "timeline": tuple(replace(one, stage="<s>run</s>") for one in cell.timeline),
        "kernels": tuple(
            replace(one, primitive=f"{one.primitive}<b>", implementation=NASTY)
            for one in cell.kernels
        ),
        "errors": {f"{name}<b>": one for name, one in cell.errors.items()},
        "peak": cell.peak and replace(cell.peak, precision="<i>int8</i>"),
    }


def without_template(layout):
    return {name: inner for name, inner in layout.items() if name != "template"}


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from strings(inner)


def test_a_template_of_hover_text_takes_no_name_that_could_be_a_template():
    tricky = "%{x}"
    for picture in checked_pictures(small((tricky, "b", "c"))):
        for trace in picture.figure.data:
            template = trace.hovertemplate or ""
            assert template.count("%{x}") <= 1, picture.id


def test_a_work_that_is_not_the_same_is_in_no_picture():
    for picture in checked_pictures(small()):
        assert picture.workload != "wav2letter"


def test_candidates_keep_their_colour_and_more_than_eight_are_not_drawn():
    many = large(10, 6)
    look = looks(many)
    assert look["machine-0"].colour == COLOURS[0] == look["machine-8"].colour
    picture = titled(bars.throughput(many), "model-0")
    assert sum(trace.type == "bar" for trace in picture.figure.data) == CANDIDATES


@pytest.mark.parametrize("kind", [bars.throughput, bars.latency])
def test_a_model_that_no_drawn_candidate_measured_has_no_bars(kind):
    """There is nothing to draw, and the pictures of others are drawn all the same."""
    many = large(10, 6)
    last = many.candidates[-1].label
    row = many.rows[0]
    only_last = replace(
        row, work=replace(row.work, model="other"), cells={last: row.cells[last]}
    )
    found = replace(many, rows=(*many.rows, only_last))
    titles = [picture.title for picture in kind(found)]
    assert any("model-0" in title for title in titles)
    assert not any("other" in title for title in titles)


def test_a_kind_with_too_many_pictures_is_cut_and_says_so():
    row = small().rows[0]
    count = MOST_OF_A_KIND + 3
    rows = tuple(
        replace(row, work=replace(row.work, model=f"m{i}")) for i in range(count)
    )
    pictures, notes = all_pictures(replace(small(), rows=rows, money=None))
    assert sum(one.id.startswith("throughput-") for one in pictures) == MOST_OF_A_KIND
    assert (
        "The first 24 pictures of throughput are drawn: compare fewer cases (-k) to "
        "see others."
    ) in notes


@pytest.mark.parametrize("kind", KINDS)
def test_a_comparison_of_nothing_has_no_pictures(kind):
    empty = replace(small(), rows=(), money=None)
    assert list(KINDS[kind](empty)) == []


def test_every_tick_of_a_logarithm_has_its_number():
    assert log_axis("x", [0.3, 40.0])["ticktext"] == [
        *("0.1", "0.2", "0.5", "1", "2", "5", "10", "20", "50", "100", "200", "500"),
    ]
    assert log_axis("x", [0.3, 40_000.0])["ticktext"] == [
        *("0.1", "1", "10", "100", "1,000", "10,000", "100,000"),
    ]


def test_whiskers_reach_from_the_value_to_the_ends_of_its_interval():
    found = whiskers([2.0, 5.0], [(1.5, 2.25), None])
    assert found["array"] == [0.25, None]
    assert found["arrayminus"] == [0.5, None]
    assert whiskers([1.0], [None]) == {"visible": False}


# Throughput and latency


def test_bars_are_as_long_as_the_throughput_and_its_interval():
    comparison = small()
    work = "asr-inference/ds2-small/fp32/eager/b64"
    picture = titled(bars.throughput(with_only(comparison, work)), ASR)
    cell = cell_of(comparison, work, "xeon")
    (bar,) = named(picture.figure, "xeon")
    assert bar.x == (cell.rtfx.value,)
    assert bar.error_x.array == pytest.approx((cell.rtfx.high - cell.rtfx.value,))
    assert column(picture.table, "RTFx")[1] == pytest.approx(cell.rtfx.value, rel=1e-5)


def test_throughput_without_audio_is_in_items():
    silent = changed(
        small(), lambda work, label, cell: replace(cell, rtfx=estimate(0.0))
    )
    picture = titled(bars.throughput(silent), "asr-features")
    assert picture.figure.layout.xaxis.title.text == "items a second"
    assert named(picture.figure, "epyc")[0].x == (5000.0,)


def test_a_case_beyond_its_gate_has_no_bar():
    picture = titled(bars.throughput(small()), ASR)
    (arm,) = named(picture.figure, "arm")
    (epyc,) = named(picture.figure, "epyc")
    assert not any("int8" in text for text in arm.hovertext)
    assert any("int8" in text for text in epyc.hovertext)
    beyond = [t for t in picture.figure.data if t.text == (" beyond its gate",) * 8]
    assert [trace.legendgroup for trace in beyond] == ["arm"]


def test_the_best_stand_on_top_with_their_values():
    picture = titled(bars.throughput(small()), ASR)
    best = [max(cell.rtfx.value for cell in one) for one in _drawn_cells(picture)]
    assert best == sorted(best, reverse=True)
    (epyc,) = named(picture.figure, "epyc")
    texts = next(t for t in picture.figure.data if t.type == "scatter")
    assert texts.legendgroup == "epyc"
    assert texts.text == tuple(f" {number(value)}" for value in epyc.x)
    slowest = [min(t.x) for t in titled(bars.latency(small()), ASR).figure.data[:1]]
    (first,) = [
        trace.x[0] for trace in titled(bars.latency(small()), ASR).figure.data[:1]
    ]
    assert first == slowest[0]


def _drawn_cells(picture):
    """Of each row, from above, the cells that have a bar."""
    rows = {str(row.work): row for row in small().rows}
    works = next(t for t in picture.figure.data if t.type == "bar").hovertext
    for work in works:
        cells = rows[work].cells.values()
        yield [cell for cell in cells if cell.gate_passed is not False]


def test_a_skipped_work_has_its_row_and_no_value():
    comparison = small(("epyc",))
    row = comparison.rows[0]
    skipped = replace(
        row,
        work=replace(row.work, compression="fp8"),
        cells={"epyc": NotMeasured("skipped", "no such kernel")},
    )
    found = replace(comparison, rows=(row, skipped), published=(), money=None)
    picture = only(bars.throughput(found))
    assert picture.figure.layout.yaxis.ticktext[1].startswith("fp8<br>")
    absent = picture.figure.data[-1]
    assert (absent.text, absent.y) == ((" n/a",), (1.0,))


def test_of_many_works_the_fastest_are_drawn_and_the_note_counts_them():
    picture = titled(bars.throughput(small()), ASR)
    assert picture.notes[0] == (
        "The 20 fastest of 24 works; the table of cases has them all."
    )
    assert (
        "asr-inference/ds2-small/fp32/eager/b1" not in picture.figure.data[0].hovertext
    )


def test_a_latency_has_its_median_and_its_furthest_percentile_in_figures():
    work = "asr-inference/ds2-small/fp32/eager/b64"
    picture = titled(bars.latency(with_only(small(), work)), ASR)
    cell = cell_of(small(), work, "epyc")
    p50, p99 = (cell.latency_ms[name].value for name in ("p50", "p99"))
    texts = next(t for t in picture.figure.data if t.text and t.name is None)
    assert texts.text == (f" {number(p50)} (p99 {number(p99)})",)


def test_latency_shows_the_median_and_the_percentiles_that_are_known():
    work = "asr-inference/ds2-small/fp32/eager/b64"
    comparison = with_only(small(), work)
    cell = cell_of(comparison, work, "epyc")
    picture = titled(bars.latency(comparison), ASR)
    assert named(picture.figure, "epyc")[0].x == (cell.latency_ms["p50"].value,)
    assert named(picture.figure, "epyc p99")[0].x == (cell.latency_ms["p99"].value,)
    few = changed(
        comparison,
        lambda work, label, cell: replace(
            cell, latency_ms={"p50": bound(4.0), "p99": bound(None, 64, 662)}
        ),
    )
    picture = titled(bars.latency(few), ASR)
    named_only = [trace.name for trace in picture.figure.data if trace.name]
    assert named_only == ["epyc", "xeon", "arm"]


def test_values_too_unlike_for_bars_are_marks_on_a_logarithm():
    row = small().rows[-2]
    fast, slow = measured(1e-5, 1), measured(1e-2, 1)
    rows = (replace(row, cells={"epyc": fast, "xeon": slow}),)
    comparison = replace(small(), rows=rows)
    picture = only(bars.throughput(comparison))
    assert picture.figure.layout.xaxis.type == "log"
    assert picture.figure.layout.xaxis.ticktext[-1] == "1,000,000"
    assert {trace.type for trace in picture.figure.data} == {"scatter"}
    assert named(picture.figure, "epyc")[0].x == (fast.rtfx.value,)
    assert only(bars.throughput(small_group())).figure.data[0].type == "bar"


def small_group():
    return with_only(small(), "asr-features/logmel-mfcc/fp32/eager/b1")


def test_a_training_has_throughput_and_no_latency():
    assert titled(bars.throughput(small()), "asr-training")
    assert not [p for p in bars.latency(small()) if "asr-training" in p.title]


# Batch sizes


def test_batch_sizes_are_in_order_and_each_candidate_has_a_line():
    picture = titled(scaling.pictures(small()), ASR)
    drawn = [line for line in named(picture.figure, "epyc") if line.text]
    line = next(line for line in drawn if "bf16/onnxruntime" in line.text[0])
    assert line.x == (1, 4, 16, 64)
    cells = small().rows
    row = next(r for r in cells if str(r.work).endswith("bf16/onnxruntime/b16"))
    assert line.y[2] == row.cells["epyc"].rtfx.value


def test_at_most_four_variants_are_drawn_the_fastest():
    picture = titled(scaling.pictures(small()), ASR)
    shown = {trace.text[0] for trace in picture.figure.data if trace.text}
    assert shown == {
        *("int8-dynamic/eager", "int8-dynamic/onnxruntime"),
        *("bf16/eager", "bf16/onnxruntime"),
    }
    assert picture.notes[1] == "The 4 fastest of 6 variants with several batch sizes."


def test_a_model_of_one_batch_size_has_no_such_picture():
    assert not [p for p in scaling.pictures(small()) if "asr-features" in p.title]
