"""A table made narrow enough for a terminal: names are shortened in the middle, and
columns are left out from the least important on; no row loses its name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len

from harness.report.tables.table import Column, Table

ELLIPSIS = "\u2026"
PADDING = 2  # blanks beside the text of every column, one on either side
LEAST_NAME = 24  # cells of a name that are enough where they tell rows apart
LEAST_TEXT = 16  # cells of a column of words, which are wrapped
SHORTEST = 8  # cells of a name, however little room there is
HEADS = (1 / 2, 1 / 3, 2 / 3)  # shares of a shortened name that its beginning may take
ELSEWHERE = "a wider terminal or --csv"


@dataclass(eq=False)
class _Place:
    """A column with the cells that it takes, which are at least those it needs."""

    column: Column
    is_name: bool
    cells: int

    @property
    def total(self) -> int:
        return self.cells + PADDING


def fitted(table: Table, width: int, elsewhere: str = ELSEWHERE) -> Table:
    """What of a table a terminal of so many columns has room for. A note says what is
    left out, and `elsewhere`, where to see it.

    Names are as long as it takes to tell rows apart, if a figure has room beside them,
    and longer where there is room.
    """
    places = _places(table)
    left_out = _leave_out(places, width)
    _share_room(places, width)
    columns = tuple(
        replace(p.column, texts=shortened(p.column.texts, p.cells))
        if p.is_name
        else p.column
        for p in places
    )
    notes = (*table.notes, *_note(table, left_out, elsewhere))
    return replace(table, columns=columns, notes=notes)


def _places(table: Table) -> list[_Place]:
    places = []
    for column in table.shown:
        is_name = any(column is name for name in table.names)
        places.append(_Place(column, is_name, _least(column, is_name)))
    return places


def shortened(texts: Sequence[str], cells: int) -> tuple[str, ...]:
    """Each in so many cells, without its middle; what is left tells as many of them
    apart as it can.

    >>> shortened(["toy/fp32/cpu/b1", "toy/int8/cpu/b1"], 10)
    ('toy/fp…/b1', 'toy/in…/b1')
    """
    ways = [
        tuple(_without_middle(text, cells, head) for text in texts) for head in HEADS
    ]
    return max(ways, key=lambda way: len(set(way)))


def _without_middle(text: str, cells: int, head: float) -> str:
    if cell_len(text) <= cells:
        return text
    first = round((cells - 1) * head)
    last = cells - 1 - first
    return f"{text[:first]}{ELLIPSIS}{text[len(text) - last :]}"


def _least(column: Column, is_name: bool) -> int:
    """Cells without which a column is not worth its place."""
    head, longest = cell_len(column.head), max(map(cell_len, column.texts), default=0)
    if is_name:
        return max(head, _telling(column.texts, longest))
    natural = max(head, longest)
    return natural if column.is_right else min(natural, LEAST_TEXT)


def _telling(texts: Sequence[str], longest: int) -> int:
    """The fewest cells in which shortened names are as many as there are."""
    count = len(set(texts))
    for cells in range(LEAST_NAME, longest):
        if len(set(shortened(texts, cells))) == count:
            return cells
    return longest


def _leave_out(places: list[_Place], width: int) -> list[_Place]:
    """Takes out of `places` those for which there is no room: the least important, of
    like ones the last; one stays beside the names."""
    left_out = []
    while sum(place.total for place in places) > width:
        others = [place for place in reversed(places) if not place.is_name]
        if len(others) < 2:
            break
        left_out.append(min(others, key=lambda place: place.column.importance))
        places.remove(left_out[-1])
    return left_out


def _share_room(places: Sequence[_Place], width: int) -> None:
    """Names grow into the room that is left, or shrink where even they find none."""
    names = [place for place in places if place.is_name]
    spare = width - sum(place.total for place in places)
    while spare < 0:
        widest = max(names, key=lambda place: place.cells)
        if widest.cells <= SHORTEST:
            break
        widest.cells, spare = widest.cells - 1, spare + 1
    for place in names:
        longest = max(map(cell_len, place.column.texts), default=0)
        more = max(0, min(spare, longest - place.cells))
        place.cells, spare = place.cells + more, spare - more


def _note(table: Table, left_out: Sequence[_Place], elsewhere: str) -> list[str]:
    """In the order of the columns."""
    columns = [place.column for place in left_out]
    heads = [c.head for c in table.shown if any(c is one for one in columns)]
    if not heads:
        return []
    return [f"no room for {', '.join(heads)}: see {elsewhere}"]
