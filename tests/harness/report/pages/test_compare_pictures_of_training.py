"""What the pictures of trainings, kernels, roofs, utilization and load draw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from compared import small
from compared_cells import LEVELS, training
from pictured import (
    ASR,
    cell_of,
    changed,
    checked_pictures,
    column,
    named,
    only,
    titled,
)

from harness.report.compare.model import (
    Comparison,
    Moment,
    NotMeasured,
    Work,
)
from harness.report.compare.replayed import ReplayedKernel, ReplayedKernels
from harness.report.pages.pictures import (
    kernels,
    load,
    replays,
    roofline,
    timelines,
    tta,
)
from harness.report.pages.pictures.picture import COLOURS

# Time to accuracy


def test_the_line_is_the_median_of_the_runs_the_band_holds_all_and_targets_are_lines():
    picture = titled(tta.pictures(small()), "fp32")
    band, line = [t for t in named(picture.figure, "xeon") if t.mode == "lines"]
    points = [curve[4] for curve in training(0.62).training.curves]
    values = [100 * point.errors["wer"] for point in points]
    assert line.x[4] == points[0].end_s
    assert line.y[4] == pytest.approx(values[1])
    assert band.fill == "toself"
    assert (band.y[4], band.y[-5]) == pytest.approx((max(values), min(values)))
    lines = [s.y0 for s in picture.figure.layout.shapes]
    assert lines == pytest.approx([100 * level for level in sorted(LEVELS)])


def test_the_table_holds_what_the_picture_draws():
    picture = titled(tta.pictures(small()), "fp32")
    band, line = [t for t in named(picture.figure, "xeon") if t.mode == "lines"]
    names = ("what", "candidate or machine", "metric")
    whose = zip(*(column(picture.table, name) for name in names), strict=True)
    rows = [at for at, of in enumerate(whose) if of == ("epoch", "xeon", "wer")]
    value, low, high, runs = (
        [column(picture.table, name)[at] for at in rows]
        for name in ("value", "lowest", "highest", "runs")
    )
    assert value == pytest.approx(list(line.y), rel=1e-4)  # of six digits
    assert [*high, *reversed(low)] == pytest.approx(list(band.y), rel=1e-4)
    assert set(runs) == {3}


def test_a_target_is_marked_only_where_every_run_reached_it():
    picture = titled(tta.pictures(small()), "fp32")
    means, runs = [t for t in named(picture.figure, "arm") if t.mode == "markers"]
    shift = 0.6 / 3  # of the last of three
    assert means.y == pytest.approx((shift, 1 + shift))
    assert runs.y == pytest.approx((shift, shift, shift, *[1 + shift] * 3))
    epyc, *_ = [t for t in named(picture.figure, "epyc") if t.mode == "markers"]
    assert epyc.y == pytest.approx((0.0 - shift, 1 - shift, 2 - shift))
    assert picture.figure.layout.yaxis2.ticktext == ("wer 30 %", "wer 24 %", "wer 20 %")
    (missed,) = [t for t in named(picture.figure, "arm") if t.mode == "text"]
    assert missed.text == (" reached by 2 of 3",)
    assert "target: reached by 2 of 3" in column(picture.table, "what")


def test_labels_of_targets_keep_clear_of_each_other():
    close = changed(
        small(),
        lambda work, label, cell: (
            cell
            if cell.training is None
            else replace(cell, training=_with_level(cell.training, 0.201))
        ),
    )
    figure = titled(tta.pictures(close), "fp32").figure
    labels = [note for note in figure.layout.annotations if "wer" in note.text]
    assert [label.y for label in labels[:2]] == pytest.approx([20.0, 20.1])
    up = [label.yshift for label in labels]
    assert up[0] == 0.0
    assert up[1] == pytest.approx(13 - 0.001 * 300 / 0.95)


def _with_level(one, level):
    return replace(one, targets=(*one.targets, replace(one.targets[0], level=level)))


def test_published_times_stand_beside_ours_and_are_called_so():
    picture = titled(tta.pictures(small()), "fp32")
    (k40,) = named(picture.figure, "published: K40m, batch 96")
    assert (k40.x, k40.y) == ((70.0,), (30.0,))
    assert k40.text == ("Baunsgaard et al. 2020",)
    assert picture.notes[2] == (
        "Published as not reached by Xeon Phi, batch 96: wer 24 %."
    )


def test_the_source_of_published_times_is_stated_below():
    picture = titled(tta.pictures(small()), "fp32")
    (source,) = {one.source for one in small().published}
    stated = f"Published times are those of {source}: other machines, other speech."
    assert stated in picture.notes


def test_times_of_another_order_of_magnitude_get_a_logarithm():
    assert titled(tta.pictures(small()), "fp32").figure.layout.xaxis.type is None
    stated = tuple(replace(p, tta_s=86_400.0) for p in small().published)
    far = titled(tta.pictures(replace(small(), published=stated)), "fp32")
    assert far.figure.layout.xaxis.type == "log"
    assert far.figure.layout.xaxis2.title.text.endswith("(h)")


def test_a_published_time_of_another_model_is_not_drawn():
    stated = tuple(replace(p, model="ds2-paper") for p in small().published)
    picture = titled(tta.pictures(replace(small(), published=stated)), "fp32")
    assert not [t for t in picture.figure.data if "published" in (t.name or "")]


def test_metrics_with_targets_have_a_panel_each():
    two = changed(
        small(),
        lambda work, label, cell: (
            cell
            if cell.training is None
            else replace(cell, training=_with_cer(cell.training))
        ),
    )
    figure = titled(tta.pictures(two), "fp32").figure
    assert figure.layout.yaxis.title.text == "wer %"
    assert figure.layout.yaxis2.title.text == "cer %"


def _with_cer(one):
    return replace(
        one, targets=(*one.targets, replace(one.targets[0], metric="cer", level=0.1))
    )


# Kernels, roofline, utilization, load


def test_kernels_stand_side_by_side_and_add_up_to_the_logged_time():
    picture = titled(kernels.pictures(small()), ASR)
    convolution = named(picture.figure, "convolution forward")[0]
    assert convolution.y == ("epyc", "xeon", "arm")
    cell = cell_of(small(), "asr-inference/ds2-small/fp32/eager/b1", "epyc")
    assert convolution.x[0] == pytest.approx(1e3 * cell.kernels[0].time_s)
    assert named(picture.figure, "reorder")
    assert set(column(picture.table, "coverage")) == {87.5}


def test_direction_is_a_pattern_and_the_primitive_a_colour():
    kinds = [("convolution", "backward_data"), ("convolution", "forward")]
    comparison = changed(
        small(),
        lambda work, label, cell: replace(
            cell,
            kernels=tuple(
                replace(one, primitive=p, direction=d)
                for one, (p, d) in zip(cell.kernels, kinds, strict=False)
            ),
        ),
    )
    figure = titled(kernels.pictures(comparison), ASR).figure
    (back, *_), (forward, *_) = (
        named(figure, f"convolution {name}") for name in ("backward data", "forward")
    )
    assert back.marker.color == forward.marker.color == COLOURS[0]
    assert (back.marker.pattern.shape, forward.marker.pattern.shape) == ("/", "")
    assert back.marker.pattern.fillmode == "overlay"


def test_primitives_without_a_colour_are_others():
    comparison = changed(
        small(),
        lambda work, label, cell: replace(
            cell,
            kernels=tuple(
                replace(one, primitive=f"p{i}", time_s=1.0 / (i + 1))
                for one in cell.kernels[:1]
                for i in range(12)
            ),
        ),
    )
    figure = titled(kernels.pictures(comparison), ASR).figure
    (others, *_) = named(figure, "others")
    assert others.x[0] == pytest.approx(1e3 * sum(1 / n for n in range(8, 13)))


def replayed(gain_s: float, names: int = 2) -> ReplayedKernels:
    kernels = tuple(
        ReplayedKernel(
            *("convolution", "backward_data", "jit", "f32,f32,f32", f"mb{n}<b>"),
            *(0.01 + gain_s / n, 0.01, 0.02),
        )
        for n in range(1, names + 1)
    )
    return ReplayedKernels(97.5, 0.4, 0.3, kernels)


def with_replays(found: Callable[[Work, str], ReplayedKernels | None]) -> Comparison:
    return changed(
        small(), lambda work, label, cell: replace(cell, replayed=found(work, label))
    )


def test_what_kernels_would_gain_is_drawn_of_the_works_with_most():
    def found(work: Work, label: str) -> ReplayedKernels | None:
        if label != "epyc":
            return None
        return replayed(0.02 if work.compression == "fp32" else 0.01)

    picture = titled(replays.pictures(with_replays(found)), ASR)
    step, alone = (
        named(picture.figure, "in the step")[0],
        named(picture.figure, "alone, in the caches")[0],
    )
    assert step.x == pytest.approx((30.0, 20.0))
    assert alone.x == pytest.approx((10.0, 10.0))
    assert step.y == ("1. convolution backward data", "2. convolution backward data")
    assert step.text[0] == "mb1&lt;b&gt;"
    titles = [one.text for one in picture.figure.layout.annotations]
    assert "efficiency 0.75" in titles[0]
    gains = column(picture.table, "to gain")
    assert sorted(gains)[-1] == pytest.approx(20.0)
    assert set(column(picture.table, "reproduced %")) == {97.5}
    assert set(column(picture.table, "candidate")) == {"epyc"}


@pytest.mark.parametrize("found", [None, ReplayedKernels(100.0, 1.0, 1.0, ())])
def test_where_nothing_would_gain_there_is_no_picture(found):
    assert list(replays.pictures(with_replays(lambda work, label: found))) == []


def test_the_roof_is_the_lower_of_memory_and_arithmetic():
    roof = roofline.Roof("epyc", "fp32", 6e12, 60e9)
    assert roof.ridge == 100.0
    assert roof.height(50.0) == 3e12
    assert roof.height(1000.0) == 6e12
    assert roofline.Roof("epyc", "fp32", 6e12, None).height(1.0) == 6e12


def test_a_point_stands_at_its_operations_for_each_byte_of_the_weights():
    picture = titled(roofline.pictures(small()), ASR)
    at = column(picture.table, "variant").index("fp32/eager")
    assert column(picture.table, "batch size")[at] == 1
    intensity = 2e9 / 3.3e6  # operations of a step over the bytes of the weights
    found = column(picture.table, "operations a byte")[at]
    assert found == pytest.approx(intensity, rel=1e-5)
    points = next(t for t in named(picture.figure, "epyc fp32") if t.mode != "lines")
    assert points.text[0] == "fp32 eager b1"
    assert points.x[0] == pytest.approx(intensity)
    assert points.y[0] == pytest.approx(2.0 / (0.004 * 1.1))


def test_without_weights_there_is_no_roofline():
    bare = changed(small(), lambda work, label, cell: replace(cell, model_bytes=None))
    assert list(roofline.pictures(bare)) == []


def test_utilization_has_a_panel_for_each_candidate_and_bands_for_stages():
    picture = titled(timelines.pictures(small()), "asr-training")
    machine = named(picture.figure, "machine's CPU (%)")
    assert len(machine) == 3
    cell = cell_of(small(), "asr-training/ds2-small/fp32/eager/b16", "epyc")
    assert machine[0].y[7] == cell.timeline[7].machine_cpu_percent
    assert named(picture.figure, "GPU 0 (%)")
    assert named(picture.figure, "worker (cores)")[0].y[0] == 1.5
    assert len(picture.figure.layout.shapes) == 4 * 3


def test_a_long_timeline_is_thinned_to_its_ends():
    long = tuple(Moment(float(i), "timed", 1.0, 1.0) for i in range(10_000))
    comparison = changed(
        small(), lambda work, label, cell: replace(cell, timeline=long)
    )
    picture = titled(timelines.pictures(comparison), "asr-features")
    drawn = picture.figure.data[0].x
    assert (len(drawn), drawn[0], drawn[-1]) == (150, 0.0, 9999.0)


def test_cost_over_load_is_a_line_for_each_candidate_with_the_stated_load():
    picture = only(load.pictures(small()))
    costs = [one for one in small().money.over_load if one.candidate == "xeon"]
    (line,) = named(picture.figure, "xeon")
    assert line.x == tuple(one.audio_hours_per_day for one in costs)
    assert line.y == tuple(one.cost for one in costs)
    assert picture.figure.layout.shapes[0].x0 == 20_000
    assert picture.figure.layout.yaxis.title.text == "USD over 4 years"
    assert picture.workload is None


def test_what_is_not_measured_is_left_out_of_every_picture():
    comparison = small()
    rows = tuple(
        replace(row, cells=row.cells | {"arm": NotMeasured("skipped", "no such thing")})
        for row in comparison.rows
    )
    for picture in checked_pictures(replace(comparison, rows=rows, money=None)):
        names = {trace.name for trace in picture.figure.data}
        assert "arm" not in names, picture.id
