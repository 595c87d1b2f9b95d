"""Measurements that stand in two files: each counts once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from harness.report.compare.reading.attempt import Attempt
from harness.report.compare.reading.extract import Extract

TELLING = 8  # different samples that no two measurements have alike


def once(attempts: Sequence[Attempt]) -> tuple[list[Attempt], list[str]]:
    """Attempts without those whose very measurement stands in an earlier file, and
    warnings of them: a result that was written again, or one of a run that was resumed,
    is no second run. ValueError where the other file is given as another machine's."""
    marked = [(_mark(one.extract), one) for one in attempts]
    firsts: dict[object, Attempt] = {}
    for mark, one in marked:
        if mark is not None:
            firsts.setdefault(mark, one)
    copies = _copies(marked, firsts)
    kept: list[Attempt] = []
    again: dict[tuple[str, str], int] = {}
    for mark, one in marked:
        first = firsts.get(mark, one)
        if first is one:
            first = _alike_in(copies.get(one.run.number, ()), one) or one
        if first is one:
            kept.append(one)
            continue
        files = one.run.file, first.run.file
        if one.run.machine != first.run.machine:
            raise ValueError(
                f"{files[0]} as {one.run.machine} holds the very samples of {files[1]} "
                f"as {first.run.machine} ({one.extract.work}): a result is of one "
                "machine; leave one out"
            )
        again[files] = again.get(files, 0) + 1
    warnings = [
        f"{file}: {count} of its cases are those of {other}, and count once"
        for (file, other), count in again.items()
    ]
    return kept, warnings


def _copies(
    marked: Sequence[tuple[object, Attempt]], firsts: Mapping[object, Attempt]
) -> dict[int, list[Attempt]]:
    """By the number of a run that has a measurement of an earlier one, all that this
    one holds: what has few samples, or is a training, may be of it too."""
    sources: dict[int, set[int]] = {}
    for mark, one in marked:
        first = firsts.get(mark, one)
        if first.run is not one.run:
            sources.setdefault(one.run.number, set()).add(first.run.number)
    return {
        number: [one for _, one in marked if one.run.number in of]
        for number, of in sources.items()
    }


def _alike_in(known: Sequence[Attempt], one: Attempt) -> Attempt | None:
    """The same case with the same processes."""
    figures = one.extract.figures
    for other in known:
        theirs = other.extract.figures
        if figures is None or theirs is None:
            continue
        is_case = (other.extract.work, other.extract.hardware) == (
            *(one.extract.work, one.extract.hardware),
        )
        if is_case and theirs.processes == figures.processes:
            return other
    return None


def _mark(one: Extract) -> object:
    """What tells a measurement from every other, to the last digit; None where so few
    samples differ that another one may have the same."""
    samples = one.figures.latency_s if one.figures is not None else None
    if samples is None or sum(len(np.unique(each)) for each in samples) < TELLING:
        return None
    return one.hardware, one.work, tuple(each.tobytes() for each in samples)
