"""Calls and times of a log, put together by keys, in memory for the groups alone."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.observe.onednn.execution import Execution, Kind
from harness.observe.onednn.header import Header
from harness.observe.onednn.log import (
    REMEMBERED,
    Call,
    LogReader,
    PassedOver,
    lines_of,
)
from harness.observe.onednn.total import Total
from harness.onednn.keys import values_of

RECORDED = "speechmark_recorded,"  # begins the last line of a log that we recorded
Group = tuple[str, ...]  # values of keys
Watch = Callable[[int], None]  # is told the bytes that were read until now
WATCHED_BYTES = 1 << 24


@dataclass(frozen=True)
class Recording:
    """How a log of our own came about."""

    command: tuple[str, ...]
    wall_s: float
    status: int


@dataclass
class Totals:
    """Of a whole log. Graphs contain primitives that log themselves, and kernels of
    threads overlap: each kind has a sum of its own."""

    keys: tuple[str, ...]
    groups: dict[Kind, dict[Group, Total]] = field(default_factory=dict)
    header: Header = field(default_factory=Header)
    passed_over: dict[str, PassedOver] = field(default_factory=dict)
    recording: Recording | None = None
    # Of executions as objects, which a reader gives again: to hash one takes longer
    # than to read its line.
    _known: dict[int, tuple[Execution, Total]] = field(default_factory=dict)

    def add(self, call: Call) -> None:
        known = self._known.get(id(call.execution))
        if known is None:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            known = call.execution, self._total_of(call.execution)
            self._known[id(call.execution)] = known
        known[1].add(call.time_ms)

    def _total_of(self, execution: Execution) -> Total:
        some = self.groups.setdefault(execution.kind, {})
        return some.setdefault(values_of(execution, self.keys), Total())

    def of(self, kind: Kind = "primitive") -> dict[Group, Total]:
        """The longest first."""
        some = self.groups.get(kind, {})
        return dict(sorted(some.items(), key=lambda one: -one[1].time_ms))

    def time_ms(self, kind: Kind = "primitive") -> float:
        return sum(one.time_ms for one in self.groups.get(kind, {}).values())

    def calls(self, kind: Kind = "primitive") -> int:
        return sum(one.calls for one in self.groups.get(kind, {}).values())

    def timed_calls(self) -> int:
        """Of primitives."""
        some = self.groups.get("primitive", {}).values()
        return sum(one.calls - one.untimed for one in some)

    @property
    def coverage(self) -> float | None:
        """Share of the wall time that primitives take; None where nobody took it."""
        if self.recording is None or not self.recording.wall_s:
            return None
        return self.time_ms() / 1000 / self.recording.wall_s


def totals_of(path: Path, keys: Sequence[str], watch: Watch) -> Totals:
    """Of the log in a file. ValueError where it cannot be read, or executes nothing."""
    totals, reader = Totals(tuple(keys)), LogReader()
    for call in calls_of(path, reader, totals, watch):
        totals.add(call)
    if not totals.groups:
        raise ValueError(nothing_found(path, reader.passed_over))
    return totals


def calls_of(
    path: Path, reader: LogReader, totals: Totals, watch: Watch
) -> Iterable[Call]:
    """Each as it is read; what else the log says goes into the totals."""
    try:
        with path.open("rb") as file:
            yield from reader.read(_watched(lines_of(file), totals, watch))
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from None
    totals.header, totals.passed_over = reader.header, reader.passed_over


def _watched(lines: Iterable[bytes], totals: Totals, watch: Watch) -> Iterable[bytes]:
    done, last = 0, 0
    for line in lines:
        done += len(line)
        if done - last >= WATCHED_BYTES:
            watch(done)
            last = done
        if line.startswith(RECORDED.encode()):
            totals.recording = recording_of(line.decode("utf-8", "replace"))
        else:
            yield line


def recording_of(line: str) -> Recording | None:
    """Of a log's last line; None where it was cut."""
    try:
        content: dict[str, Any] = json.loads(line.removeprefix(RECORDED))
        return Recording(
            tuple(map(str, content["command"])),
            float(content["wall_s"]),
            int(content["status"]),
        )
    except (ValueError, TypeError, KeyError):
        return None


def line_of(recording: Recording) -> str:
    content = {
        "command": recording.command,
        "wall_s": recording.wall_s,
        "status": recording.status,
    }
    return f"{RECORDED}{json.dumps(content)}\n"


def nothing_found(path: Path, passed_over: dict[str, PassedOver]) -> str:
    counts = Counter({kind: one.lines for kind, one in passed_over.items()})
    found = "; ".join(f"{n:,} lines of {kind}" for kind, n in counts.most_common(4))
    return (
        f"{path} holds no execution of oneDNN ({found or 'it is empty'}): run the "
        "program with ONEDNN_VERBOSE=1, or by `speechmark onednn record -- COMMAND`"
    )


def distinct(path: Path, watch: Watch) -> tuple[dict[Execution, Total], Totals]:
    """Each distinct execution of a log, the longest first; and of all together."""
    totals, reader = Totals(()), LogReader()
    found: dict[Execution, Total] = {}
    for call in calls_of(path, reader, totals, watch):
        totals.add(call)
        found.setdefault(call.execution, Total()).add(call.time_ms)
    if not found:
        raise ValueError(nothing_found(path, reader.passed_over))
    ordered = sorted(found.items(), key=lambda one: -one[1].time_ms)
    return dict(ordered), totals
