"""What tests ask of pictures."""

from __future__ import annotations

from dataclasses import replace

from plotly.graph_objects import Figure

from harness.report.compare.model import Comparison, Measured
from harness.report.pages.pictures import (
    all_pictures,
)

ASR = "asr-inference / ds2-small"


def changed(comparison: Comparison, change) -> Comparison:
    """Every measured cell through `change(work, label, cell)`."""
    rows = tuple(
        replace(
            row,
            cells={
                label: change(row.work, label, cell)
                if isinstance(cell, Measured)
                else cell
                for label, cell in row.cells.items()
            },
        )
        for row in comparison.rows
    )
    return replace(comparison, rows=rows)


def titled(pictures, part):
    return only([one for one in pictures if part in one.title])


def only(pictures):
    (found,) = pictures
    return checked(found)


def checked(picture):
    """With its figure as an object, for which plotly checks every property of it."""
    return replace(picture, figure=Figure(picture.figure))


def checked_pictures(comparison):
    return [checked(picture) for picture in all_pictures(comparison)[0]]


def column(table, title):
    (found,) = [one for one in table.columns if one.title == title]
    return found.texts if found.values is None else found.values


def named(figure, name):
    return [trace for trace in figure.data if trace.name == name]


def cell_of(comparison, work, label):
    (row,) = [row for row in comparison.rows if str(row.work) == work]
    return row.cells[label]


def with_only(comparison, *works):
    rows = tuple(row for row in comparison.rows if str(row.work) in works)
    return replace(comparison, rows=rows)
