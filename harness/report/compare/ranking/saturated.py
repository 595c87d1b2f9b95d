"""What a whole machine carries counts for it, where that was measured everywhere.

One worker on all cores often leaves much of a machine idle. Of a work that every
candidate did in several instances too, that split counts which carries the most within
its gate and limits, and one worker on all cores is a split; of any other work a single
worker's step, lest one candidate's best stands beside what another happened to measure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.report.compare.model import (
    Estimate,
    LeftOut,
    Measured,
    Row,
    Saturated,
    Work,
)

COUNTS_ELSEWHERE = "it counts where every candidate has it: {} was measured in no split"


@dataclass(frozen=True)
class RowsToRank:
    """Of works that were measured in several instances too, one row each, with a step
    as the best split does it. `left_out` are splits that do not count."""

    rows: tuple[Row, ...]
    saturated: tuple[Saturated, ...]
    left_out: tuple[LeftOut, ...]


def with_saturated(rows: Sequence[Row], candidates: Sequence[str]) -> RowsToRank:
    """Splits of a work without a row of its own stay as they are, and so do those of
    which candidates did not do the same work: they are left out as any other."""
    works = {row.work for row in rows}
    splits: dict[Work, list[Row]] = {}
    kept = []
    for row in rows:
        whole = row.work.of_one_instance
        if row.work.instances is not None and whole in works and row.same:
            splits.setdefault(whole, []).append(row)
        else:
            kept.append(row)
    found: list[Row] = []
    saturated: list[Saturated] = []
    left_out: list[LeftOut] = []
    for row in kept:
        several = splits.get(row.work, [])
        lacking = _lacking(several, candidates)
        if lacking:
            found.append(row)
            left_out += _left_out(several, lacking)
            continue
        best = {label: _best(row, several, label) for label in candidates}
        found.append(_saturated(row, best))
        known = {label: one for label, one in best.items() if one is not None}
        spoiled = any(one.spoiled for one in known.values())
        named = {label: one.split for label, one in known.items()}
        saturated.append(Saturated(row.work, named, spoiled))
    return RowsToRank(tuple(found), tuple(saturated), tuple(left_out))


def _lacking(several: Sequence[Row], candidates: Collection[str]) -> list[str]:
    """Candidates that did the work in one instance alone."""
    return [
        label
        for label in candidates
        if not any(isinstance(row.cells.get(label), Measured) for row in several)
    ]


def _left_out(several: Sequence[Row], lacking: Sequence[str]) -> Iterator[LeftOut]:
    """Of those splits only that some candidate has measured."""
    reason = COUNTS_ELSEWHERE.format(", ".join(lacking))
    for row in several:
        if any(isinstance(cell, Measured) for cell in row.cells.values()):
            yield LeftOut(row.work, reason)


def _best(row: Row, several: Sequence[Row], label: str) -> Measured | None:
    """What carries the most and may be ranked: one worker on all cores is a split, too.
    None where not even that was measured."""
    own = row.cells.get(label)
    if not isinstance(own, Measured):
        return None
    others = [row.cells.get(label) for row in several]
    fit = [one for one in others if isinstance(one, Measured) and _is_fit(one)]
    return max([own, *fit], key=lambda one: one.throughput_items_per_s.value)


def _is_fit(cell: Measured) -> bool:
    return cell.gate_passed is not False and cell.beyond_limits is None


def _saturated(row: Row, best: Mapping[str, Measured | None]) -> Row:
    cells = dict(row.cells)
    for label, one in best.items():
        own = cells.get(label)
        if one is not None and isinstance(own, Measured):
            cells[label] = replace(own, step_s=_inverse(one.throughput_items_per_s))
    return replace(row, cells=cells)


def _inverse(rate: Estimate) -> Estimate:
    """Seconds an item, of items a second."""
    return Estimate(
        1 / rate.value,
        1 / rate.high if rate.high else None,
        1 / rate.low if rate.low else None,
        tuple(1 / value for value in rate.values),
        rate.runs,
    )
