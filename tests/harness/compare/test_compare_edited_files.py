"""Every field of a result edited in turn: it is refused with the file's name, or it is
compared, and every figure is finite and every text fit to be shown."""

import copy
import json
import math

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

from harness.compare.document import _plain
from harness.compare.figures import row
from harness.compare.gather import gather
from harness.compare.match import match
from harness.compare.text import plain
from harness.record.result import ResultError

EDITS = [
    *(None, True, -1, 0, 1e-308, 1e99, 1e308, 10**40, math.nan, math.inf),
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


@pytest.mark.parametrize("edit", EDITS, ids=repr)
def test_an_edited_field_is_refused_or_does_no_harm(tmp_path, edit):
    original = whole()
    good = result_file(tmp_path / "good.json", record(), machine={"host": "good"})
    path, refused = tmp_path / "edited.json", 0
    for way in places(original):
        path.write_text(json.dumps(edited(original, way, edit)))
        found = compared([str(good), str(path)])
        if isinstance(found, Exception):
            assert str(path) in str(found), way
            assert is_fit(str(found)[:1000]), way
            refused += 1
        else:
            assert all(map(is_fit, leaves(found))), way
    assert refused > 50
