"""Whether what was timed was steady, as its record tells it: warm-ups and drift."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from harness.measure.drift import DRIFT_PERCENT, drift
from harness.record.schema import DriftRecord, Timing

if TYPE_CHECKING:
    from harness.measure.run import Outcome

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


def is_steady(
    warm_ups: Sequence[Mapping[str, Any]], drifts: Sequence[DriftRecord]
) -> bool:
    """A warm-up that ended steady is needed, and not enough."""
    return all(one["steady"] for one in warm_ups) and not any(d.found for d in drifts)


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


def warm_up_warnings(outcomes: Sequence[Outcome]) -> list[str]:
    warm = [o.value["warm_up"] for o in outcomes if "warm_up" in o.value]
    unsteady = [w for w in warm if not w["steady"]]
    if not unsteady:
        return []
    longest_s = max(w["seconds"] for w in unsteady)
    changes = [w["mean_change_percent"] for w in unsteady]
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
