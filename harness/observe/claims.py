"""Whether a step ran the precision that its case claims, and how far that is proven.

No profile sees all of a step: a library beside the one that logs, element-wise
operations and Python are in none. What is not seen may be anything, so that a claim is
proven only where the kernels that keep it outweigh most of what is not explained.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.observe.kernels import Breakdown, Profiled, Row, break_down

# Primitives that do a network's multiply-accumulates; the others move or scale data.
COMPUTE = (
    *("convolution", "deconvolution", "inner_product", "matmul", "rnn"),
    *("gemm", "gemm_api", "brgemm", "sdpa"),
)
CLAIMS = {
    "fp32": frozenset({"f32"}),
    "bf16": frozenset({"bf16"}),
    "fp16": frozenset({"f16"}),
    "int8": frozenset({"s8", "u8", "s16", "u16"}),  # 16 bits beside 8 are no float
}
# Kernels of these take f32 only when they are told to compute in bf16 or fp16: oneDNN
# does so in its fpmath modes, and names x86's after what they compute in.
NARROW_ISAS = ("amx", "amx_fp16", "avx512_core_bf16", "avx512_core_fp16")
# Of the time in which a step may have multiplied at all: that of kernels which keep the
# claim, and what the profile does not explain. Of 120 cases recorded on a machine with
# AVX-512, those with bf16 or int8 kernels throughout reach 46 % (eager training, half
# of it element-wise) to 99 %; one small layer among products of another library reaches
# few per cent.
COVERED_PERCENT = 40.0
# Of the compute kernels' time, by layers that are in float on purpose: where they take
# more, the time is float's. Of first layers and edges kept in float, 48 % is the most.
MOST_FLOAT_PERCENT = 50.0


@dataclass(frozen=True)
class Judged:
    """A profile of `steps` steps against a claim, in plain values.

    `float_fallbacks` are all compute kernels that read other types than claimed, also
    those of the `float_layers` that a step runs in float on purpose; they take
    `float_percent` of the compute kernels' time. `covered_percent`: see
    COVERED_PERCENT.
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
    covered_percent: float | None = None
    float_percent: float | None = None
    claim: str = "unproven"


def judge(
    profiled: Profiled, steps: int, claimed: str = "fp32", float_layers: int = 0
) -> Judged:
    """`claimed` names what must not run in float, but for `float_layers` a step."""
    found = break_down(profiled)
    fallbacks = float_fallbacks(found, claimed)
    share = claim_share_percent(found, claimed)
    covered = _covered_percent(found, claimed)
    return Judged(
        source=profiled.source,
        rows=found.rows,
        steps=steps,
        wall_s=found.wall_s,
        logged_s=found.logged_s,
        coverage_percent=found.coverage_percent,
        claim_share_percent=share,
        unparsed_lines=found.unparsed_lines,
        float_fallbacks=fallbacks,
        float_layers=float_layers,
        covered_percent=covered,
        float_percent=None if share is None else 100.0 - share,
        claim=_verdict(fallbacks, steps * float_layers, share, covered),
    )


def _verdict(
    fallbacks: Sequence[Row],
    on_purpose: int,
    share_percent: float | None,
    covered_percent: float | None,
) -> str:
    """ "refuted" where more calls than on purpose broke the claim, "proven" where the
    others are enough to speak for the whole step, else "unproven"."""
    if share_percent is None:
        return "unproven"
    if sum(row.calls for row in fallbacks) > on_purpose:
        return "refuted"
    if covered_percent is None:
        return "unproven"
    is_enough = covered_percent >= COVERED_PERCENT
    is_float = 100.0 - share_percent > MOST_FLOAT_PERCENT
    return "proven" if is_enough and not is_float else "unproven"


def _covered_percent(breakdown: Breakdown, claimed: str) -> float | None:
    accepted = _accepted(claimed)
    compute = [row for row in breakdown.rows if row.primitive in COMPUTE]
    kept = [row for row in compute if _keeps(row, claimed, accepted)]
    kept_s = sum(map(breakdown.part_s, kept))
    return covered_percent(kept_s, breakdown.wall_s, breakdown.explained_s)


def covered_percent(kept_s: float, wall_s: float, logged_s: float) -> float | None:
    """What kernels of `kept_s` are of themselves and all that a profile leaves open.

    >>> covered_percent(kept_s=2.0, wall_s=10.0, logged_s=8.0)
    50.0
    """
    open_s = kept_s + max(0.0, wall_s - logged_s)
    return 100.0 * (kept_s / open_s) if open_s > 0 else None


def float_fallbacks(breakdown: Breakdown, claimed: str) -> tuple[Row, ...]:
    """The compute kernels that took other inputs than the claimed precision's.

    A kernel counts by what it reads (its output may well be wider): forward, source
    and weights; for the data's gradient, weights and destination; for the weights'
    gradient, source and destination. A float kernel told to compute in bf16 keeps f32
    inputs, but runs a bf16 or AMX implementation: no fallback of a claim of bf16, and
    one of fp32. Of Arm's that were let compute so nobody tells whether they did: they
    keep neither.
    """
    accepted = _accepted(claimed)
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
    total_s = sum(map(breakdown.part_s, compute))
    kept = [row for row in compute if _keeps(row, claimed, accepted)]
    kept_s = sum(map(breakdown.part_s, kept))
    # In this order, what is all of it is 100 to the last bit.
    return 100.0 * (kept_s / total_s) if total_s > 0 else None


def _accepted(claimed: str) -> frozenset[str]:
    if claimed not in CLAIMS:
        raise ValueError(f"claimed is {claimed!r}: expected one of {sorted(CLAIMS)}")
    return CLAIMS[claimed]


def _keeps(row: Row, claimed: str, accepted: frozenset[str]) -> bool:
    inputs = set(_inputs(row))
    is_float = "f32" in inputs and inputs <= {"f32", "bf16"}
    if is_float and row.may_narrow:  # nobody tells whether it did
        return False
    if is_float and row.isa in NARROW_ISAS:
        return claimed == "bf16"
    return inputs <= accepted


def _inputs(row: Row) -> list[str]:
    dtypes = row.dtypes.split(",")
    if len(dtypes) != 3:
        return dtypes
    source, weights, destination = dtypes
    return {
        "backward_data": [weights, destination],
        "backward_weights": [source, destination],
    }.get(row.direction, [source, weights])
