"""`-k` and `--cases`: which cases a command takes."""

from __future__ import annotations

import click
import pytest
from _pytest.mark import expression as pytest_expression
from click.testing import CliRunner

from harness.selection import ALL, Selection, SelectionError, nearest, selecting

DECODING = "asr-decoding/ds2-small/fp32/flashlight/cpu/b1/beam=16"
WIDE = "asr-decoding/ds2-small/fp32/flashlight/cpu/b1/beam=64"
INT8 = "wav2letter/wav2letter-small/int8-static/openvino/cpu:threads=1/b16"
FP32 = "wav2letter/wav2letter-small/fp32/eager/cpu/b1"
IDS = [DECODING, WIDE, INT8, FP32]


def chosen(expression: str = "", *globs: str) -> list[str]:
    return Selection(expression, globs).of(IDS, str, "these")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("", IDS),
        ("  ", IDS),
        ("INT8-Static", [INT8]),
        ("wav2letter/wav2letter-small/fp32", [FP32]),
        ("cpu:threads", [INT8]),
        ("asr and not flashlight/cpu/b1/beam", None),
        ("wav2letter and (fp32 or int8)", [INT8, FP32]),
        ("not asr", [INT8, FP32]),
        ("b1]", [FP32]),
        ("[asr", [DECODING, WIDE]),
    ],
)
def test_an_expression_means_what_it_means_to_pytest(
    expression: str, expected: list[str] | None
) -> None:
    if expected is None:
        with pytest.raises(SelectionError, match="none of the 4 cases of these"):
            chosen(expression)
    else:
        assert chosen(expression) == expected


@pytest.mark.parametrize(
    ("globs", "expected"),
    [
        (("asr-decoding/*beam=64*",), [WIDE]),
        (("*/b1",), [FP32]),
        (("wav2letter",), None),
        (("*/b1", "*beam=16"), [DECODING, FP32]),
        (("*threads=[12]/*",), [INT8]),
    ],
)
def test_a_glob_is_of_the_whole_id(
    globs: tuple[str, ...], expected: list[str] | None
) -> None:
    if expected is None:
        with pytest.raises(SelectionError, match="matches --cases 'wav2letter';"):
            chosen("", *globs)
    else:
        assert chosen("", *globs) == expected


def test_expression_and_globs_both_hold() -> None:
    assert chosen("beam and not wav2letter", "*beam=64") == [WIDE]
    with pytest.raises(SelectionError, match=r"-k 'fp32' --cases '\*/b16';"):
        chosen("fp32", "*/b16")


def test_each_of_several_globs_has_to_match() -> None:
    with pytest.raises(SelectionError, match=r"matches --cases '\*beam=65\*'; the"):
        chosen("", "*beam=64*", "*beam=65*")


def test_an_item_of_several_names_is_taken_by_any() -> None:
    items = {"one": ["a/b1", "a/cpu/b1"], "other": ["b/b1", "b/cpu/b1"]}
    found = Selection(globs=("a/cpu/*",)).of(items, items.__getitem__, "these")
    assert found == ["one"]
    assert Selection("not b/").of(items, items.__getitem__, "these") == ["one"]


def test_without_a_selection_nothing_may_be_there() -> None:
    assert ALL.of([], str, "these") == []
    with pytest.raises(SelectionError, match="there is no case of these"):
        Selection("fp32").of([], str, "these")


def test_a_single_case_is_named_as_such() -> None:
    with pytest.raises(SelectionError, match=f"only case of x does not .*: {FP32}$"):
        Selection("int8").of([FP32], str, "x")


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection("flashligth"), [DECODING, WIDE]),
        (Selection("int8-sttaic or nonsense"), [INT8]),
        (Selection(globs=("asr-decoding/*beam=644*",)), [WIDE, DECODING]),
        (Selection(globs=("wav2letter/*/int8",)), [INT8]),
    ],
)
def test_the_nearest_ids_are_named_first(
    selection: Selection, expected: list[str]
) -> None:
    found = nearest(selection, IDS)
    assert found[: len(expected)] == expected
    assert len(found) == 3


@pytest.mark.parametrize(
    ("expression", "stated"),
    [
        ("beam=64", r"at column 5: .*; expressions hold no '=': --cases '\*beam=64\*'"),
        ("asr and (beam=64)", r"--cases '\*beam=64\*' takes"),
        ("asr wav2letter", "at column 5: expected end of input; got identifier; exp"),
        ("asr and", "expected words of ids with and, or, not and brackets"),
        ("asr*", 'unexpected character "\\*"'),
    ],
)
def test_an_expression_that_is_none_has_its_remedy(
    expression: str, stated: str
) -> None:
    with pytest.raises(SelectionError, match=stated):
        Selection(expression).check()


def test_an_expression_with_arguments_is_refused() -> None:
    with pytest.raises(SelectionError, match="asr takes no arguments"):
        chosen("asr(beam=64)")


def test_errors_of_earlier_pytests_are_understood(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class ParseError(Exception):
        pass

    def refuses(text: str) -> None:
        raise ParseError(f"at column 1: of {text}")

    monkeypatch.setattr(pytest_expression, "ParseError", ParseError, raising=False)
    monkeypatch.setattr(pytest_expression.Expression, "compile", refuses)
    with pytest.raises(SelectionError, match="-k 'a rare': at column 1: of a rare; "):
        Selection("a rare").check()


@click.command()
@selecting
def toy(selection: Selection) -> None:
    click.echo(repr(selection))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], ALL),
        (["-k", "a or b"], Selection("a or b")),
        (["--cases", "a*", "--cases", "b*"], Selection(globs=("a*", "b*"))),
    ],
)
def test_a_command_takes_both_options(
    arguments: list[str], expected: Selection
) -> None:
    assert CliRunner().invoke(toy, arguments).output == f"{expected!r}\n"


def test_a_command_refuses_what_is_no_expression() -> None:
    found = CliRunner().invoke(toy, ["-k", "a=b"])
    assert found.exit_code == 2
    assert "Error: -k 'a=b': at column 2" in found.output
