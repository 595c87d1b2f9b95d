"""What a picture draws: works with a verdict, grouped by what belongs together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from harness.report.compare.model import Comparison, Measured, Row, Work
from harness.report.compare.shown.columns import rate_of
from harness.report.pages.pictures.picture import escaped

CANDIDATES = 8  # at most in a picture: there are no more colours to tell apart


@dataclass(frozen=True)
class Group:
    """The works of one model in one workload. `place` numbers it on the page."""

    workload: str
    model: str
    place: int
    rows: tuple[Row, ...]

    @property
    def name(self) -> str:
        return f"{self.workload} / {self.model}"


def groups(comparison: Comparison) -> Iterator[Group]:
    """In the order of the rows; works that are not the same have no place in any."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in comparison.rows:
        if row.same:
            found.setdefault((row.work.workload, row.work.model), []).append(row)
    for place, ((workload, model), rows) in enumerate(found.items(), 1):
        yield Group(workload, model, place, tuple(rows))


def measured(row: Row) -> dict[str, Measured]:
    """By label, whatever the gate says."""
    cells = row.cells.items()
    return {label: cell for label, cell in cells if isinstance(cell, Measured)}


def ranked(row: Row) -> dict[str, Measured]:
    """By label, without those beyond their gate."""
    cells = measured(row).items()
    return {label: cell for label, cell in cells if cell.gate_passed is not False}


def is_training(row: Row) -> bool:
    return any(cell.training is not None for cell in measured(row).values())


def variant(work: Work) -> str:
    """What tells works of one model apart, but for the batch size.

    >>> variant(Work("asr", "small", "int8", "openvino", 4, (("beam", "8"),)))
    'int8/openvino/beam=8'
    """
    options = (f"{name}={value}" for name, value in work.options)
    return "/".join((work.compression, work.runtime, *options))


def tick(work: Work) -> str:
    """A work on an axis, in two lines and escaped.

    >>> tick(Work("asr", "small", "int8", "openvino", 4, (("beam", "8"),)))
    'int8<br>openvino b4 beam=8'
    """
    options = (f"{name}={value}" for name, value in work.options)
    second = " ".join((work.runtime, f"b{work.batch_size}", *options))
    return f"{escaped(work.compression)}<br>{escaped(second)}"


def best(
    rows: Sequence[Row], most: int, merit: Callable[[Row], float]
) -> tuple[list[Row], tuple[str, ...]]:
    """At most so many rows, those of the highest merit, in their own order; and a note
    if fewer than all. A picture of thousands of works would show none of them."""
    if len(rows) <= most:
        return list(rows), ()
    chosen = {row.work for row in sorted(rows, key=merit, reverse=True)[:most]}
    kept = [row for row in rows if row.work in chosen]
    note = (
        f"The {most} fastest of {len(rows):,} works; the table of cases has them all."
    )
    return kept, (note,)


def rate(row: Row) -> float:
    """The most that any candidate does a second: audio, or items if there is none."""
    return max((rate_of(cell).value for cell in ranked(row).values()), default=0.0)


def throughput_title(has_audio: bool) -> str:
    return "RTFx (seconds of audio a second)" if has_audio else "items a second"


def drawn_labels(comparison: Comparison) -> list[str]:
    return [one.label for one in comparison.candidates[:CANDIDATES]]
