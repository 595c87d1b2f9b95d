"""Whether a case computed what its weights mean: what its worker found, and the record
and verdict of that."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from harness.record.schema import ValuesRecord
from harness.workload import Values


def plain_values(found: Values) -> dict[str, Any]:
    """As a worker sends it: JSON has no infinity."""
    error = found.error
    known = error is not None and math.isfinite(error)
    return asdict(found) | {"error": error if known else None, "passed": found.passed}


def values_record(value: Mapping[str, Any]) -> ValuesRecord | None:
    """What a worker sent, None where it ended before."""
    found = value.get("values")
    return None if found is None else ValuesRecord.model_validate(found)


def wrong_values(value: Mapping[str, Any]) -> str | None:
    """Why a case that ran is failed, None where its values are right or unproven.

    >>> wrong_values({"values": {"passed": None}})
    """
    found = value.get("values")
    if found is None or found["passed"] is not False:
        return None
    error, limit = found["error"], found["limit"]
    far = "no finite numbers" if error is None else f"a relative error of {error:.3g}"
    culprit = found["layer"] or "no layer known"
    by = f", computed by {found['kernel']}" if found["kernel"] else ""
    return (
        f"wrong values: {far} (limit {limit:g}) against {found['against']}; the first "
        f"that departs: {culprit}{by}; another runtime, precision or instruction set "
        "(--hardware=cpu:isa=...) may have another kernel; `speechmark doctor "
        "--kernels` lists what is wrong here, with ways round: see docs/values.md"
    )
