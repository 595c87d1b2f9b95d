"""What the host gave over a run, in one line: its speed and how that moved."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from harness.observe.host_speed import HostShare
from harness.record.schema import HostRecord, Record

FEWEST_FOR_DRIFT = 9  # readings: three in each third


def readings(record: Record) -> list[HostRecord]:
    """Of a record's segments; none of those of before they were taken."""
    return [one.host for one in record.noise if one.host is not None]


def host_text(runs: Sequence[Sequence[HostRecord | HostShare]]) -> str | None:
    """Of the readings of one or several runs of a machine; None without any.

    Shares are of the best that was known at the end: a run that finds a new best was
    not as near to it before as its records say.
    """
    known = [sorted(run, key=lambda one: one.at_unix_s) for run in runs if run]
    if not known:
        return None
    seconds = sum(run[-1].at_unix_s - run[0].at_unix_s for run in known)
    registers, memory = _shares(known, "registers"), _shares(known, "memory")
    return (
        f"{_middle(registers)} of its best in registers {_range(registers)}, "
        f"{_middle(memory)} in memory {_range(memory)}; over {_duration(seconds)}"
    )


def _shares(
    runs: Sequence[Sequence[HostRecord | HostShare]], name: str
) -> list[list[float]]:
    """Of the highest best that any reading implies, run by run."""
    rates = [[getattr(one, f"{name}_bytes_per_s") for one in run] for run in runs]
    shares = [[getattr(one, name) for one in run] for run in runs]
    best = max(
        rate / share if share else rate
        for run, given in zip(rates, shares, strict=True)
        for rate, share in zip(run, given, strict=True)
    )
    return [[rate / best if best else 0.0 for rate in run] for run in rates]


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
