"""What is to be said about the records of a run, beside their figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.case import INSTANCES
from harness.record.host import host_text, readings
from harness.record.result import is_ok
from harness.record.schema import Record
from harness.report.splits import best_splits

NEAR_LIMIT = 0.5  # a larger share of the limit is worth a line


def remarks(records: Sequence[Record]) -> list[str]:
    """What the host gave, and what failed, was skipped or is in doubt, with the
    reasons."""
    host = host_text([[one for record in records for one in readings(record)]])
    lines = [f"host: {host}"] if host else []
    lines += [*best_splits(records), *_not_measured(records)]
    lines += [*_near_limit(records), *_without_proof(records), *_kept(records)]
    warnings = [(r.case_id, warning) for r in records for warning in r.warnings]
    lines += [f"warning: {case_id}: {warning}" for case_id, warning in warnings]
    return lines


def _not_measured(records: Sequence[Record]) -> Iterator[str]:
    """A line a case; of levels of instances that are skipped for one reason, as where a
    machine has fewer cores, a line for all."""
    levels: dict[str, list[str]] = {}
    for record in records:
        if is_ok(record):
            continue
        reason = (record.reason or "").splitlines()[0]
        if record.status == "skipped" and INSTANCES in record.options:
            levels.setdefault(reason, []).append(record.case_id)
        else:
            yield f"{record.status}: {record.case_id}: {reason}"
    for reason, cases in levels.items():
        yield f"skipped: {_levels_text(cases)}: {reason}"


def _levels_text(cases: Sequence[str]) -> str:
    """
    >>> _levels_text(["a/b1/instances=4", "a/b1/instances=8", "c/b1/instances=4"])
    'a/b1 at instances=4, 8; c/b1 at instances=4'
    """
    found: dict[str, list[str]] = {}
    for case in cases:
        whole, _, count = case.rpartition(f"/{INSTANCES}=")
        found.setdefault(whole, []).append(count)
    return "; ".join(f"{k} at {INSTANCES}={', '.join(v)}" for k, v in found.items())


def _kept(records: Sequence[Record]) -> Iterator[str]:
    """How many accuracies another run measured."""
    found = [record.accuracy for record in records if record.accuracy]
    if count := sum(accuracy.kept for accuracy in found):
        yield (
            f"{count} of {len(found)} accuracies are kept from earlier runs, of the "
            "same weights, data, code, libraries and kernels; --accuracy=anew measures "
            "them"
        )


def _near_limit(records: Sequence[Record]) -> Iterator[str]:
    """Values that are right, but nearly were not: the next library may take the rest.
    Those beyond the limit have failed for it."""
    for record in filter(is_ok, records):
        values = record.values
        if values is None or values.error is None or not values.limit:
            continue
        if values.error > NEAR_LIMIT * values.limit:
            yield (
                f"values: {record.case_id}: relative error {values.error:.3g}, limit "
                f"{values.limit:g}, against {values.against}"
            )


def _without_proof(records: Sequence[Record]) -> Iterator[str]:
    """Cases whose arithmetic or values nothing proves, and no warning says so; in a
    line for each reason."""
    found: dict[str, list[str]] = {}
    for record in filter(is_ok, records):
        is_warned = any(text.startswith("claims ") for text in record.warnings)
        claim = record.kernels.claim if record.kernels else None
        if claim in ("unproven", "refuted") and not is_warned:
            doubt = f"arithmetic {claim} by the kernels that were seen"
            found.setdefault(doubt, []).append(record.case_id)
        if record.values is not None and record.values.passed is None:
            doubt = f"values unproven: {record.values.reason or 'not compared'}"
            found.setdefault(doubt, []).append(record.case_id)
    for doubt, cases in found.items():
        yield f"{doubt}: {', '.join(cases)}"
