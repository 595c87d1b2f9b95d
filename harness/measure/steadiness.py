"""Whether what was timed was steady, as its record tells it: warm-ups and drift."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from harness.measure.drift import DRIFT_PERCENT, drift
from harness.measure.outcome import CaseOutcome, warm_ups
from harness.measure.steady import WarmUp
from harness.record.schema import DriftRecord, Timing

# What each test of `drift.Drift` found, and what usually does that.
_EXPLAINED = {
    "trend": (
        "they rise or fall by {:.1f} % from the first to the last",
        "a clock that still falls, heat, or memory that fills",
    ),
    "range": (
        "medians of successive parts lie {:.1f} % apart",
        "other load that came and went, or a host that gives more and less",
    ),
    "modes": (
        "they come in two modes {:.1f} % apart",
        "threads that change cores, a clock with two levels, or a core shared with "
        "another guest",
    ),
}


def drift_records(processes: Sequence[Sequence[float]]) -> list[DriftRecord]:
    """Of the steps of each process, one value a cycle of inputs."""
    found = (asdict(drift(steps_s)) for steps_s in processes)
    return [DriftRecord(**one | {"found": list(one["found"])}) for one in found]


def is_steady(warm: Sequence[WarmUp], drifts: Sequence[DriftRecord]) -> bool:
    """A warm-up that ended steady is needed, and not enough."""
    return all(one.steady for one in warm) and not any(d.found for d in drifts)


def drift_warnings(timing: Timing) -> list[str]:
    """One for each kind of drift, with the largest of all processes."""
    warnings = []
    for name, (what, cause) in _EXPLAINED.items():
        percents = [
            abs(getattr(one, f"{name}_percent"))
            for one in timing.drift
            if name in one.found
        ]
        if percents:
            where = (
                f" in {len(percents)} of {len(timing.drift)} processes"
                if len(timing.drift) > 1
                else ""
            )
            warnings.append(
                f"not steady over the timed samples{where}: "
                f"{what.format(max(percents))} (limit {DRIFT_PERCENT:g}); likely "
                f"{cause}; see `speechmark doctor`, or use a longer profile"
            )
    return warnings


def warm_up_warnings(outcomes: Sequence[CaseOutcome]) -> list[str]:
    unsteady = [warm for warm in warm_ups(outcomes) if not warm.steady]
    if not unsteady:
        return []
    longest_s = max(warm.seconds for warm in unsteady)
    changes = [warm.mean_change_percent for warm in unsteady]
    known = [change for change in changes if change is not None]
    if not known:
        return [
            f"not known to be steady: {longest_s:.1f} s of warm-up held one window, "
            "and it takes two to compare; use a longer profile"
        ]
    return [
        f"not steady after {longest_s:.1f} s of warm-up: the means of the last two "
        f"windows differ by {max(known):.1f} %; other load or a changing frequency are "
        "the usual causes: see `speechmark doctor`, or use a longer profile"
    ]
