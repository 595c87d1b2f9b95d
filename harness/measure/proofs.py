"""What the kernels of a step do not prove: warnings for its record.

Both take what the worker sent of `harness.observe.claims.Judged`, None where no kernels
were looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.hardware import Hardware
from harness.observe.claims import COMPUTE
from harness.observe.isa import isa_of, within


def claim_warnings(judged: Mapping[str, Any] | None, precision: str) -> list[str]:
    """Where a compressed case did not prove its arithmetic.

    Layers kept in float on purpose are no fallback as long as others run as claimed.
    """
    if judged is None or precision == "fp32":
        return []
    fallbacks, meant = judged["float_fallbacks"], judged["float_layers"]
    a_step = sum(row["calls"] for row in fallbacks) / judged["steps"]
    if not judged["claim_share_percent"] and a_step <= meant:
        others = f" but the {a_step:g} a step in float on purpose" if a_step else ""
        return [
            f"claims {precision}, unproven: no compute kernel{others} stands in the "
            f"profile ({judged['source']}); another library ran it, or none did"
        ]
    if a_step <= meant:
        return []
    beyond = f" ({a_step:g} float calls a step, {meant} on purpose)" if meant else ""
    return [
        f"claims {precision}, but {_ran(row, judged['source'])}{beyond}; this CPU or "
        f"library has no {precision} kernel for it: compare with the fp32 case before "
        "you choose it"
        for row in fallbacks
    ]


def cap_warnings(judged: Mapping[str, Any] | None, hardware: Hardware) -> list[str]:
    """Where kernels went beyond the cap on instruction sets, or none tells that they
    did not."""
    cap = hardware.isa
    if judged is None or cap is None:
        return []
    found = [
        (row, within(isa_of(row["implementation"]), cap)) for row in judged["rows"]
    ]
    if beyond := [row for row, inside in found if inside is False]:
        return [
            f"the cap isa={cap} did not hold: {_ran(row, judged['source'])}; these are "
            f"no times of {cap}: the library that ran it has a cap of its own, or none"
            for row in beyond
        ]
    if any(inside and row["primitive"] in COMPUTE for row, inside in found):
        return []
    return [
        f"the cap isa={cap} is unproven: no compute kernel in the profile "
        f"({judged['source']}) tells its instruction set; compare the times with those "
        "of the same case without the cap"
    ]


def _ran(row: Mapping[str, Any], source: str) -> str:
    return (
        f"{row['calls']} calls of {row['primitive']} ({row['direction']}) ran as "
        f"{row['implementation']} on {row['dtypes']} ({source}), "
        f"{row['share_percent']:.0f} % of the logged time"
    )
