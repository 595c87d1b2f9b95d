"""Whether a step ran the precision that its case claims."""

from dataclasses import dataclass

from harness.observe.kernels import Breakdown, Profiled, Row, break_down

# Primitives that do a network's multiply-accumulates; the others move or scale data.
COMPUTE = ("convolution", "deconvolution", "inner_product", "matmul", "rnn", "gemm_api")
CLAIMS = {
    "fp32": frozenset({"f32"}),
    "bf16": frozenset({"bf16"}),
    "fp16": frozenset({"f16"}),
    "int8": frozenset({"s8", "u8", "s16", "u16"}),  # 16 bits beside 8 are no float
}


@dataclass(frozen=True)
class Judged:
    """A profile of `steps` steps against a claim, in plain values.

    `float_fallbacks` are all compute kernels that read other types than claimed, also
    those of the `float_layers` that a step runs in float on purpose.
    """

    source: str
    rows: tuple[Row, ...]
    steps: int
    wall_s: float
    logged_s: float
    coverage_percent: float | None
    claim_share_percent: float | None  # of the compute kernels' time
    unparsed_lines: int
    float_fallbacks: tuple[Row, ...]
    float_layers: int


def judge(
    profiled: Profiled, steps: int, claimed: str = "fp32", float_layers: int = 0
) -> Judged:
    """`claimed` names what must not run in float, but for `float_layers` a step."""
    found = break_down(profiled)
    return Judged(
        source=profiled.source,
        rows=found.rows,
        steps=steps,
        wall_s=found.wall_s,
        logged_s=found.logged_s,
        coverage_percent=found.coverage_percent,
        claim_share_percent=claim_share_percent(found, claimed),
        unparsed_lines=found.unparsed_lines,
        float_fallbacks=float_fallbacks(found, claimed),
        float_layers=float_layers,
    )


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

    None is no proof: the work then ran where the profiler does not look.
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
