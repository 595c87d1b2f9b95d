"""Tables for other programs, and in Markdown and HTML."""

from __future__ import annotations

import csv
import io
import json

import pytest

from harness.report.tables.data import as_csv, as_json, as_parquet, typed_columns
from harness.report.tables.html import as_html
from harness.report.tables.markdown import as_markdown
from harness.report.tables.table import (
    Table,
    figure_column,
    number_column,
    text_column,
)
from harness.report.tables.terminal import as_text

TABLE = Table(
    "steps",
    "Steps",
    (
        text_column("case", ["asr: what it does", "asr/a", "asr/b"]),
        figure_column(
            "step", ["", "1.23 spoiled", "failed"], [None, 1.2345678, None], unit="ms"
        ),
        number_column("low", [None, 1.0, None], unit="ms", hidden=True),
    ),
    ("a note",),
    headings=frozenset([0]),
)
OTHER = Table("others", "Others", (text_column("case", ["c"]), text_column("", ["x"])))


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_csv_has_values_hidden_columns_and_no_headings() -> None:
    assert rows(as_csv([TABLE])) == [
        {
            "table": "steps",
            "case": "asr/a",
            "step (ms)": "1.2345678",
            "low (ms)": "1.0",
        },
        {"table": "steps", "case": "asr/b", "step (ms)": "failed", "low (ms)": ""},
    ]


def test_several_tables_are_one_csv() -> None:
    *_, last = rows(as_csv([TABLE, OTHER]))
    assert last == {"table": "others", "case": "c", "step (ms)": "", "low (ms)": ""}


def test_words_that_stand_for_a_number_have_a_column_beside_it() -> None:
    assert typed_columns([TABLE, OTHER]) == {
        "table": (str, ["steps", "steps", "others"]),
        "case": (str, ["asr/a", "asr/b", "c"]),
        "step (ms)": (float, [1.2345678, None, None]),
        "step (ms) in words": (str, [None, "failed", None]),
        "low (ms)": (float, [1.0, None, None]),
    }


def test_numbers_that_nothing_is_known_of_stay_numbers() -> None:
    table = Table("t", "", (number_column("a", [None, None]),))
    assert typed_columns([table])["a"] == (float, [None, None])


def test_text_is_no_formula_and_half_a_character_no_obstacle_in_parquet() -> None:
    table = Table("t", "", (text_column("a", ["=1+1", "b\ud800"]),))
    assert typed_columns([table])["a"] == (str, ["=1+1", "b?"])


def test_parquet_has_numbers_as_numbers() -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="the extra `parquet`")
    parquet = pytest.importorskip("pyarrow.parquet")
    read = parquet.read_table(io.BytesIO(as_parquet([TABLE, OTHER])))
    found = typed_columns([TABLE, OTHER])
    assert read.to_pydict() == {name: cells for name, (_, cells) in found.items()}
    assert read.schema.field("step (ms)").type == pyarrow.float64()
    assert read.schema.field("case").type == pyarrow.string()
    assert read.schema.metadata[b"format"] == b"speechmark-tables"


def test_columns_of_one_title_stay_two() -> None:
    table = Table("t", "", (text_column("a", ["1"]), text_column("a", ["2"])))
    assert as_csv([table]).splitlines()[0] == "table,a,a 2"


@pytest.mark.parametrize("text", ["=1+1", "+a", "@b", "-c", " =d", "\te"])
def test_no_spreadsheet_takes_a_text_for_a_formula(text: str) -> None:
    (row,) = rows(as_csv([Table("t", "", (text_column("a", [f"{text}"]),))]))
    assert row["a"].startswith("'") or not row["a"].startswith(tuple("=+@-\t "))


def test_json_has_numbers_and_null_for_what_is_not_known() -> None:
    (found,) = json.loads(as_json([TABLE]))["tables"]
    assert found["id"] == "steps"
    assert found["columns"][1] == {"title": "step", "unit": "ms"}
    assert found["rows"] == [["asr/a", 1.2345678, 1.0], ["asr/b", "failed", None]]
    assert found["notes"] == ["a note"]


def test_markdown_has_what_is_shown() -> None:
    assert as_markdown([TABLE]) == (
        "### Steps\n\n"
        "| case | step ms |\n"
        "| --- | ---: |\n"
        "| asr: what it does |  |\n"
        "| asr/a | 1.23 spoiled |\n"
        "| asr/b | failed |\n\n"
        "- a note\n"
    )


def test_html_escapes_every_text_and_has_every_row() -> None:
    evil = "<img src=x>"
    names = [evil, *map(str, range(80))]
    found = as_html(Table("t", evil, (text_column("a", names),), (evil,)))
    assert evil not in found
    assert found.count("&lt;img src=x&gt;") == 3
    assert found.count("<tr>") == 1 + len(names)
    assert "<script" not in found


def test_text_has_caption_grid_and_notes() -> None:
    assert as_text(TABLE).splitlines() == [
        "Steps",
        f" {'case':17}  {'step ms':>12}",
        " asr: what it does",
        f" {'asr/a':17}  1.23 spoiled",
        f" {'asr/b':17}  {'failed':>12}",
        "a note",
    ]


def test_a_long_table_says_how_much_is_left_out() -> None:
    found = TABLE.cut(2, "--csv")
    assert len(found) == 2
    assert found.notes == ("1 further rows: see --csv", "a note")
    assert TABLE.cut(3, "--csv") is TABLE
