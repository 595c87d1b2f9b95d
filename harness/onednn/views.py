"""What a log comes to, as tables."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate

from harness.observe.onednn.execution import Execution, Kind
from harness.observe.onednn.log import DAMAGED, PassedOver
from harness.observe.onednn.total import Total
from harness.onednn.keys import KEYS
from harness.onednn.totals import Totals
from harness.report.tables.table import (
    Column,
    Table,
    formatted_column,
    number_column,
    text_column,
    whole_column,
    without_empty,
)
from harness.text import counted, plain

# Sums of kinds would count twice: a graph's primitives log themselves, and kernels of
# threads run side by side.
CAPTIONS: Mapping[Kind, str] = {
    "primitive": "primitives",
    "ukernel": "kernels of threads, which overlap: outside the sum of primitives",
    "graph": "graphs, whose primitives log themselves: outside their sum",
}
MOST_ROWS = 40  # in a terminal; files have all
LONGEST_FIELD = 100_000  # no two groups shall look alike
NAMES: Mapping[Kind, str] = {
    "primitive": "primitives",
    "ukernel": "kernels of threads",
    "graph": "graphs",
}


def breakdown_tables(totals: Totals, name: str) -> list[Table]:
    """A table a kind of the log of that name, the longest group first."""
    kinds = (kind for kind in CAPTIONS if totals.groups.get(kind))
    return [_breakdown(totals, kind, name) for kind in kinds]


def _breakdown(totals: Totals, kind: Kind, name: str) -> Table:
    groups, whole_ms = totals.of(kind), totals.time_ms(kind)
    found = list(groups.values())
    shares = [100 * one.time_ms / whole_ms if whole_ms else 0.0 for one in found]
    untimed = [one.untimed or None for one in found]
    columns = (
        *(
            text_column(name, [_whole(group[place]) for group in groups], is_name=True)
            for place, name in enumerate(totals.keys)
        ),
        whole_column("calls", (one.calls for one in found), importance=3),
        whole_column("without a time", untimed),
        number_column("time", (one.time_ms for one in found), unit="ms", importance=5),
        formatted_column("%", shares, ".1f", importance=4),
        formatted_column("cumulative %", accumulate(shares), ".1f", importance=2),
        number_column("mean", (one.mean_ms for one in found), unit="ms"),
    )
    kept = tuple(one for one in columns if one.is_name) + without_empty(
        one for one in columns if not one.is_name
    )
    return Table(f"{kind} of {name}", f"{name}: {CAPTIONS[kind]}", kept)


def _whole(text: str) -> str:
    return plain(text, LONGEST_FIELD)


def keyed_columns(
    executions: Sequence[Execution], names: Sequence[str]
) -> list[Column]:
    """A column a key, by which rows of one execution each are known."""
    return [
        text_column(
            name,
            [_whole(KEYS[name](one)) for one in executions],
            is_name=name in ("primitive", "problem"),
        )
        for name in names
    ]


def distinct_table(found: Mapping[Execution, Total]) -> Table:
    """A row for each execution that differs in more than its time."""
    totals = list(found.values())
    shortest = [one.shortest_ms if one.mean_ms is not None else None for one in totals]
    longest = [one.longest_ms if one.mean_ms is not None else None for one in totals]
    columns = (
        text_column("kind", (one.kind for one in found)),
        *keyed_columns(list(found), tuple(KEYS)),
        whole_column("calls", (one.calls for one in totals)),
        whole_column("without a time", (one.untimed for one in totals)),
        number_column("time", (one.time_ms for one in totals), unit="ms"),
        number_column("shortest", shortest, unit="ms"),
        number_column("mean", (one.mean_ms for one in totals), unit="ms"),
        number_column("longest", longest, unit="ms"),
    )
    return Table("executions", "distinct executions", columns)


def difference_table(
    first: Totals, second: Totals, names: tuple[str, str], divisors: tuple[float, float]
) -> Table:
    """Groups of primitives side by side, those with the largest difference first; times
    and calls are divided, by calls or steps of each log."""
    groups = [totals.of() for totals in (first, second)]
    nothing = Total()

    def times(group: tuple[str, ...]) -> list[float]:
        return [
            some.get(group, nothing).time_ms / divisor
            for some, divisor in zip(groups, divisors, strict=True)
        ]

    every = dict.fromkeys([*groups[0], *groups[1]])
    order = sorted(every, key=lambda group: -abs(times(group)[0] - times(group)[1]))
    rows = [times(group) for group in order]
    columns = [
        text_column(name, [_whole(group[place]) for group in order], is_name=True)
        for place, name in enumerate(first.keys)
    ]
    for place, (name, some) in enumerate(zip(names, groups, strict=True)):
        calls = [_there(some, group, divisors[place]) for group in order]
        columns.append(number_column(f"calls {name}", calls, importance=2))
    for place, name in enumerate(names):
        columns.append(
            number_column(
                f"time {name}",
                [
                    row[place] if g in groups[place] else None
                    for row, g in zip(rows, order, strict=True)
                ],
                unit="ms",
                importance=4,
            )
        )
    difference = [row[1] - row[0] for row in rows]
    ratio = [row[1] / row[0] if row[0] and row[1] else None for row in rows]
    remarks = [_missing(group, groups, names) for group in order]
    columns += [
        formatted_column("difference ms", difference, "+.4g", importance=5),
        formatted_column("ratio", ratio, ".3f", importance=3),
        text_column("remark", remarks, importance=3),
    ]
    kept = [one for one in columns if one.is_name or not one.is_empty]
    return Table("difference", f"primitives of {names[0]} and {names[1]}", tuple(kept))


def _there(
    some: Mapping[tuple[str, ...], Total], group: tuple[str, ...], divisor: float
) -> float | None:
    found = some.get(group)
    return None if found is None else found.calls / divisor


def _missing(
    group: tuple[str, ...],
    groups: Sequence[Mapping[tuple[str, ...], Total]],
    names: tuple[str, str],
) -> str:
    for name, some in zip(names, groups, strict=True):
        if group not in some:
            return f"missing in {name}"
    return ""


def lines_about(totals: Totals) -> Iterator[str]:
    """Which library and machine wrote the log, how much of the wall time it explains,
    and what was not read, with an example of each kind."""
    header = totals.header
    parts = [
        f"oneDNN {header.version}"
        if header.version
        else "a library of unknown version",
        header.isa,
        counted(header.threads, "thread", "threads") if header.threads else "",
    ]
    yield plain(", ".join(part for part in parts if part))
    sums = [
        f"{counted(totals.calls(kind), 'execution', 'executions')} of {name}, "
        f"{totals.time_ms(kind):,.6g} ms"
        for kind, name in NAMES.items()
        if totals.groups.get(kind)
    ]
    yield "; ".join(sums)
    yield _coverage(totals)
    yield from _passed_over(totals.passed_over)


def _coverage(totals: Totals) -> str:
    recording, coverage = totals.recording, totals.coverage
    if recording is None or coverage is None:
        return (
            "coverage unknown: nobody took the wall time (`speechmark onednn record` "
            "does)"
        )
    status = f"; it ended with status {recording.status}" if recording.status else ""
    return (
        f"primitives are {100 * coverage:.1f} % of the wall time, "
        f"{recording.wall_s:.4g} s of {plain(shlex.join(recording.command))}{status}"
    )


def _passed_over(found: Mapping[str, PassedOver]) -> Iterator[str]:
    order = sorted(found.items(), key=lambda one: (one[0] != DAMAGED, -one[1].lines))
    for kind, one in order:
        yield (
            f"not read: {counted(one.lines, 'line', 'lines')} of {plain(kind)}, "
            f"such as {plain(one.example, 160)}"
        )
