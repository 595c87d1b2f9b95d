"""Where a step's time went inside oneDNN, and whether it ran the claimed precision."""

from dataclasses import dataclass

from harness.observe.onednn.log import Entry, Log

# Primitives that do a network's multiply-accumulates; the others move or scale data.
COMPUTE = ("convolution", "deconvolution", "inner_product", "matmul", "rnn", "gemm_api")
CLAIMS = {
    "fp32": frozenset({"f32"}),
    "bf16": frozenset({"bf16"}),
    "fp16": frozenset({"f16"}),
    "int8": frozenset({"s8", "u8"}),
}
# In this order: a longer name before the name that it begins with.
_ISAS = (
    "amx",
    "avx512_core_fp16",
    "avx512_core_bf16",
    "avx512_core_vnni",
    "avx512_core",
    "avx512",
    "avx10",
    "avx2_vnni_2",
    "avx2_vnni",
    "avx2",
    "avx",
    "sse41",
    "sve_512",
    "sve_256",
    "sve_128",
    "sve",
    "asimd",
    "acl",
    "gemm",
    "ref",
    "simple",
    "uni",
)


def isa_of(implementation: str) -> str:
    """The instruction set that a kernel's name tells, or what kind of kernel it is.

    >>> isa_of("brg_conv_fwd:avx512_core_amx"), isa_of("jit_bf16:avx512_core_bf16")
    ('amx', 'avx512_core_bf16')
    >>> isa_of("x64:gemm:jit"), isa_of("ref:any"), isa_of("")
    ('gemm', 'ref', 'unknown')
    """
    return next((isa for isa in _ISAS if isa in implementation), "unknown")


@dataclass(frozen=True)
class Row:
    """All calls that one kernel served; the share is of all logged time."""

    primitive: str
    direction: str
    implementation: str
    dtypes: str
    calls: int
    time_s: float
    share_percent: float

    @property
    def isa(self) -> str:
        return isa_of(self.implementation)


@dataclass(frozen=True)
class Breakdown:
    """Rows by falling time, over the wall time of the very same steps.

    `coverage_percent` is how much of that time the log explains; the rest (MKL's
    products, element-wise operations, Python) never enters it. It passes 100 where
    primitives run side by side.
    """

    rows: tuple[Row, ...]
    logged_s: float
    wall_s: float
    unparsed_lines: int

    @property
    def coverage_percent(self) -> float | None:
        return 100.0 * self.logged_s / self.wall_s if self.wall_s > 0 else None


def break_down(log: Log, wall_s: float) -> Breakdown:
    """Groups a log by primitive, direction, implementation and types."""
    groups: dict[tuple[str, str, str, str], list[float]] = {}
    for entry in log.entries:
        groups.setdefault(_kernel(entry), []).append(entry.time_ms)
    logged_ms = sum(sum(times_ms) for times_ms in groups.values())
    rows = [
        Row(
            *kernel,
            calls=len(times_ms),
            time_s=sum(times_ms) / 1000.0,
            share_percent=100.0 * sum(times_ms) / logged_ms if logged_ms else 0.0,
        )
        for kernel, times_ms in groups.items()
    ]
    rows.sort(key=lambda row: row.time_s, reverse=True)
    return Breakdown(tuple(rows), logged_ms / 1000.0, wall_s, log.unparsed_lines)


def _kernel(entry: Entry) -> tuple[str, str, str, str]:
    return entry.primitive, entry.direction, entry.implementation, entry.dtypes


def float_fallbacks(breakdown: Breakdown, claimed: str) -> tuple[Row, ...]:
    """The compute kernels that took other inputs than the claimed precision's.

    A kernel counts by what it reads (its output may well be wider): forward, source
    and weights; for the data's gradient, weights and destination; for the weights'
    gradient, source and destination. A float kernel told to compute in bf16 keeps f32
    inputs, but runs a bf16 or AMX implementation: not a fallback.
    """
    accepted = _accepted(claimed)
    if claimed == "fp32":
        return ()
    return tuple(
        row
        for row in breakdown.rows
        if row.primitive in COMPUTE and not _keeps(row, claimed, accepted)
    )


def claim_share_percent(breakdown: Breakdown, claimed: str) -> float | None:
    """How much of the compute kernels' time ran as claimed; None where none is logged.

    None is no proof: the work then ran outside oneDNN.
    """
    accepted = _accepted(claimed)
    compute = [row for row in breakdown.rows if row.primitive in COMPUTE]
    total_s = sum(row.time_s for row in compute)
    kept_s = sum(row.time_s for row in compute if _keeps(row, claimed, accepted))
    return 100.0 * kept_s / total_s if total_s > 0 else None


def _accepted(claimed: str) -> frozenset[str]:
    if claimed not in CLAIMS:
        raise ValueError(f"claimed is {claimed!r}: expected one of {sorted(CLAIMS)}")
    return CLAIMS[claimed]


def _keeps(row: Row, claimed: str, accepted: frozenset[str]) -> bool:
    if claimed == "bf16" and row.isa in ("amx", "avx512_core_bf16"):
        return True
    return set(_inputs(row)) <= accepted


def _inputs(row: Row) -> list[str]:
    dtypes = row.dtypes.split(",")
    if len(dtypes) != 3:
        return dtypes
    source, weights, destination = dtypes
    return {
        "backward_data": [weights, destination],
        "backward_weights": [source, destination],
    }.get(row.direction, [source, weights])
