"""A table in HTML: for a page whose script sorts, turns and saves it, or as it is.

The template escapes every text, and data stands in blocks of JSON, in which no tag can
begin: what result files hold is trusted nowhere.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

from harness.report.tables.table import Column, Table

FIRST_ROWS = 50  # of a table stand in the HTML; page.js turns to the others
TEMPLATE = "table.html.jinja"


def environment() -> Environment:
    """Of templates that may import `table` and `still` from the one of tables."""
    file = resources.files("harness.report.tables").joinpath(TEMPLATE)
    made = Environment(
        loader=DictLoader({TEMPLATE: file.read_text("utf-8")}),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["first_rows"] = FIRST_ROWS
    made.filters.update(
        embedded=embedded,
        table_data=table_data,
        first_cells=_first_cells,
        breakable=_breakable,
    )
    return made


def as_html(table: Table) -> Markup:
    """All rows, with caption and notes, for a page without a script."""
    template = environment().get_template(TEMPLATE)
    return Markup(template.module.still(table))  # type: ignore[attr-defined]


def embedded(value: Any) -> Markup:
    """A value as JSON that may stand in a script element, whatever its texts hold.

    >>> embedded({"name": "</script>"})
    Markup('{"name":"\\\\u003c/script\\\\u003e"}')
    """
    text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return Markup(without_tags(text))


def without_tags(text: str) -> str:
    """JSON holds these characters in its strings alone, where escapes mean the same."""
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def table_data(table: Table) -> dict[str, Any]:
    """All of a table for page.js: columns of numbers as texts and values, columns of
    text, in which much is said again and again, as levels and codes."""
    return {"columns": [_column_data(column) for column in table.columns]}


def _column_data(column: Column) -> dict[str, Any]:
    data: dict[str, Any] = {"title": column.title, "unit": column.unit}
    if column.hidden:
        data["hidden"] = True
    if column.facet:
        data["facet"] = column.facet
    if column.values is None:
        levels = {text: code for code, text in enumerate(dict.fromkeys(column.texts))}
        return data | {
            "levels": list(levels),
            "codes": [levels[text] for text in column.texts],
        }
    return data | {
        "values": column.values,
        "texts": None if column.hidden else column.texts,
    }


def _first_cells(table: Table, most: int) -> list[list[tuple[str, str]]]:
    """(text, kind of its column) of the first rows."""
    columns = [
        [(text, column.kind) for text in column.texts[:most]] for column in table.shown
    ]
    return [list(row) for row in zip(*columns, strict=True)]


def _breakable(text: str, kind: str) -> Markup:
    """Long ids may be broken after their slashes, in the template as in page.js."""
    parts = text.split("/") if kind == "text" else [text]
    return Markup("/<wbr>").join(parts)
