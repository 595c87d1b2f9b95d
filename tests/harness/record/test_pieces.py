import json

import pytest

from harness.record.pieces import hollow

BENCHMARKS = [
    {"name": "a", "data": [1.0, {"b": []}]},
    {"name": "}\n        },", "c": {}},
]
DOCUMENT = {"machine_info": {"x": 1}, "benchmarks": BENCHMARKS, "speechmark": {"y": []}}


def taken_apart(text):
    """What is left, and the pieces as texts."""
    pieces = []
    left = hollow(text.encode().splitlines(keepends=True), pieces.append)
    return left.decode(), [piece.decode() for piece in pieces]


def test_a_document_is_taken_apart_into_its_benchmarks():
    left, pieces = taken_apart(json.dumps(DOCUMENT, indent=4))
    assert list(map(json.loads, pieces)) == BENCHMARKS
    assert json.loads(left) == DOCUMENT | {"benchmarks": [None, None]}


def test_a_piece_is_taken_before_the_next_is_read():
    lines = iter(json.dumps(DOCUMENT, indent=4).encode().splitlines(keepends=True))
    left = []
    hollow(lines, lambda piece: left.append(next(lines)) if not left else None)
    assert left == [b"        {\n"]


@pytest.mark.parametrize("indent", [None, 0, 2])
def test_another_layout_stays_as_it_is(indent):
    text = json.dumps(DOCUMENT, indent=indent)
    assert taken_apart(text) == (text, [])


@pytest.mark.parametrize("text", ["", "[]", "x\n", '{\n    "benchmarks": []\n}\n'])
def test_what_has_no_benchmarks_stays_as_it_is(text):
    assert taken_apart(text) == (text, [])


@pytest.mark.parametrize(
    ("found", "edited"), [("},\n", "}\n"), ("}\n    ]", "},\n    ]")]
)
def test_a_comma_too_few_or_too_many_is_still_there_in_what_is_left(found, edited):
    text = json.dumps({"benchmarks": [{}, {}]}, indent=4).replace("{}", "{\n        }")
    assert json.loads(taken_apart(text)[0]) == {"benchmarks": [None, None]}
    with pytest.raises(json.JSONDecodeError):
        json.loads(taken_apart(text.replace(found, edited))[0])


def test_what_is_no_object_is_no_json_of_a_benchmark():
    text = json.dumps({"benchmarks": [None, {"a": 1}]}, indent=4)
    (piece,) = taken_apart(text)[1]
    with pytest.raises(json.JSONDecodeError):
        json.loads(piece)


def test_a_torn_document_stays_torn():
    text = json.dumps(DOCUMENT, indent=4)
    left, pieces = taken_apart(text[: text.index('"c"')])
    assert len(pieces) == 1
    assert left.endswith('"name": "}\\n        },",\n            ')
