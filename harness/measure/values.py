"""Whether a case computed what its weights mean: the record and the verdict of that."""

from __future__ import annotations

import math

from harness.record.schema import ValuesRecord
from harness.workload import Values


def values_record(found: Values) -> ValuesRecord:
    """As a worker sends it: JSON has no infinity."""
    error = found.error
    return ValuesRecord(
        error=error if error is not None and math.isfinite(error) else None,
        limit=found.limit,
        outputs=found.outputs,
        against=found.against,
        passed=found.passed,
        layer=found.layer,
        kernel=found.kernel,
        reason=found.reason,
    )


def wrong_values(found: ValuesRecord | None) -> str | None:
    """Why a case that ran is failed, None where its values are right or unproven.

    >>> wrong_values(None)
    """
    if found is None or found.passed is not False:
        return None
    error = found.error
    far = "no finite numbers" if error is None else f"a relative error of {error:.3g}"
    culprit = found.layer or "no layer known"
    by = f", computed by {found.kernel}" if found.kernel else ""
    return (
        f"wrong values: {far} (limit {found.limit:g}) against {found.against}; the "
        f"first that departs: {culprit}{by}; another runtime, precision or instruction "
        "set (--hardware=cpu:isa=...) may have another kernel; `speechmark doctor "
        "--kernels` lists what is wrong here, with ways round: see docs/values.md"
    )
