"""What the host gave over a run, in one line: its speed and how that moved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from statistics import median

from harness.observe.host_speed import GOOD_HANDOVERS, HostShare
from harness.record.schema import HostRecord, Record

Given = HostRecord | HostShare
FEWEST_FOR_DRIFT = 9  # readings: three in each third


def readings(record: Record) -> list[HostRecord]:
    """Of a record's segments; none of those of before they were taken."""
    return [one.host for one in record.noise if one.host is not None]


def host_text(runs: Sequence[Sequence[Given]]) -> str | None:
    """Of the readings of one or several runs of a machine; None without any.

    Shares are of the best that was known at the end: a run that finds a new best was
    not as near to it before as its records say.
    """
    known = [sorted(run, key=lambda one: one.at_unix_s) for run in runs if run]
    if not known:
        return None
    seconds = sum(run[-1].at_unix_s - run[0].at_unix_s for run in known)
    parts = [
        f"{_middle(shares)} {where} {_range(shares)}"
        for where, shares in (
            ("of its best in registers", _shares(known, _registers)),
            ("in memory", _shares(known, _memory, _are_apart)),
            ("between cores", _shares(known, _handovers)),
        )
        if any(shares)
    ]
    return f"{', '.join(parts)}; over {_duration(seconds)}"


def _registers(one: Given) -> tuple[float | None, float | None]:
    return one.registers_bytes_per_s, one.registers


def _memory(one: Given) -> tuple[float | None, float | None]:
    return one.memory_bytes_per_s, one.memory


def _handovers(one: Given) -> tuple[float | None, float | None]:
    return one.handovers_per_s, one.handovers


def _are_apart(one: Given) -> bool:
    """Memory has two bests: cores that lie apart have more of it."""
    return one.handovers is not None and one.handovers < GOOD_HANDOVERS


def _shares(
    runs: Sequence[Sequence[Given]],
    rate_and_share: Callable[[Given], tuple[float | None, float | None]],
    kind: Callable[[Given], bool] = lambda one: False,
) -> list[list[float]]:
    """Of the highest best that any reading of its kind implies, run by run."""
    bests: dict[bool, float] = {}
    for one in chain.from_iterable(runs):
        rate, share = rate_and_share(one)
        if rate is not None:
            implied = rate / share if share else rate
            bests[kind(one)] = max(implied, bests.get(kind(one), 0.0))
    return [
        [
            rate / bests[kind(one)] if bests[kind(one)] else 0.0
            for one in run
            if (rate := rate_and_share(one)[0]) is not None
        ]
        for run in runs
    ]


def _middle(runs: Sequence[Sequence[float]]) -> str:
    return f"{median(share for run in runs for share in run):.2f}"


def _range(runs: Sequence[Sequence[float]]) -> str:
    shares = [share for run in runs for share in run]
    return f"({min(shares):.2f} to {max(shares):.2f}){_drift(runs)}"


def _drift(runs: Sequence[Sequence[float]]) -> str:
    """The first and the last third of a run; of several, each tells."""
    parts = []
    for run in runs:
        if len(run) >= FEWEST_FOR_DRIFT:
            third = len(run) // 3
            first, last = median(run[:third]), median(run[-third:])
            parts.append(f"{first:.2f} at first, {last:.2f} at last")
    return f" [{'; '.join(parts)}]" if parts else ""


def _duration(seconds: float) -> str:
    """
    >>> _duration(40.0), _duration(840.0)
    ('40 s', '14 min')
    """
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
