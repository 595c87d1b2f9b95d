"""Which kernels a step ran, and where its time went, whatever runtime told it."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.observe.isa import isa_of

ONEDNN_LOG = "oneDNN log"  # a source
_MODE = ":fpmath_"  # before it stands a kernel's own name


@dataclass(frozen=True)
class Entry:
    """One execution of one primitive.

    `direction` is forward, backward_data, backward_weights, backward (both at once) or
    "none" (a matrix product or reorder has no direction). `dtypes` names source,
    weights and destination, each where it exists; a bias is left out. All in oneDNN's
    words, also where another runtime ran it: "convolution", "u8,s8,f32". One that
    `overlaps` ran on one thread while others of its kind ran on the other threads.
    """

    primitive: str
    direction: str
    implementation: str
    dtypes: str
    problem: str
    time_ms: float
    overlaps: bool = False


@dataclass(frozen=True)
class Profiled:
    """What a runtime's own profiler said of steps that took `wall_s`.

    `source` names the profiler, for whoever reads a warning. What was written but could
    not be read is counted in `unparsed_lines`. `threads` ran what overlaps.
    """

    entries: Sequence[Entry]
    wall_s: float
    source: str
    unparsed_lines: int = 0
    threads: int = 1


@dataclass(frozen=True)
class Row:
    """All calls that one kernel served; the share is of all logged time. What
    `overlaps` has a time summed over threads: it is in no sum, and has no share."""

    primitive: str
    direction: str
    implementation: str
    dtypes: str
    calls: int
    time_s: float
    share_percent: float | None
    overlaps: bool = False

    @property
    def isa(self) -> str:
        return isa_of(self.implementation)

    @property
    def may_narrow(self) -> bool:
        """Whether it was let compute in fewer bits, and its name does not tell if it
        did: see `narrowed`."""
        return _MODE in self.implementation


@dataclass(frozen=True)
class Breakdown:
    """Rows by falling time, over the wall time of the very same steps.

    `coverage_percent` is how much of that time the profile explains; the rest (another
    library's products, element-wise operations, Python) never enters it. It passes 100
    where primitives run side by side. Kernels that overlap are not in `logged_s`.
    """

    rows: tuple[Row, ...]
    logged_s: float
    wall_s: float
    unparsed_lines: int
    threads: int = 1

    @property
    def coverage_percent(self) -> float | None:
        return 100.0 * self.logged_s / self.wall_s if self.wall_s > 0 else None

    @property
    def explained_s(self) -> float:
        """Of the wall time: what is logged, and the part of overlapping kernels."""
        return self.logged_s + sum(
            self.part_s(row) for row in self.rows if row.overlaps
        )

    def part_s(self, row: Row) -> float:
        """Of the wall time, if what overlaps ran on all threads alike."""
        return row.time_s / self.threads if row.overlaps else row.time_s


def break_down(profiled: Profiled) -> Breakdown:
    """Groups entries by primitive, direction, implementation and types."""
    groups: dict[tuple[_Kernel, bool], list[float]] = {}
    for entry in profiled.entries:
        key = _kernel(entry), entry.overlaps
        groups.setdefault(key, []).append(entry.time_ms)
    logged_ms = sum(
        sum(times_ms) for (_, overlaps), times_ms in groups.items() if not overlaps
    )
    rows = [
        Row(
            *kernel,
            calls=len(times_ms),
            time_s=sum(times_ms) / 1000.0,
            share_percent=None if overlaps else _percent(sum(times_ms), logged_ms),
            overlaps=overlaps,
        )
        for (kernel, overlaps), times_ms in groups.items()
    ]
    rows.sort(key=lambda row: row.time_s, reverse=True)
    return Breakdown(
        tuple(rows),
        logged_ms / 1000.0,
        profiled.wall_s,
        profiled.unparsed_lines,
        profiled.threads,
    )


def _percent(part: float, whole: float) -> float:
    return 100.0 * part / whole if whole else 0.0


_Kernel = tuple[str, str, str, str]


def _kernel(entry: Entry) -> _Kernel:
    return entry.primitive, entry.direction, entry.implementation, entry.dtypes


def narrowed(implementation: str, mode: str) -> str:
    """The name of a kernel that reads f32 and may compute in fewer bits, by the mode
    that lets it.

    >>> narrowed("gemm:acl", "bf16")
    'gemm:acl:fpmath_bf16'
    """
    return f"{implementation}{_MODE}{mode}"
