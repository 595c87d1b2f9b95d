"""Where the time of a step went, by primitive and direction."""

from __future__ import annotations

from collections.abc import Sequence

from harness.record.kernels import ReplayedPrimitive, Replays
from harness.report.compare.model import KernelShare
from harness.report.compare.reading.extract import SHORTEST_S, Logged
from harness.report.compare.replayed import ReplayedKernel, ReplayedKernels
from harness.text import plain

LARGEST = 12  # are listed one by one
OTHER, ANY = "other", "any"


def kernel_shares(found: Sequence[Logged]) -> tuple[KernelShare, ...]:
    """The largest first, and the rest together as OTHER. Times are of a step; shares
    are of all that was logged in all runs, so that they add up to 100 where all of it
    stands in the records."""
    total_s: dict[tuple[str, str], float] = {}
    for one in found:
        for key, seconds in one.time_s.items():
            total_s[key] = total_s.get(key, 0.0) + seconds
    order = sorted(total_s, key=lambda key: total_s[key], reverse=True)
    steps = sum(one.steps for one in found)
    logged_s = sum(one.logged_s for one in found)

    def share(primitive: str, direction: str, name: str, seconds: float) -> KernelShare:
        percent = 100 * seconds / logged_s if logged_s else 0.0
        return KernelShare(primitive, direction, name, seconds / steps, percent)

    shares = [share(*k, _implementation(k, found), total_s[k]) for k in order[:LARGEST]]
    if rest := order[LARGEST:]:
        seconds = sum(total_s[key] for key in rest)
        shares.append(share(OTHER, ANY, f"{len(rest)} kinds", seconds))
    return tuple(shares)


def _implementation(key: tuple[str, str], found: Sequence[Logged]) -> str:
    """That of the run in which it took longest."""
    having = [one for one in found if key in one.time_s]
    return max(having, key=lambda one: one.time_s[key]).implementation[key]


def coverage_percent(found: Sequence[Logged]) -> float | None:
    """How much of the steps' wall time was logged; None where that is not known."""
    wall_s = sum(one.wall_s for one in found)
    logged_s = sum(one.logged_s for one in found)
    return 100 * logged_s / wall_s if wall_s >= SHORTEST_S else None


def replayed_kernels(found: Sequence[Replays]) -> ReplayedKernels | None:
    """Of the first run that took them: primitives of several would not be told apart.
    Times are of a step."""
    first = next((one for one in found if one.steps), None)
    if first is None:
        return None
    return ReplayedKernels(
        reproduced_percent=first.reproduced_percent,
        observed_s=first.observed_s / first.steps,
        projected_s=first.projected_s / first.steps,
        most_to_gain=tuple(
            _replayed(one, first.steps) for one in first.most_to_gain[:LARGEST]
        ),
    )


def _replayed(one: ReplayedPrimitive, steps: int) -> ReplayedKernel:
    a_step = one.calls / steps
    return ReplayedKernel(
        primitive=plain(one.primitive),
        direction=plain(one.direction),
        implementation=plain(one.implementation),
        dtypes=plain(one.dtypes),
        problem=plain(one.problem),
        observed_s=a_step * one.observed_s,
        hot_s=a_step * one.hot_s,
        cold_s=None if one.cold_s is None else a_step * one.cold_s,
    )
