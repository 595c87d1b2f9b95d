"""What the kernels of a step do not prove: warnings for its record.

Both take what a profile proves of a claim, None where no kernels were looked at.
"""

from __future__ import annotations

from harness.hardware import Hardware
from harness.observe.claims import (
    COMPUTE,
    COVERED_PERCENT,
    MOST_FLOAT_PERCENT,
    Judged,
    covered_percent,
)
from harness.observe.isa import within
from harness.observe.kernels import Row


def claim_warnings(
    judged: Judged | None, precision: str, hardware: Hardware
) -> list[str]:
    """Where a case did not prove its arithmetic.

    Layers kept in float on purpose are no fallback as long as others run as claimed,
    for most of the time. fp32 is what runs where nothing else is asked for: where it is
    refuted, a warning says so; that it is not proven stands in the record alone.
    """
    if judged is None:
        return _unseen(precision) if hardware.is_cuda else []
    if judged.claim == "refuted":
        return _refuted(judged, precision)
    if judged.claim == "proven" or precision == "fp32":
        return []
    return [f"claims {precision}, unproven: {_why(judged)}"]


def _unseen(precision: str) -> list[str]:
    return [
        f"claims {precision}, unproven: nobody looks at a GPU's kernels; profile the "
        "case by the vendor's tools before you rely on it"
    ]


def _refuted(judged: Judged, precision: str) -> list[str]:
    fallbacks, meant = judged.float_fallbacks, judged.float_layers
    a_step = sum(row.calls for row in fallbacks) / judged.steps
    beyond = f" ({a_step:g} float calls a step, {meant} on purpose)" if meant else ""
    if precision == "fp32":
        rest = (
            "; float kernels told to compute in fewer bits, or other types: these are "
            "no times of fp32; look for what changes oneDNN's fpmath mode"
        )
    else:
        rest = (
            f"; this CPU or library has no {precision} kernel for it: compare with the "
            "fp32 case before you choose it"
        )
    return [
        f"claims {precision}, but {_ran(row, judged.source)}{beyond}{rest}"
        for row in fallbacks
    ]


def _why(judged: Judged) -> str:
    """What a claim that nothing refutes lacks."""
    source, share = judged.source, judged.claim_share_percent
    if not share:
        a_step = sum(row.calls for row in judged.float_fallbacks) / judged.steps
        others = f" but the {a_step:g} a step in float on purpose" if a_step else ""
        return (
            f"no compute kernel{others} stands in the profile ({source}); another "
            "library ran it, or none did"
        )
    float_percent = judged.float_percent or 0.0
    if float_percent > MOST_FLOAT_PERCENT:
        return (
            f"layers in float on purpose take {float_percent:.0f} % of the "
            f"compute kernels' time (limit {MOST_FLOAT_PERCENT:g}; {source}): the time "
            "is mostly float's"
        )
    return (
        f"kernels that keep the claim are {judged.covered_percent or 0:.2g} % of "
        "themselves and of the time that the profile does not explain (expected "
        f"{COVERED_PERCENT:g}; {source}, which explains "
        f"{judged.coverage_percent or 0:.3g} % of the step); another library may "
        "have run the rest in any precision"
    )


def cap_warnings(judged: Judged | None, hardware: Hardware) -> list[str]:
    """Where kernels went beyond the cap on instruction sets, or too few tell that they
    did not."""
    cap = hardware.isa
    if judged is None or cap is None:
        return []
    found = [(row, within(row.isa, cap)) for row in judged.rows]
    if beyond := [row for row, inside in found if inside is False]:
        return [
            f"the cap isa={cap} did not hold: {_ran(row, judged.source)}; these are "
            f"no times of {cap}: the library that ran it has a cap of its own, or none"
            for row in beyond
        ]
    compute = [(row, inside) for row, inside in found if row.primitive in COMPUTE]
    told_s = sum(row.time_s for row, inside in compute if inside)
    if not told_s:
        return [
            f"the cap isa={cap} is unproven: no compute kernel in the profile "
            f"({judged.source}) tells its instruction set; {_COMPARE}"
        ]
    silent_s = sum(
        row.time_s for row, inside in compute if not inside and not row.overlaps
    )
    logged_s = judged.logged_s - silent_s  # as good as not logged
    covered = covered_percent(told_s, judged.wall_s, logged_s) or 0.0
    if covered >= COVERED_PERCENT:
        return []
    return [
        f"the cap isa={cap} is unproven: kernels that tell their instruction set are "
        f"{covered:.2g} % of themselves and of the time of which nothing is told "
        f"(expected {COVERED_PERCENT:g}; {judged.source}); {_COMPARE}"
    ]


_COMPARE = "compare the times with those of the same case without the cap"


def _ran(row: Row, source: str) -> str:
    return (
        f"{row.calls} calls of {row.primitive} ({row.direction}) ran as "
        f"{row.implementation} on {row.dtypes} ({source}), {_share(row)}"
    )


def _share(row: Row) -> str:
    if row.share_percent is None:
        return "on single threads, outside the logged time"
    return f"{row.share_percent:.0f} % of the logged time"
