"""A comparison as JSON."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from compared import small

from harness.report.compare.document import FORMAT_VERSION, as_json, document
from harness.report.compare.model import Measured


def test_a_document_has_every_figure_under_the_names_of_the_model() -> None:
    comparison = small()
    found = json.loads(as_json(comparison))
    assert (found["format"], found["format_version"]) == (
        "speechmark-comparison",
        FORMAT_VERSION,
    )
    row = comparison.rows[0]
    cell = row.cells["epyc"]
    assert isinstance(cell, Measured)
    plain = found["rows"][0]
    assert plain["work"] == str(row.work)
    assert plain["cells"]["epyc"]["step_s"] == {
        "value": cell.step_s.value,
        "low": cell.step_s.low,
        "high": cell.step_s.high,
        "values": list(cell.step_s.values),
        "runs": list(cell.step_s.runs),
    }
    assert found["baseline"] == comparison.baseline
    assert len(found["rows"]) == len(comparison.rows)


def test_a_timeline_has_a_list_a_field() -> None:
    comparison = small()
    rows = zip(comparison.rows, document(comparison)["rows"], strict=True)
    timelines = [
        (cell.timeline, plain["cells"][label]["timeline"])
        for row, plain in rows
        for label, cell in row.cells.items()
        if isinstance(cell, Measured) and cell.timeline
    ]
    assert timelines
    for moments, plain in timelines:
        assert plain["t_s"] == [one.t_s for one in moments]
        assert plain["stage"] == [one.stage for one in moments]
        assert plain["gpu_percent"] == [one.gpu_percent for one in moments]


def test_what_is_not_known_is_null() -> None:
    assert document(replace(small(), ranking=None))["ranking"] is None


def test_no_number_is_written_that_json_does_not_know() -> None:
    comparison = small()
    assert comparison.money is not None
    broken = replace(comparison, money=replace(comparison.money, years=float("nan")))
    with pytest.raises(ValueError, match="not JSON compliant"):
        as_json(broken)


def test_a_document_that_would_be_too_long_is_none():
    comparison = small()
    size = len(as_json(comparison).encode())
    assert as_json(comparison, most_bytes=size) == as_json(comparison)
    assert as_json(comparison, most_bytes=size / 4) == ""
