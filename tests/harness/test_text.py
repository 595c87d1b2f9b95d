from pathlib import Path

import pytest

from harness.text import (
    LONGEST,
    LONGEST_PATH,
    LONGEST_QUOTED,
    plain,
    plain_path,
    plain_values,
    quoted,
)


def test_what_is_no_text_stays_as_it_is():
    values = {"a": [1, 2.5, None, True], "b": {"c": "d"}}
    assert plain_values(values) == values


def test_texts_and_names_within_values_are_made_plain():
    values = {"a\x00": ["b\x1b", {"c": "d" * 1000}]}
    cut = "d" * (LONGEST - 1) + "\u2026"
    assert plain_values(values) == {"a\ufffd": ["b\ufffd", {"c": cut}]}


def test_a_text_is_cut_where_it_is_too_long():
    assert plain("abc", longest=3) == "abc"
    assert plain("abcd", longest=3) == "ab\u2026"
    assert len(plain("\u00e9" * 10**6)) == LONGEST


@pytest.mark.parametrize("text", ["caf\u00e9", "\u4f60\u597d", "\U0001f600", "a b <b>"])
def test_what_is_seen_stays(text):
    assert plain(text) == text


@pytest.mark.parametrize(
    "unseen",
    [
        *("\x00", "\x1b", "\n", "\x7f", "\x9b", "\ud800"),  # controls, half a character
        *("\u00ad", "\u200b", "\u200c", "\u200d", "\u2060", "\ufeff"),  # of no width
        *("\u061c", "\u200e", "\u202e", "\u2066"),  # marks of direction
        *("\u2028", "\u2029", "\u00a0", "\u3000"),  # other breaks and blanks
        *("\U000e0001", "\U000e0041", "\ufe0f", "\U000e0100"),  # tags, selectors
        *("\u115f", "\u3164", "\uffa0", "\u2800", "\u034f"),  # fillers
    ],
    ids=ascii,
)
def test_what_nobody_sees_is_marked(unseen):
    assert plain(f"epyc{unseen}") == "epyc\ufffd"


def test_the_name_of_a_file_obeys_too():
    assert plain_path(Path("a/\x1b]0;pwned\x07.json")) == "a/\ufffd]0;pwned\ufffd.json"
    assert len(plain_path(Path("x" * 5000))) == LONGEST_PATH


@pytest.mark.parametrize(
    "value",
    [
        *("x" * 10**6, 10**4000, list(range(10**5)), {"x" * 1000: "y" * 1000}),
        *([["x" * 1000] * 100] * 100, "\x1b" * 1000, 1e300),
    ],
    ids=["text", "number", "list", "dict", "nested", "controls", "float"],
)
def test_what_is_quoted_is_short_and_fit_to_be_shown(value):
    assert 0 < len(quoted(value)) <= LONGEST_QUOTED
    assert len(quoted(value, 20)) <= 20
    assert quoted(value).isprintable()


def test_what_is_quoted_tells_that_it_was_cut():
    assert quoted("a" * 100, 10) == "'aaaaaa..."
    assert quoted(10**100, 10) == "1000000..."


def test_what_is_short_is_quoted_whole():
    for value in ("cpu:isa=amx", -1, None, ["avx2", "fma"], {"x": 1}, 2.5, True):
        assert quoted(value) == repr(value)
