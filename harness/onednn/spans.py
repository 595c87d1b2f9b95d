"""Operators of a trace by torch's profiler: what ran when, within what, and the gaps.

A trace is what `torch.profiler.profile().export_chrome_trace(FILE)` writes: the format
of Chrome's "Trace Event Format", complete events ("ph": "X") in microseconds.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OPERATORS = ("cpu_op", "Operator")  # categories of events
_IN_ONEDNN = re.compile(r"mkldnn|onednn|dnnl|ideep|_convolution_pointwise", re.I)


@dataclass(frozen=True)
class Span:
    """One operator; `parent` is the place, in the same sequence, of what called it."""

    name: str
    thread: str
    start_us: float
    end_us: float
    parent: int | None
    children_us: float = 0.0

    @property
    def own_us(self) -> float:
        """Without what it called."""
        return max(0.0, self.end_us - self.start_us - self.children_us)


@dataclass(frozen=True)
class Gap:
    """Between two operators that nothing contains: Python, or waiting."""

    before: str  # the operator that begins after it
    length_us: float


def spans_of(path: Path) -> list[Span]:
    """In the order in which they began, thread by thread. ValueError where the file is
    no trace, or has no operators."""
    spans: list[Span] = []
    for thread, events in sorted(_events(path).items()):
        spans += _nested(thread, events, len(spans))
    if not spans:
        raise ValueError(
            f"{path} holds no operators: write it with "
            "torch.profiler.profile().export_chrome_trace(FILE)"
        )
    return spans


def _events(path: Path) -> dict[str, list[tuple[str, float, float]]]:
    found: dict[str, list[tuple[str, float, float]]] = {}
    for event in _content(path):
        if not isinstance(event, Mapping) or event.get("cat") not in OPERATORS:
            continue
        try:
            start = float(event["ts"])
            one = str(event["name"]), start, start + float(event["dur"])
        except (KeyError, TypeError, ValueError):
            continue
        found.setdefault(f"{event.get('pid')}:{event.get('tid')}", []).append(one)
    return found


def _content(path: Path) -> Iterable[Any]:
    try:
        raw = path.read_bytes()
        content = json.loads(gzip.decompress(raw) if path.suffix == ".gz" else raw)
    except (OSError, ValueError, EOFError, zlib.error) as error:
        raise ValueError(f"{path} is no trace in JSON: {error}") from None
    events = content.get("traceEvents") if isinstance(content, Mapping) else content
    return events if isinstance(events, list) else []


def _nested(
    thread: str, events: Sequence[tuple[str, float, float]], first: int
) -> list[Span]:
    """An operator lies within the one that called it."""
    ordered = sorted(events, key=lambda one: (one[1], -one[2]))
    parents: list[int | None] = []
    children_us = [0.0] * len(ordered)
    open_: list[int] = []
    for place, (_, start, end) in enumerate(ordered):
        while open_ and ordered[open_[-1]][2] <= start:
            open_.pop()
        if open_:
            children_us[open_[-1]] += end - start
        parents.append(first + open_[-1] if open_ else None)
        open_.append(place)
    return [
        Span(name, thread, start, end, parent, within)
        for (name, start, end), parent, within in zip(
            ordered, parents, children_us, strict=True
        )
    ]


def gaps_of(spans: Sequence[Span]) -> Iterator[Gap]:
    last: dict[str, float] = {}
    for span in spans:
        if span.parent is not None:
            continue
        before = last.get(span.thread)
        if before is not None and span.start_us > before:
            yield Gap(span.name, span.start_us - before)
        last[span.thread] = max(before or span.end_us, span.end_us)


def is_in_onednn(spans: Sequence[Span], place: int) -> bool:
    """Whether an operator, or one that called it, is named after oneDNN: products in
    bf16 are oneDNN's too, but are called `aten::mm`."""
    at: int | None = place
    while at is not None:
        if _IN_ONEDNN.search(spans[at].name):
            return True
        at = spans[at].parent
    return False


@dataclass(frozen=True)
class Trace:
    """`gaps`, `own` (how many operators) and `wall_us`, from the first to the last of
    them, are of the thread with most operators."""

    spans: tuple[Span, ...]
    gaps: tuple[Gap, ...]
    own: int
    wall_us: float

    @classmethod
    def of(cls, path: Path) -> Trace:
        every = spans_of(path)
        counts: dict[str, int] = {}
        for span in every:
            counts[span.thread] = counts.get(span.thread, 0) + 1
        main = max(counts, key=lambda thread: counts[thread])
        own = [span for span in every if span.thread == main]
        wall = max(span.end_us for span in own) - min(span.start_us for span in own)
        gaps = sorted(gaps_of(own), key=lambda gap: -gap.length_us)
        return cls(tuple(every), tuple(gaps), len(own), wall)

    @property
    def gap_us(self) -> float:
        return sum(gap.length_us for gap in self.gaps)

    @property
    def fragmentation(self) -> float:
        """Share of the wall time in which no operator ran."""
        return self.gap_us / self.wall_us if self.wall_us else 0.0

    @property
    def onednn_us(self) -> float:
        return sum(
            span.own_us
            for place, span in enumerate(self.spans)
            if is_in_onednn(self.spans, place)
        )
