"""A table as it is read: in a terminal, on a page, in Markdown and in a CSV file.

Columns are built from the figures themselves, so that the digits shown are chosen for
a whole column and its numbers stand under each other.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

ABSENT = "-"  # not known, or not measured
SIGNIFICANT = 6  # digits of the values behind the texts: what is measured has fewer
SPREAD = 200.0  # beyond it, a column's numbers have three digits each, not one scale
MOST_DECIMALS = 8
SHORT = 28  # characters that a line of a cell has room for


@dataclass(frozen=True)
class Column:
    """`texts` are read; `values` are what sorting and CSV go by, None in a column of
    text. A hidden column is in the CSV alone. `facet` names a filter that reads it.

    Where there is little room, columns of less `importance` are left out first (of
    like ones, the last first), and never one that `is_name` (where none is, the
    first): names are shortened. Figures stand to the right and are never wrapped:
    numbers are figures, and texts where `is_figure` says so. `styles` has a terminal's
    style of a text, such as "red".
    """

    title: str
    texts: tuple[str, ...]
    values: tuple[float | None, ...] | None = None
    unit: str = ""
    hidden: bool = False
    facet: str = ""
    importance: int = 0
    is_name: bool = False
    is_figure: bool = False
    styles: Mapping[str, str] = field(default_factory=dict)

    @property
    def head(self) -> str:
        """Title and unit in one line."""
        return f"{self.title} {self.unit}".rstrip()

    @property
    def is_right(self) -> bool:
        return self.is_figure or self.values is not None

    @property
    def kind(self) -> str:
        """How it is set: "number", "short" (in one line) or "text"."""
        if self.is_right:
            return "number"
        longest = max(map(len, self.texts), default=0)
        return "short" if longest <= SHORT else "text"

    @property
    def is_empty(self) -> bool:
        return all(text in ("", ABSENT) for text in self.texts)


@dataclass(frozen=True)
class Table:
    """Columns of equal length. `id` is unique on a page, `notes` stand below it.

    `headings` are the numbers of rows that head others or sum them up: they are set in
    bold, and in no CSV and no JSON.
    """

    id: str
    caption: str
    columns: tuple[Column, ...]
    notes: tuple[str, ...] = ()
    headings: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        lengths = {column.title: len(column.texts) for column in self.columns}
        assert len(set(lengths.values())) == 1, f"{self.id}: columns of {lengths}"

    def __len__(self) -> int:
        return len(self.columns[0].texts)

    @property
    def shown(self) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if not column.hidden)

    @property
    def names(self) -> tuple[Column, ...]:
        """The shown columns by which rows are known."""
        names = tuple(column for column in self.shown if column.is_name)
        return names or self.shown[:1]

    def lines(self) -> Iterator[tuple[str, ...]]:
        """The texts of each row, as far as they are shown."""
        return zip(*(column.texts for column in self.shown), strict=True)

    def cut(self, most: int, elsewhere: str) -> Table:
        """So many rows of it at most; a note tells `elsewhere` for the others."""
        if len(self) <= most:
            return self
        columns = tuple(_cut(column, most) for column in self.columns)
        note = f"{len(self) - most} further rows: see {elsewhere}"
        return replace(self, columns=columns, notes=(note, *self.notes))


def _cut(column: Column, most: int) -> Column:
    values = None if column.values is None else column.values[:most]
    return replace(column, texts=column.texts[:most], values=values)


def text_column(title: str, texts: Iterable[str | None], **more: Any) -> Column:
    """Texts; None is not known."""
    return Column(
        title, tuple(ABSENT if text is None else text for text in texts), **more
    )


def figure_column(
    title: str,
    texts: Iterable[str | None],
    values: Iterable[float | None] | None = None,
    **more: Any,
) -> Column:
    """Figures in texts of their own, such as "5 spoiled" or "0.98 to 1.02"; None is not
    known. `values` are what stands behind them, where that is a number."""
    made = text_column(title, texts, is_figure=True, **more)
    return made if values is None else replace(made, values=tuple(values))


def number_column(
    title: str,
    values: Iterable[float | None],
    decimals: int | None = None,
    **more: Any,
) -> Column:
    """Numbers with so many decimals, or as many as the smallest needs for three digits.

    >>> number_column("a", [1.234, None, 85.06]).texts
    ('1.23', '-', '85.06')
    """
    rounded = tuple(None if value is None else brief(value) for value in values)
    if decimals is None:
        decimals = decimals_for([value for value in rounded if value is not None])
    texts = tuple(decimal_text(value, decimals) for value in rounded)
    return Column(title, texts, rounded, **more)


def formatted_column(
    title: str, values: Iterable[float | None], form: str, **more: Any
) -> Column:
    """Numbers in a format that tells more than digits, such as a sign.

    >>> formatted_column("a", [1.234, None], "+.2f").texts
    ('+1.23', '-')
    """
    found = tuple(values)
    texts = (None if value is None else f"{value:{form}}" for value in found)
    return figure_column(title, texts, found, **more)


def whole_column(title: str, values: Iterable[int | None], **more: Any) -> Column:
    """Counts, in full."""
    counts = tuple(values)
    texts = tuple(ABSENT if count is None else f"{count:,}" for count in counts)
    return Column(title, texts, counts, **more)


def without_empty(columns: Iterable[Column]) -> tuple[Column, ...]:
    """Without the columns in which nothing is known: an empty one says nothing."""
    return tuple(column for column in columns if not column.is_empty)


def number(value: float) -> str:
    """Three digits, never an exponent where the number can be read without.

    >>> number(0.0123456), number(25.71), number(1234567), number(-1.0), number(3e-9)
    ('0.0123', '25.7', '1,230,000', '-1.00', '3.00e-09')
    """
    value = float(f"{value:.3g}")
    if value and abs(value) < 10.0**-MOST_DECIMALS:
        return f"{value:.2e}"
    return f"{value:,.{decimals_for([value])}f}"


def percent(share: float, most: float = 1.0) -> str:
    """A share or probability; one that draws cannot tell from certain says so, and so
    does one that may not be given as larger than `most`.

    >>> percent(0.978), percent(0.99996), percent(0.0)
    ('97.8 %', 'over 99.9 %', 'under 0.1 %')
    >>> percent(0.975, most=0.975), percent(0.01, most=0.975), percent(0.9, most=0.975)
    ('over 97.5 %', 'under 2.5 %', '90.0 %')
    """
    if most < 1 and not 1 - most < share < most:
        is_likely = share >= most
        return (
            f"over {100 * most:g} %" if is_likely else f"under {100 - 100 * most:g} %"
        )
    if share > 0.999:
        return "over 99.9 %"
    return "under 0.1 %" if share < 0.001 else f"{100 * share:.1f} %"


def brief(value: float) -> float:
    """The value in six digits: more would only make the page longer.

    >>> brief(1234.56789)
    1234.57
    """
    return float(f"{value:.{SIGNIFICANT}g}")


def decimal_text(value: float | None, decimals: int | None) -> str:
    """With so many decimals; None: with the value's own three digits."""
    if value is None:
        return ABSENT
    return number(value) if decimals is None else f"{value:z,.{decimals}f}"


def decimals_for(values: Sequence[float]) -> int | None:
    """Decimals that give the smallest three digits; None where one scale cannot show
    them all."""
    sizes = [abs(value) for value in values if value]
    if not sizes:
        return 0
    if max(sizes) / min(sizes) > SPREAD:
        return None
    wanted = 2 - math.floor(math.log10(min(sizes)))
    return min(max(wanted, 0), MOST_DECIMALS)
