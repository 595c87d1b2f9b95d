"""oneDNN's verbose log, of any version and any size.

Lines repeat but for their time: what stands before it is understood once. Other
programs' output lies in between, and what is damaged is counted by its kind, with an
example, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import zip_longest
from typing import BinaryIO, NamedTuple

from harness.observe.onednn.execution import Execution, Kind
from harness.observe.onednn.fields import (
    KNOWN,
    Layout,
    fields_of,
    is_execution,
    layout_of_template,
)
from harness.observe.onednn.header import Header

OTHER_OUTPUT = "other output"
DAMAGED = "damaged executions"
UNREADABLE = "oneDNN: other lines"
LONGEST_MS = 1e9  # eleven days
LONGEST_LINE_BYTES = 1 << 20  # what is longer is read in pieces, none of them a line
REMEMBERED = 20_000  # distinct lines at a time
EXAMPLE_BYTES = 300

MARKER = re.compile(rb"(?:onednn|dnnl|mkldnn)(?:_graph)?_verbose,")
_PREFIX = re.compile(
    rb"(?P<marker>(?:onednn|dnnl|mkldnn)(?P<graph>_graph)?_verbose,(?:v\d+,)?)"
    rb"(?:(?P<timestamp_ms>\d+(?:[.,]\d+)?),)?"
    rb"(?:(?P<component>primitive|graph|ukernel),)?"
)
_TEMPLATE = re.compile(r"(?P<graph>graph_)?(?:prim_)?template:(?P<names>.*)")
_OPERATION = re.compile(r"[a-z_]{1,30}(?=[:,]|$)")
_UNPRINTED = re.compile(rb"\x1b\[[0-9;?]*[ -/]*[@-~]|\x00")  # ANSI codes, NUL
# As C's "%g" prints one: "007", "1e308", "1_5" and "3.05e-0" are none.
_WHOLE, _EXPONENT = r"(?:0|[1-9][0-9]*)", r"(?:e[+-][0-9]{2,})?"
_NUMBER = re.compile(rf"{_WHOLE}(?:\.[0-9]+)?{_EXPONENT}".encode())
# A locale's point may be a comma, and other text stand behind. What joins a number
# without a break may have been written over the rest of it.
_TIME = re.compile(rf"({_WHOLE}(?:[.,][0-9]+)?{_EXPONENT})(?![\w.,+-])")


class Call(NamedTuple):
    """One execution; None where the log has no time of it, or no timestamp."""

    execution: Execution
    time_ms: float | None
    timestamp_ms: float | None = None


@dataclass
class PassedOver:
    """Lines of one kind, and the beginning of the first."""

    example: str
    lines: int = 0


class _Known(NamedTuple):
    execution: Execution
    whole: bytes  # the whole milliseconds, where a comma divides them from the rest


class _Record(NamedTuple):
    """What one marker begins, to the next one or the line's end."""

    kind: Kind
    timestamp_ms: float | None
    body: str

    @classmethod
    def of(cls, prefix: re.Match[bytes], end: int) -> _Record:
        component = b"graph" if prefix["graph"] else prefix["component"]
        stamp = prefix["timestamp_ms"]
        body = prefix.string[prefix.end() : end].decode("utf-8", "replace")
        kinds: dict[bytes | None, Kind] = {b"graph": "graph", b"ukernel": "ukernel"}
        kind = kinds.get(component, "primitive")
        return cls(kind, _stamp_ms(stamp) if stamp else None, body.rstrip("\r\n"))


@dataclass
class LogReader:
    """Yields calls, and counts by kind as it goes what it passed over."""

    header: Header = field(default_factory=Header, init=False)
    passed_over: dict[str, PassedOver] = field(default_factory=dict, init=False)
    _layouts: dict[Kind, tuple[Layout, ...]] = field(
        default_factory=lambda: dict(KNOWN), init=False
    )
    _known: dict[bytes, _Known] = field(default_factory=dict, init=False)
    _is_stamped: bool = field(default=False, init=False)

    @property
    def damaged(self) -> int:
        """Executions that were cut, or written over."""
        return _damaged_in(self.passed_over)

    def read(self, lines: Iterable[bytes]) -> Iterator[Call]:
        """Of lines with their ends; the last of a program that was killed has none."""
        for line in lines:
            call = self._repeated(line)
            if call is None:
                yield from self._calls(line)
            else:
                yield call

    def _repeated(self, line: bytes) -> Call | None:
        """Of a line whose like was read before, as most are."""
        head, _, tail = line.rpartition(b",")
        stamp_ms = None
        if self._is_stamped:
            head, stamp_ms = self._unstamped(head)
        known = self._known.get(head)
        if known is None or tail[-1:] != b"\n":
            return None
        number = known.whole + tail[:-1].rstrip()
        if not _NUMBER.fullmatch(number):
            return None
        time_ms = float(number)
        return Call(known.execution, time_ms, stamp_ms) if _is_time(time_ms) else None

    def _unstamped(self, head: bytes) -> tuple[bytes, float | None]:
        prefix = _PREFIX.match(head)
        if prefix is None or prefix["timestamp_ms"] is None:
            return head, None
        behind = prefix.end("timestamp_ms") + 1
        return prefix["marker"] + head[behind:], _stamp_ms(prefix["timestamp_ms"])

    def _calls(self, line: bytes) -> Iterator[Call]:
        clean = _UNPRINTED.sub(b"", line)
        prefixes = list(_PREFIX.finditer(clean))
        if not prefixes:
            self._pass_over(OTHER_OUTPUT, line)
        # Threads write over each other: a second marker begins a second record.
        for prefix, following in zip_longest(prefixes, prefixes[1:]):
            end = len(clean) if following is None else following.start()
            record = _Record.of(prefix, end)
            if not is_execution(record.body, self._layouts[record.kind]):
                self._note(record)
                continue
            is_ended = following is None and clean.endswith(b"\n")
            call = self._call(record) if is_ended else None
            if call is None:
                self._pass_over(DAMAGED, clean[prefix.start() : end])
                continue
            if clean == line and len(prefixes) == 1 and prefix.start() == 0:
                self._remember(line, call)
            yield call

    def _call(self, record: _Record) -> Call | None:
        """None where it is damaged."""
        fields = fields_of(record.kind, record.body, self._layouts[record.kind])
        if fields is None:
            return None
        execution, text = fields
        if text is None:
            return Call(execution, None, record.timestamp_ms)
        time = _TIME.match(text)
        time_ms = None if time is None else float(time[1].replace(",", "."))
        if time_ms is None or not _is_time(time_ms):
            return None
        return Call(execution, time_ms, record.timestamp_ms)

    def _remember(self, line: bytes, call: Call) -> None:
        """If the line ends with its time: what is before the last comma tells it."""
        head, _, tail = line.rpartition(b",")
        if call.time_ms is None or not _NUMBER.fullmatch(tail.rstrip()):
            return
        whole = head.rpartition(b",")[2]
        is_divided = float(tail) != call.time_ms
        if is_divided and not _is_fraction(whole, tail.rstrip(), call.time_ms):
            return  # the time stands elsewhere
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._is_stamped |= call.timestamp_ms is not None
        key, _ = self._unstamped(head)
        self._known[key] = _Known(call.execution, whole + b"." if is_divided else b"")

    def _note(self, record: _Record) -> None:
        """What is no execution: how fields are ordered, which library this is."""
        operation, _, rest = record.body.partition(",")
        template = _TEMPLATE.search(record.body)
        if template is not None:
            kind: Kind = "graph" if template["graph"] else record.kind
            layout = layout_of_template(template["names"])
            if layout is not None:
                self._layouts[kind] = (layout, *KNOWN[kind])
                self._known.clear()
        elif operation == "info":
            self.header = self.header.and_of(rest)
        known = _OPERATION.match(operation)
        what = f"oneDNN: {known[0]}" if known else UNREADABLE
        self._pass_over(what, record.body.encode())

    def _pass_over(self, kind: str, line: bytes) -> None:
        if kind not in self.passed_over:
            example = line[:EXAMPLE_BYTES].decode("utf-8", "replace").strip()
            self.passed_over[kind] = PassedOver(example)
        self.passed_over[kind].lines += 1


@dataclass(frozen=True)
class Log:
    """A whole log, which fits in memory."""

    calls: tuple[Call, ...]
    header: Header
    passed_over: dict[str, PassedOver]

    @property
    def damaged(self) -> int:
        return _damaged_in(self.passed_over)

    def time_s(self, kind: Kind = "primitive") -> float:
        calls = (call for call in self.calls if call.execution.kind == kind)
        return sum(call.time_ms or 0.0 for call in calls) / 1000.0


def read_log(lines: Iterable[bytes]) -> Log:
    reader = LogReader()
    calls = tuple(reader.read(lines))
    return Log(calls, reader.header, reader.passed_over)


def lines_of(file: BinaryIO) -> Iterator[bytes]:
    """With their ends, in bounded memory whatever the file holds."""
    return iter(partial(file.readline, LONGEST_LINE_BYTES), b"")


def _damaged_in(passed_over: dict[str, PassedOver]) -> int:
    found = passed_over.get(DAMAGED)
    return 0 if found is None else found.lines


def _stamp_ms(text: bytes) -> float:
    return float(text.replace(b",", b"."))


def _is_time(time_ms: float) -> bool:
    return 0.0 <= time_ms <= LONGEST_MS


def _is_fraction(whole: bytes, rest: bytes, time_ms: float) -> bool:
    number = whole + b"." + rest
    return bool(_NUMBER.fullmatch(number)) and float(number) == time_ms
