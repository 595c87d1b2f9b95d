"""Transcripts with their edits, and edits over length."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
import toy
from outcomes import CASE, outcome, record
from rich.console import Console

from harness.metrics import EditUnit
from harness.record.schema import Record, TranscriptRecord
from harness.report.edits import (
    SHOWN,
    aligned,
    figure,
    print_case,
    quarters,
    with_edits,
    with_transcripts,
    write_page,
)

PAIRS = [(20, 2), (10, 0), (40, 8), (30, 3), (20, 2)]


def spoken(
    *transcripts: tuple[str, str, str, int],
    pairs: list[tuple[int, int]] | None = None,
    model: str = "good",
    unit: EditUnit = "character",
) -> Record:
    """A record with transcripts (rank, said, heard, edits) and edits by length."""
    accuracy = toy.transcribed(transcripts, pairs or []) | {"edit_unit": unit}
    return record(outcome(0.5, accuracy=accuracy), case=replace(CASE, model=model))


def printed(found: Record, columns: int = 80) -> str:
    console = Console(width=columns, color_system=None, force_terminal=False)
    with console.capture() as capture:
        print_case(found, console)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


@pytest.mark.parametrize(
    ("said", "understood", "shown"),
    [
        ("hello world", "hello world", ("hello world", "hello world", " " * 11)),
        (
            "hello world",
            "hello wurld",
            ("hello world", "hello wurld", " " * 7 + "S   "),
        ),
        ("cold", "old", ("cold", "*old", "D   ")),
        ("old", "cold", ("*old", "cold", "I   ")),
        (" a", "a", (" a", "*a", "D ")),
        ("yes", "", ("yes", "***", "DDD")),
        ("", "no", ("**", "no", "II")),
        ("", "", ("", "", "")),
    ],
)
def test_each_edit_is_marked_under_the_characters_that_it_changes(
    said: str, understood: str, shown: tuple[str, str, str]
) -> None:
    assert aligned(said, understood) == shown


def test_reference_stands_above_hypothesis_with_edits_and_rate() -> None:
    found = spoken(
        ("best", "hello world", "hello world", 0),
        ("middle", "the old bridge", "the bold brides", 4),
        ("worst", "", "no", 2),
    )
    assert printed(found) == "\n".join(
        [
            CASE.id,
            "  best: edits 0, characters 11, error rate 0.0 %",
            "    said   hello world",
            "    heard  hello world",
            "  middle: edits 4, characters 14, error rate 28.6 %",
            "    said   the *old bridge",
            "    heard  the bold brides",
            "               I        SS",
            "  worst: edits 2, characters 0, error rate -",
            "    said   **",
            "    heard  no",
            "           II",
            "",
        ]
    )


def test_phonemes_are_aligned_and_counted_whole() -> None:
    assert aligned("K AE T", "K AA T ZH", "phoneme") == (
        "K AE T **",
        "K AA T ZH",
        "  S    I ",
    )
    assert aligned("SIL AE", "AE", "phoneme") == ("SIL AE", "*** AE", "D     ")
    assert aligned("", "", "phoneme") == ("", "", "")


def test_edits_of_phonemes_are_stated_as_such() -> None:
    found = spoken(("worst", "K AE T", "K AA T ZH", 2), pairs=[(3, 2)], unit="phoneme")
    text = printed(found)
    assert "worst: edits 2, phonemes 3, error rate 66.7 %" in text
    assert "mean phonemes" in text
    assert "edits per 100 phonemes" in text
    layout = figure("title", [found]).layout
    assert layout.xaxis.title.text == "length of the reference (phonemes)"
    assert layout.yaxis.title.text == "edit distance (phonemes)"


def test_a_long_transcript_is_folded_with_its_marks_under_it() -> None:
    said, understood = "a" * 20 + "bcd", "a" * 20 + "bxd"
    lines = printed(spoken(("worst", said, understood, 1)), columns=31).splitlines()
    assert lines[2:] == [
        "    said   " + "a" * 20,
        "    heard  " + "a" * 20,
        "    said   bcd",
        "    heard  bxd",
        "            S",
    ]


def test_no_transcript_commands_the_terminal_or_is_taken_for_markup() -> None:
    text = printed(spoken(("best", "[red]a\x1b[2Jb[/oops]", "[red]ab[/oops]", 4)))
    assert "\x1b" not in text
    assert "said   [red]a\N{REPLACEMENT CHARACTER}[2Jb[/oops]" in text


def test_edits_are_summed_in_quarters_of_reference_length() -> None:
    found = spoken(pairs=[*PAIRS, (10, 1), (40, 4), (30, 0)])
    rows = [re.split(" {2,}", line.strip()) for line in printed(found).splitlines()]
    assert rows[1:6] == [
        [
            "by length",
            "utterances",
            "mean characters",
            "mean edits",
            "edits per 100 characters",
        ],
        ["shortest", "2", "10.0", "0.5", "5.0"],
        ["second", "2", "20.0", "2.0", "10.0"],
        ["third", "2", "30.0", "1.5", "5.0"],
        ["longest", "2", "40.0", "6.0", "15.0"],
    ]


def test_fewer_utterances_than_quarters_are_a_part_each() -> None:
    found = quarters([(9, 3), (0, 1)])
    assert [(part.n, part.length, part.edits) for part in found] == [
        (1, 0, 1),
        (1, 9, 3),
    ]
    rows = [
        line.split() for line in printed(spoken(pairs=[(9, 3), (0, 1)])).splitlines()
    ]
    assert rows[2:4] == [
        ["1", "1", "0.0", "1.0", "-"],
        ["2", "1", "9.0", "3.0", "33.3"],
    ]


def test_every_utterance_is_in_one_quarter() -> None:
    found = quarters([(length, 1) for length in range(101)])
    assert [part.n for part in found] == [25, 25, 25, 26]
    assert sum(part.length for part in found) == 5050


def test_only_cases_that_keep_them_have_transcripts_or_edits() -> None:
    bare, texts = record(), spoken(("best", "a", "a", 0))
    lengths = spoken(pairs=PAIRS)
    assert with_transcripts([bare, texts, lengths]) == [texts]
    assert with_edits([bare, texts, lengths]) == [lengths]


def test_a_point_is_as_large_as_the_utterances_that_it_stands_for() -> None:
    (trace,) = figure("toy", [spoken(pairs=PAIRS)]).data
    assert list(zip(trace.x, trace.y, trace.customdata, strict=True)) == [
        (10, 0, 1),
        (20, 2, 2),
        (30, 3, 1),
        (40, 8, 1),
    ]
    single, double = trace.marker.size[:2]
    assert double**2 == pytest.approx(2 * single**2)
    assert 0 < trace.marker.opacity < 1


def test_the_picture_names_cases_axes_and_units() -> None:
    models = [f"m{number}" for number in range(SHOWN + 1)]
    picture = figure("toy", [spoken(pairs=PAIRS, model=model) for model in models])
    assert [trace.name.split("/")[1] for trace in picture.data] == models
    assert [trace.visible for trace in picture.data] == [None] * SHOWN + ["legendonly"]
    layout = picture.layout
    assert layout.xaxis.title.text == "length of the reference (characters)"
    assert layout.yaxis.title.text == "edit distance (characters)"


def test_names_in_a_page_are_text_whatever_they_hold(tmp_path: Path) -> None:
    evil = "</script><img src=x onerror=alert(1)>"
    found = spoken(pairs=PAIRS).model_copy(update={"case_id": f"toy/{evil}"})
    write_page(tmp_path / "page.html", evil, [found])
    page = (tmp_path / "page.html").read_text()
    assert evil not in page
    assert "<img" not in page.split("Plotly.newPlot")[-1]
    (trace,) = figure(evil, [found]).data
    assert trace.name == "toy/&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;"


def test_a_page_opens_offline_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("older")
    write_page(path, "toy", [spoken(pairs=PAIRS)])
    page = path.read_text()
    assert not re.search(r"<(script|link)[^>]*(src|href)=", page)
    assert "Plotly.newPlot" in page
    assert '"showSendToCloud": false' in page.split("Plotly.newPlot")[-1]
    assert CASE.id.replace("/", "\\u002f") in page
    assert os.listdir(tmp_path) == ["page.html"]


def test_a_page_that_cannot_be_moved_into_place_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "page.html"
    path.write_text("older")
    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="No space left"):
        write_page(path, "toy", [spoken(pairs=PAIRS)])
    assert path.read_text() == "older"
    assert os.listdir(tmp_path) == ["page.html"]


def test_a_transcripts_marks_count_its_edits() -> None:
    one = TranscriptRecord(rank="best", reference="abc", hypothesis="xbcd", edits=2)
    marks = aligned(one.reference, one.hypothesis)[2]
    assert len(marks.replace(" ", "")) == one.edits
