"""What a buyer's limits leave, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from harness.metrics import MetricKinds
from harness.report.compare.model import Comparison
from harness.report.compare.qualification import Qualification
from harness.report.compare.shown.money import limits_text

NAMED = 3  # candidates without a qualifying case that are named with their reason


def out_of_all(found: Qualification, kinds: MetricKinds) -> str | None:
    """The verdict where the limits leave nobody, or one candidate alone."""
    limits, contenders = limits_text(found, kinds), found.contenders
    if not contenders:
        cases = sum(found.cases.values())
        return (
            f"No candidate qualifies: of {cases:,} measured cases none counts with "
            f"{limits} ({_why(found, tuple(found.qualified))})."
        )
    if len(contenders) > 1 or len(found.qualified) == 1:
        return None
    (one,) = contenders
    others = tuple(label for label in found.qualified if label != one)
    return (
        f"Only {one} qualifies, with {_cases(found, one)}: no case of any other counts "
        f"with {limits} ({_why(found, others)})."
    )


def what_is_left(comparison: Comparison) -> str:
    """How many cases of each candidate qualify, and which works have none; empty where
    no limit was asked for, or nobody keeps it."""
    found = comparison.qualification
    if found is None or not found.contenders:
        return ""
    counts = "; ".join(
        f"{_cases(found, label)} on {label}" for label in found.qualified
    )
    text = f"With {limits_text(found, comparison.metrics)} qualify {counts}"
    out = tuple(label for label, count in found.qualified.items() if not count)
    if out and len(found.contenders) > 1:
        text += f"; not ranked: {_why(found, out)}"
    if found.without:
        text += (
            f"; {len(found.without):,} of {len(comparison.rows):,} works have no case"
        )
        text += f" that qualifies (the first: {found.without[0]})"
    return f"{text}."


def _cases(found: Qualification, label: str) -> str:
    return f"{found.qualified[label]:,} of {found.cases[label]:,} cases"


def _why(found: Qualification, labels: Sequence[str]) -> str:
    parts = [
        f"{label}: {', '.join(found.reasons[label]) or 'no case'}"
        for label in labels[:NAMED]
    ]
    more = len(labels) - NAMED
    return "; ".join([*parts, *([f"{more} more"] if more > 0 else [])])
