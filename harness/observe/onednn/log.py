"""oneDNN's verbose log, read line by line.

Two layouts are in use, and both are read (also under the older markers):

    dnnl_verbose,exec,cpu,convolution,jit:avx2,forward_training,
        src_f32::blocked:abcd:f0 wei_f32::...,attr,alg:...,mb2_ic3oc8...,0.5
    onednn_verbose,v1,primitive,exec,cpu,convolution,jit:avx2,forward_training,
        src:f32:a:blocked:abcd::f0 wei:f32:...,attr,alg:...,mb2_ic3oc8...,0.5

Fields: engine, primitive, implementation, propagation kind, memory descriptors,
attributes, algorithm, problem, milliseconds. Other programs' lines lie in between,
and a killed program's last line is cut short: such a line is counted, never guessed.
"""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from harness.observe.isa import ARM, isa_of
from harness.observe.kernels import Entry, narrowed

_MARKER = re.compile(r"(?:onednn|dnnl|mkldnn)_verbose,")
_ENGINE = re.compile(r"(?:cpu|gpu)[\d:]*")
_TIMESTAMP = re.compile(r"\d+(?:\.\d+)?")
_FPMATH = re.compile(r"attr-fpmath:(\w+)")
_FEWEST_FIELDS = 8  # engine to milliseconds; old versions leave the attributes out


@dataclass
class LogReader:
    """Yields entries, and counts as it goes what it could not take as one."""

    unparsed_lines: int = field(default=0, init=False)
    other_lines: int = field(default=0, init=False)

    def read(self, lines: Iterable[str]) -> Iterator[Entry]:
        for line in lines:
            # Threads write over each other: a second marker begins a second record.
            records = _MARKER.split(line.rstrip("\r\n"))[1:]
            if not records:
                self.other_lines += 1
            for record in records:
                yield from self._entry(record)

    def _entry(self, record: str) -> Iterator[Entry]:
        fields = _executed(record.split(","))
        if fields is None:
            self.other_lines += 1  # version, creation, profile: nothing was executed
            return
        entry = _parse(fields)
        if entry is None:
            self.unparsed_lines += 1
        else:
            yield entry


@dataclass(frozen=True)
class Log:
    """A whole log; `other_lines` were not oneDNN's, or executed nothing."""

    entries: tuple[Entry, ...]
    unparsed_lines: int
    other_lines: int

    @property
    def time_s(self) -> float:
        return sum(entry.time_ms for entry in self.entries) / 1000.0


def read_log(lines: Iterable[str]) -> Log:
    reader = LogReader()
    entries = tuple(reader.read(lines))
    return Log(entries, reader.unparsed_lines, reader.other_lines)


def _executed(fields: list[str]) -> list[str] | None:
    """The fields after "exec", None for a line that tells of something else."""
    if fields and fields[0].startswith("v"):
        fields = fields[1:]
    if fields and _TIMESTAMP.fullmatch(fields[0]):
        fields = fields[1:]
    if fields and fields[0] == "primitive":
        fields = fields[1:]
    # A graph's execution ("graph,exec") spans primitives that log themselves.
    return fields[1:] if fields and fields[0] == "exec" else None


def _parse(fields: list[str]) -> Entry | None:
    if len(fields) < _FEWEST_FIELDS or not _ENGINE.fullmatch(fields[0]):
        return None
    time_ms = _milliseconds(fields[-1])
    if time_ms is None:
        return None
    _, primitive, implementation, propagation, descriptors, attributes = fields[:6]
    return Entry(
        primitive=primitive,
        direction=_direction(propagation),
        implementation=_named(implementation, attributes),
        dtypes=dtypes_of(descriptors),
        problem=fields[-2],
        time_ms=time_ms,
    )


def _named(implementation: str, attributes: str) -> str:
    """x86's kernels are named after what they compute in. Arm's are not: those that may
    compute in fewer bits than they read get the mode that lets them into their name."""
    mode = _FPMATH.search(attributes)
    if mode is None or isa_of(implementation) not in ARM:
        return implementation
    return narrowed(implementation, mode[1])


def _milliseconds(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def _direction(propagation: str) -> str:
    if propagation.startswith("forward"):
        return "forward"
    return "none" if propagation in ("undef", "") else propagation


def dtypes_of(descriptors: str) -> str:
    """Source's, weights' and destination's type, the first of each.

    >>> dtypes_of("src:u8::blocked:ab::f0 wei:s8:p:any::f8 dst:f32::blocked:ab::f0")
    'u8,s8,f32'
    >>> dtypes_of("src_bf16::blocked:abcd:f0 bia_undef::undef::f0 dst_f32::any:f0")
    'bf16,f32'
    """
    found: dict[str, str] = {}
    for descriptor in descriptors.split():
        name, _, rest = descriptor.partition(":")
        dtype = rest.partition(":")[0]
        if not dtype:  # the older layout joins them: src_layer_f32::...
            name, _, dtype = name.rpartition("_")
        role = name.partition("_")[0].rstrip("0123456789").replace("data", "src")
        if role in ("src", "wei", "dst") and dtype not in ("undef", ""):
            found.setdefault(role, dtype)
    return ",".join(found[role] for role in ("src", "wei", "dst") if role in found)
