"""What was misheard: transcripts with their edits, and edits over length of speech.

Anybody may have written a result file: no text of it reaches a terminal or a browser
as anything but text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from basics.files import write_whole
from harness.metrics import EditUnit
from harness.record.schema import Record, TranscriptRecord
from harness.report.pages.plain import PLOTLY_CONFIG
from harness.report.tables.table import Table, number_column, text_column, whole_column
from harness.report.tables.terminal import print_line, print_table

if TYPE_CHECKING:
    from plotly.graph_objects import Figure, Scatter

LEGEND = "under each pair: S substituted, D deleted, I inserted; * fills a gap"
GAP = "*"
MARKS = {"equal": " ", "substitute": "S", "delete": "D", "insert": "I"}
QUARTERS = ("shortest", "second", "third", "longest")
MIN_COLUMNS = 20  # of text, however narrow the terminal

PAGE_HEIGHT_PX = 640  # without its legend
LEGEND_LINE_PX = 22
POINT_PX = 6  # of one utterance; areas are in proportion to counts
OPACITY = 0.5  # what lies beneath shows through
SHOWN = 6  # cases at first; more hide each other, and the colours repeat


@dataclass(frozen=True)
class Quarter:
    """A quarter of the utterances, by length of their references."""

    n: int
    length: int
    edits: int


def with_transcripts(records: Sequence[Record]) -> list[Record]:
    return [r for r in records if r.accuracy and r.accuracy.transcripts]


def with_edits(records: Sequence[Record]) -> list[Record]:
    return [r for r in records if r.accuracy and r.accuracy.edits_by_length]


def aligned(
    reference: str, hypothesis: str, unit: EditUnit = "character"
) -> tuple[str, str, str]:
    """Both texts, of one length by gaps, and a mark under each edit.

    >>> aligned("three", "trees")
    ('three*', 't*rees', ' D   I')
    >>> aligned("K AE T", "K AA T S", "phoneme")
    ('K AE T *', 'K AA T S', '  S    I')
    """
    import jiwer

    between = " " if unit == "phoneme" else ""
    said, guessed = (_units(text, unit) for text in (reference, hypothesis))
    # Each unit is one of its characters to jiwer, whatever it holds.
    codes = {one: chr(place) for place, one in enumerate(dict.fromkeys(said + guessed))}
    as_it_is = jiwer.Compose([jiwer.ReduceToListOfListOfChars()])
    first, second = ("".join(codes[one] for one in units) for units in (said, guessed))
    found = jiwer.process_characters(first, second, as_it_is, as_it_is)
    columns = []
    for chunk in found.alignments[0]:
        above = said[chunk.ref_start_idx : chunk.ref_end_idx]
        below = guessed[chunk.hyp_start_idx : chunk.hyp_end_idx]
        for pair in zip_longest(above, below, fillvalue=GAP):
            width = max(map(len, pair))
            fill = GAP if GAP in pair else " "
            mark = MARKS[chunk.type].ljust(width)
            columns.append((*(one.ljust(width, fill) for one in pair), mark))
    above_all, below_all, marks = zip(*columns, strict=True) if columns else ((),) * 3
    return between.join(above_all), between.join(below_all), between.join(marks)


def _units(text: str, unit: EditUnit) -> list[str]:
    return text.split() if unit == "phoneme" else list(text)


def transcript_lines(
    transcript: TranscriptRecord, columns: int, unit: EditUnit = "character"
) -> Iterator[tuple[str, str]]:
    """What was said above what was understood, folded into `columns` characters a line;
    each line with its style."""
    length, edits = len(_units(transcript.reference, unit)), transcript.edits
    rate = f"{100 * edits / length:.1f} %" if length else "-"
    counts = f"edits {edits}, {unit}s {length}, error rate {rate}"
    yield f"  {transcript.rank}: {counts}", ""
    said, guessed = map(_printable, (transcript.reference, transcript.hypothesis))
    above, below, marks = aligned(said, guessed, unit)
    width = max(MIN_COLUMNS, columns - len("    heard  "))
    for start in range(0, max(1, len(above)), width):
        part = slice(start, start + width)
        yield f"    said   {above[part]}", ""
        yield f"    heard  {below[part]}", ""
        if marks[part].strip():
            yield f"           {marks[part].rstrip()}", "bold red"


def _printable(text: str) -> str:
    """Escape sequences would command the terminal; one character stays one."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def print_case(record: Record, console: Console) -> None:
    """A case's transcripts, and how its edits grow with the length of speech."""
    assert record.accuracy is not None
    print_line(_printable(record.case_id), console, style="bold")
    for transcript in record.accuracy.transcripts:
        unit = record.accuracy.edit_unit
        for line, style in transcript_lines(transcript, console.width, unit):
            print_line(line, console, style)
    if table := quarter_table(record):
        print_table(table, console)
    print_line("", console)


def quarters(pairs: Sequence[tuple[int, int]]) -> list[Quarter]:
    """(length, edits) of all utterances in four parts of like size, shortest first;
    fewer parts where there are fewer utterances.

    >>> quarters([(9, 3), (1, 0), (4, 1), (2, 0), (8, 2)])[-1]
    Quarter(n=2, length=17, edits=5)
    """
    # By length alone: were ties ordered by edits, the cuts between them would bias.
    ordered = sorted(pairs, key=lambda pair: pair[0])
    parts = min(len(QUARTERS), len(ordered))
    cuts = [i * len(ordered) // parts for i in range(parts + 1)]
    return [
        Quarter(
            last - first,
            sum(length for length, _ in ordered[first:last]),
            sum(edits for _, edits in ordered[first:last]),
        )
        for first, last in pairwise(cuts)
    ]


def quarter_table(record: Record) -> Table | None:
    """Edits of the shorter and the longer utterances; None where they are not known."""
    if record.accuracy is None or not record.accuracy.edits_by_length:
        return None
    found, unit = quarters(record.accuracy.edits_by_length), record.accuracy.edit_unit
    names = QUARTERS if len(found) == len(QUARTERS) else map(str, range(1, 4))
    rates = [100 * q.edits / q.length if q.length else None for q in found]
    labels = [f"  {name}" for name, _ in zip(names, found, strict=False)]
    columns = (
        text_column("  by length", labels),
        whole_column("utterances", (quarter.n for quarter in found)),
        number_column(f"mean {unit}s", (q.length / q.n for q in found), 1),
        number_column("mean edits", (q.edits / q.n for q in found), 1),
        number_column(f"edits per 100 {unit}s", rates, 1, importance=1),
        text_column("case", [record.case_id] * len(found), hidden=True),
    )
    return Table("edits", "", columns)


def write_page(path: Path, title: str, records: Sequence[Record]) -> None:
    """A page of its own, plotly within, so that it opens offline; whole or not at all.

    Raises OSError where the path cannot be written.
    """
    page = figure(title, records).to_html(
        include_plotlyjs=True, div_id="edits", config=PLOTLY_CONFIG
    )
    write_whole(path, page)


def figure(title: str, records: Sequence[Record]) -> Figure:
    """Edits over reference length, one trace a case; the legend stands below, for ids
    are long."""
    from plotly.graph_objects import Figure

    picture = Figure([_trace(record) for record in records])
    found = sorted({r.accuracy.edit_unit for r in records if r.accuracy})
    units = " or ".join(f"{unit}s" for unit in found)
    for trace in picture.data[SHOWN:]:
        trace.visible = "legendonly"
    picture.update_layout(
        template="plotly_white",
        title={"text": escape(title)},
        xaxis={"title": {"text": f"length of the reference ({units})"}},
        yaxis={"title": {"text": f"edit distance ({units})"}},
        showlegend=True,
        legend={
            "title": {"text": "click on a case to show or hide it"},
            "x": 0,
            "y": -0.15,
            "yanchor": "top",
            "itemsizing": "constant",
        },
        height=PAGE_HEIGHT_PX + LEGEND_LINE_PX * len(records),
    )
    return picture


def _trace(record: Record) -> Scatter:
    """Many utterances share a length and a distance: one point for them all, whose area
    is their number, hides none and, other than jitter, moves none."""
    from plotly.graph_objects import Scatter

    assert record.accuracy is not None
    counts = Counter(record.accuracy.edits_by_length)
    points = sorted(counts)
    return Scatter(
        name=escape(record.case_id),
        mode="markers",
        x=[length for length, _ in points],
        y=[edits for _, edits in points],
        customdata=[counts[point] for point in points],
        marker={
            "size": [POINT_PX * counts[point] ** 0.5 for point in points],
            "opacity": OPACITY,
        },
        hovertemplate=(
            f"%{{x}} {record.accuracy.edit_unit}s, "
            "%{y} edits<br>%{customdata} utterances"
            "<extra>%{fullData.name}</extra>"
        ),
    )
