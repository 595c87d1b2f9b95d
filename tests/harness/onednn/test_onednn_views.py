import pytest
from onednn_logs import GRAPH, STEP, UKERNEL, convolution

from harness.onednn.pictures import breakdown_figure, difference_figure
from harness.onednn.totals import Recording, distinct, line_of, totals_of
from harness.onednn.views import (
    breakdown_tables,
    difference_table,
    distinct_table,
    lines_about,
)


def quiet(done):
    pass


def columns(table):
    return {column.title: column.values or column.texts for column in table.columns}


def of(path, text, keys=("primitive", "direction")):
    path.write_text(text)
    return totals_of(path, keys, quiet)


def test_a_breakdown_has_shares_and_their_sum_so_far(log):
    (table,) = breakdown_tables(
        totals_of(log, ("primitive", "direction"), quiet), "step.log"
    )
    found = columns(table)
    assert found["primitive"][0] == "convolution"
    assert found["calls"] == (2, 2, 2, 2, 2)
    assert found["time"] == (8.0, 6.0, 4.0, 1.0, 1.0)
    assert found["%"] == (40.0, 30.0, 20.0, 5.0, 5.0)
    assert found["cumulative %"] == (40.0, 70.0, 90.0, 95.0, 100.0)
    assert found["mean"] == (4.0, 3.0, 2.0, 0.5, 0.5)
    assert "without a time" not in found


def test_kernels_of_threads_and_graphs_are_tables_of_their_own(tmp_path):
    text = convolution(time="2") + UKERNEL.format(time="3") + GRAPH.format(time="5")
    tables = breakdown_tables(of(tmp_path / "log", text), "log")
    assert [table.id for table in tables] == [
        *("primitive of log", "ukernel of log", "graph of log")
    ]
    assert [columns(table)["%"] for table in tables] == [(100.0,)] * 3
    assert "overlap" in tables[1].caption


def test_distinct_executions_have_every_field(log):
    found, _ = distinct(log, quiet)
    shown = columns(distinct_table(found))
    assert len(shown["kind"]) == 5
    assert shown["problem"][0] == "mb2_ic16oc32_ih1oh1kh1sh1dh0ph0_iw16ow14kw3sw1dw0pw0"
    assert shown["layouts"][0] == "aBcd16b,ABcd16b16a,aBcd16b"
    assert shown["time"][0] == 8.0


def test_two_logs_stand_side_by_side(tmp_path):
    first = of(tmp_path / "a", 2 * STEP)
    second = of(tmp_path / "b", convolution(time="6") + convolution("backward", "1"))
    found = columns(difference_table(first, second, ("A", "B"), (2.0, 1.0)))
    by = {
        (p, d): row
        for p, d, *row in zip(
            *(found["primitive"], found["direction"], found["calls A"]),
            *(found["calls B"], found["time A"], found["time B"], found["ratio"]),
            found["remark"],
            strict=True,
        )
    }
    assert by["convolution", "forward"] == [1.0, 1.0, 2.0, 6.0, 3.0, ""]
    assert by["convolution", "backward"] == [
        *(None, 1.0, None, 1.0, None, "missing in A")
    ]
    assert by["convolution", "backward_weights"][-1] == "missing in B"
    assert found["difference ms"][:2] == (-4.0, 4.0)


def test_lines_tell_library_sums_coverage_and_what_was_not_read(log):
    cut = convolution()[:90] + "\n"
    recorded = line_of(Recording(("x",), 0.04, 0))
    log.write_text(log.read_text() + UKERNEL.format(time="3") + cut + recorded)
    lines = list(lines_about(totals_of(log, ("primitive",), quiet)))
    assert lines[0] == "oneDNN 3.12.0, Intel AVX-512, 2 threads"
    assert lines[1] == (
        "10 executions of primitives, 20 ms; 1 execution of kernels of threads, 3 ms"
    )
    assert lines[2] == "primitives are 50.0 % of the wall time, 0.04 s of x"
    assert lines[3].startswith(
        "not read: 1 line of damaged executions, such as onednn_"
    )
    assert any("of other output, such as epoch 1" in line for line in lines)


def test_a_program_that_failed_says_so(log):
    log.write_text(log.read_text() + line_of(Recording(("x",), 0.04, 3)))
    lines = list(lines_about(totals_of(log, ("primitive",), quiet)))
    assert lines[2].endswith("0.04 s of x; it ended with status 3")


def test_no_field_is_cut(tmp_path):
    """Two that differ behind the 300th character are two rows."""
    problems = [":".join(["2x3"] * 120 + [end]) for end in ("1", "2")]
    text = "".join(convolution(problem=problem) for problem in problems)
    (table,) = breakdown_tables(of(tmp_path / "log", text, ("problem",)), "log")
    assert set(columns(table)["problem"]) == set(problems)


def test_without_a_recording_coverage_is_unknown(log):
    lines = list(lines_about(totals_of(log, ("primitive",), quiet)))
    assert lines[2].startswith("coverage unknown")


def test_bars_are_of_the_first_key_in_colours_of_the_second(log):
    figure = breakdown_figure(totals_of(log, ("primitive", "direction"), quiet), "a")
    bars = {
        trace.name: dict(zip(trace.y, trace.x, strict=True)) for trace in figure.data
    }
    assert bars["backward_weights"]["convolution"] == pytest.approx(40.0)
    assert bars["forward"] == {"convolution": 20.0, "reorder": 0.0, "matmul": 0.0}
    assert sum(sum(trace.x) for trace in figure.data) == pytest.approx(100.0)


def test_too_many_bars_end_in_others(tmp_path):
    text = "".join(convolution(time="1", problem=f"mb{n}_ic1oc1") for n in range(40))
    figure = breakdown_figure(of(tmp_path / "log", text, ("problem",)), "log")
    (trace,) = figure.data
    assert len(trace.y) == 25
    assert trace.y[-1] == "others"
    assert sum(trace.x) == pytest.approx(100.0)


def test_bars_of_two_logs_are_divided_alike(tmp_path):
    first, second = of(tmp_path / "a", 2 * STEP), of(tmp_path / "b", STEP)
    figure = difference_figure([first, second], ["A", "B"], (2.0, 1.0))
    assert list(figure.data[0].x) == list(figure.data[1].x)
    assert figure.data[0].y[0] == "convolution backward_weights"
