"""Every field of a result edited in turn: it is refused with the file's name, or it is
compared, and every figure is finite and every text fit to be shown."""

import copy
import json
import math
from functools import cache

import pytest
from recorded import (
    CASE,
    NO_ENERGY,
    accuracy,
    content,
    kernel,
    kernels,
    metric,
    moment,
    record,
    result_file,
    training,
    unmeasured,
)

from harness.record.result import ResultError
from harness.report.compare.document import _plain
from harness.report.compare.reading.figures import row
from harness.report.compare.reading.gather import gather
from harness.report.compare.reading.match import match
from harness.text import plain

EDITS = [
    *(None, True, -1, 0, 1e-308, 1e99, 1e308, 10**40, 10**400),
    *(math.nan, math.inf),
    *("", "x", "<b>\x1b[0m\u202e", [], [[]], [None], {}, {"x": 1}),
]


def whole():
    """A file with every part of a record."""
    operation = record(
        [1.0, 2.0],
        [1.5, 2.5],
        accuracy=accuracy(wer=metric(gate=0.01, difference=0.001, passed=True)),
        energy=NO_ENERGY | {"joules": 5.0, "joules_per_audio_hour": 9.0},
        kernels=kernels(kernel("matmul", 0.5, 100.0)),
        roofline={
            "precision": "fp32",
            "peak_flops_per_s": 1e9,
            "peak_bytes_per_s": 1e9,
            "achieved_flops_per_s": 1e8,
            "fraction_of_peak": 0.1,
        },
        utilization={
            "sampler_hz": 2.0,
            "timeline": [moment(1.0, gpus=[{"index": 0, "utilization_percent": 1.0}])],
        },
        noise=[{"process": 0, "first_sample": 0, "samples": 2, "steal_percent": 0.0}],
    )
    trained = training(2.0, 3.0, targets=[(0.5, 8.0, 2), (0.1, None, None)])
    failed = unmeasured("failed", "killed", type(CASE)("w", "m", "fp32", "e", "cpu", 1))
    return content(operation, trained, failed)


def places(value, way=()):
    """The ways to every part of plain values."""
    yield way
    parts = value.items() if isinstance(value, dict) else ()
    parts = enumerate(value) if isinstance(value, list) else parts
    for key, inner in parts:
        yield from places(inner, (*way, key))


def edited(values, way, edit):
    """A copy in which one part is another."""
    if not way:
        return edit
    values = copy.copy(values)
    values[way[0]] = edited(values[way[0]], way[1:], edit)
    return values


def leaves(value):
    """Numbers and texts, names among them."""
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list):
        for inner in value:
            yield from leaves(inner)
    else:
        yield value


def is_fit(value):
    """To be written as strict JSON and shown in a terminal."""
    if isinstance(value, float):
        return math.isfinite(value)
    return not isinstance(value, str) or plain(value, len(value)) == value


def compared(files):
    """All that a comparison shows, or why it is refused."""
    try:
        gathered = gather(files)
    except (ResultError, ValueError) as error:
        return error
    matched = match(gathered)
    labels = [one.label for one in gathered.candidates]
    rows = [row(work, labels, labels[0]) for work in matched.works]
    return _plain([rows, matched.mismatches, matched.differences, gathered.candidates])


@pytest.fixture
def refusals(tmp_path):
    """Edits each of some fields in turn; how often that was refused."""

    def counted(edit, ways, host):
        good = result_file(tmp_path / "good.json", record(), machine={"host": host})
        path = tmp_path / "edited.json"
        return sum(is_refused(good, path, way, edit) for way in ways)

    return counted


PLACE = "here the edit goes"


@cache
def around(way):
    """The file's text before and after what stands there."""
    text = json.dumps(edited(whole(), way, PLACE), indent=4)
    before, _, after = text.partition(json.dumps(PLACE))
    return before, after


def text_of(way, edit):
    """The edited file, laid out as it is written."""
    if isinstance(edit, dict | list):
        return json.dumps(edited(whole(), way, edit), indent=4)
    return json.dumps(edit).join(around(way))


def is_refused(good, path, way, edit):
    """Whether this edit is; and that it does no harm."""
    path.write_text(text_of(way, edit))
    found = compared([str(good), str(path)])
    if isinstance(found, Exception):
        assert str(path) in str(found), way
        assert is_fit(str(found)), way
        assert len(str(found)) < 1000, way
        return True
    assert all(map(is_fit, leaves(found))), way
    return False


@pytest.mark.parametrize("edit", EDITS, ids=repr)
def test_an_edited_field_is_refused_or_does_no_harm(refusals, edit):
    assert refusals(edit, places(whole()), host="another") > 50


@pytest.mark.parametrize("edit", EDITS, ids=repr)
def test_an_edited_fact_of_a_machine_does_no_harm_to_its_other_run(refusals, edit):
    ways = [way for way in places(whole()) if way[:1] == ("machine_info",)]
    assert refusals(edit, ways, host="alpha") > 0
