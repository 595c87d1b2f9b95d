import gzip
import json

import pytest
import torch
from click.testing import CliRunner

from harness.cli import main
from harness.onednn.spans import Gap, Span, Trace, is_in_onednn, spans_of
from harness.onednn.trace_views import (
    gap_table,
    operator_table,
    span_table,
    trace_lines,
)


def event(name, start, length, thread=1, category="cpu_op"):
    return {
        **{"ph": "X", "cat": category, "name": name, "pid": 7, "tid": thread},
        **{"ts": start, "dur": length},
    }


EVENTS = [
    event("aten::conv1d", 0, 100),
    event("aten::convolution", 10, 85),
    event("aten::mkldnn_convolution", 20, 70),
    event("aten::relu", 150, 50),
    event("aten::add", 200, 20),
    event("aten::backward", 0, 10, thread=2),
    event("python call", 0, 500, category="python_function"),
]


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "trace.json"
    file.write_text(json.dumps({"traceEvents": EVENTS}))
    return file


def test_spans_lie_within_what_called_them(path):
    spans = spans_of(path)
    assert [(span.name, span.parent, span.own_us) for span in spans[:5]] == [
        ("aten::conv1d", None, 15.0),
        ("aten::convolution", 0, 15.0),
        ("aten::mkldnn_convolution", 1, 70.0),
        ("aten::relu", None, 50.0),
        ("aten::add", None, 20.0),
    ]
    assert spans[5].thread == "7:2"
    assert spans[0] == Span("aten::conv1d", "7:1", 0.0, 100.0, None, 85.0)


def test_fragmentation_is_the_share_of_the_gaps(path):
    found = Trace.of(path)
    assert found.wall_us == 220.0
    assert found.gaps == (Gap("aten::relu", 50.0),)
    assert found.fragmentation == pytest.approx(50 / 220)


def test_what_onednn_calls_is_onednns(path):
    found = Trace.of(path)
    assert [is_in_onednn(found.spans, place) for place in range(4)] == [
        *(False, False, True, False)
    ]
    assert found.onednn_us == 70.0


def test_tables_have_own_times_gaps_and_spans(path):
    found = Trace.of(path)
    operators = operator_table(found)
    assert operators.columns[0].texts[0] == "aten::mkldnn_convolution"
    assert operators.columns[1].texts[:2] == ("oneDNN", "")
    assert sum(operators.columns[3].values) == pytest.approx(0.18)
    assert gap_table(found.gaps).columns[0].texts == ("aten::relu",)
    assert span_table(found.spans).columns[5].values[:3] == (None, 0, 1)
    lines = list(trace_lines(found))
    assert lines[0].startswith("5 operators of the main thread in 0.22 ms: 22.7 a")
    assert "22.7 % of it, in 1 gap" in lines[1]


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "is no trace in JSON"), ("[]", "holds no operators"), ("3", "no operators")],
)
def test_what_is_no_trace_is_an_error(tmp_path, content, message):
    file = tmp_path / "trace.json"
    file.write_text(content)
    with pytest.raises(ValueError, match=message):
        spans_of(file)
    done = CliRunner().invoke(main, ["onednn", "trace", str(file)])
    assert done.exit_code == 2
    assert message in done.output


def test_a_damaged_archive_is_an_error(tmp_path):
    file = tmp_path / "trace.json.gz"
    file.write_bytes(gzip.compress(b"[]" * 99)[:-9] + b"damaged")
    with pytest.raises(ValueError, match="is no trace in JSON"):
        spans_of(file)


def test_a_compressed_list_of_events_is_read(tmp_path):
    file = tmp_path / "trace.json.gz"
    broken = [{"cat": "cpu_op", "name": "x"}, 5]
    file.write_bytes(gzip.compress(json.dumps([*EVENTS, *broken]).encode()))
    assert len(spans_of(file)) == 6


def test_a_real_trace_is_read(tmp_path):
    file = tmp_path / "trace.json"
    layer, x = torch.nn.Conv1d(16, 16, 3), torch.rand(2, 16, 50)
    activities = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=activities) as profiler:
        layer(x).relu()
    profiler.export_chrome_trace(str(file))
    done = CliRunner().invoke(
        main, ["onednn", "trace", str(file), "--csv", str(tmp_path / "rows.csv")]
    )
    assert done.exit_code == 0, done.output
    assert "aten::" in done.output
    assert "fragmentation" in done.output
    assert "spans" in (tmp_path / "rows.csv").read_text()
