"""What a sweep found, as lines to read and as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from harness.observe.kernel_sweep.limits import limit_of
from harness.observe.kernel_sweep.sweep import Crash, Sweep, Tried

MOST_SHAPES = 4  # of one kernel, in lines to read; JSON has them all
FORMAT_VERSION = 1


@dataclass(frozen=True)
class WrongKernel:
    """Wrong trials of one runtime, operation, precision, direction and kernel, of
    `total` that were checked there; errors None are no numbers."""

    runtime: str
    operation: str
    precision: str
    direction: str
    kernel: str | None
    trials: tuple[Tried, ...]
    total: int

    @property
    def worst(self) -> float | None:
        errors = [one.errors[self.direction] for one in self.trials]
        known = [error for error in errors if error is not None]
        return max(known) if len(known) == len(errors) else None

    @property
    def ways(self) -> dict[str, int]:
        """Of how many trials each way round that was tried gives right values."""
        right: Counter[str] = Counter()
        for one in self.trials:
            for way, directions in one.ways.items():
                right[way] += self.direction in directions
        return dict(right)


def wrong_kernels(found: Sweep) -> list[WrongKernel]:
    totals = Counter(
        (one.trial.runtime, *one.trial.family, direction)
        for one in found.tried
        for direction in one.errors
    )
    groups: dict[tuple[str, str, str, str, str | None], list[Tried]] = {}
    for one in found.wrong:
        for direction in one.wrong:
            place = (one.trial.runtime, *one.trial.family, direction)
            groups.setdefault((*place, one.kernels.get(direction)), []).append(one)
    return [
        WrongKernel(*key, trials=tuple(some), total=totals[key[:4]])
        for key, some in groups.items()
    ]


def lines(found: Sweep) -> Iterator[str]:
    for kernel in wrong_kernels(found):
        yield from _wrong_lines(kernel)
    for crash in found.crashes:
        yield _crash_line(crash)
    yield from _missing_lines(found)
    yield _verdict(found)


def _wrong_lines(one: WrongKernel) -> Iterator[str]:
    far = "no finite numbers" if one.worst is None else f"up to {one.worst:.3g}"
    limit = limit_of(one.operation, one.precision)
    count = f"{len(one.trials)} of {one.total} shapes"
    place = f"{one.runtime} {one.operation} {one.precision} {one.direction}"
    yield f"WRONG: {place}, {count}: relative error: {far} (limit {limit:g})"
    yield f"  kernel: {one.kernel or 'not told by the runtime'}"
    shapes = [str(tried.trial.shape) for tried in one.trials[:MOST_SHAPES]]
    more = len(one.trials) - len(shapes)
    yield f"  shapes: {'; '.join(shapes)}" + (f"; and {more} more" if more else "")
    yield from _ways_lines(one)


def _ways_lines(one: WrongKernel) -> Iterator[str]:
    """Ways that helped some trials, and how many; those that helped none together."""
    total = len(one.trials)
    helpful = [(way, right) for way, right in one.ways.items() if right]
    for way, right in sorted(helpful, key=lambda pair: -pair[1]):
        share = "" if right == total else f" ({right} of {total} shapes)"
        yield f"  right by: {way}{share}"
    useless = [way for way, right in one.ways.items() if not right]
    if not helpful:
        yield "  right by: none of the ways round that were tried"
    if useless:
        yield f"  no help: {'; '.join(useless)}"


def _crash_line(one: Crash) -> str:
    if one.trial is None:
        return f"CRASHED: {one.runtime}, before any check: {one.reason}"
    return (
        f"CRASHED: {one.trial}: {one.reason}; {one.lost} shapes of "
        f"{' '.join(one.trial.family)} were not tried"
    )


def _missing_lines(found: Sweep) -> Iterator[str]:
    for runtime, reason in found.absent.items():
        yield f"left out: {runtime}: {reason}"
    refused = Counter(
        (one.trial.runtime, *one.trial.family) for one in found.tried if one.reason
    )
    for (runtime, operation, precision), count in refused.items():
        yield f"not offered here: {runtime} {operation} {precision}, {count} shapes"
    for runtime, count in found.left_out.items():
        if count:
            yield f"left out for time: {runtime}, {count} shapes: raise --budget-s"


def _verdict(found: Sweep) -> str:
    spent = f"{found.checks} checks in {found.seconds:.0f} s"
    if not found.is_bad:
        return f"nothing wrong found in {spent}"
    wrong = sum(len(one.wrong) for one in found.wrong)
    crashed = f", {len(found.crashes)} crashes" if found.crashes else ""
    plural = "" if wrong == 1 else "s"
    return f"{wrong} wrong value{plural}{crashed} found in {spent}"


def as_json(found: Sweep, libraries: dict[str, str]) -> str:
    """Every trial, and what was not tried."""
    document = {
        "format_version": FORMAT_VERSION,
        "libraries": libraries,
        "checks": found.checks,
        "seconds": round(found.seconds, 1),
        "wrong": [
            {
                "runtime": one.runtime,
                "operation": one.operation,
                "precision": one.precision,
                "direction": one.direction,
                "kernel": one.kernel,
                "limit": limit_of(one.operation, one.precision),
                "relative_error": one.worst,
                "shapes": _shapes(one.trials, one.direction),
                "checked_shapes": one.total,
                "right_by": one.ways,
            }
            for one in wrong_kernels(found)
        ],
        "crashes": [asdict(one) for one in found.crashes],
        "absent": found.absent,
        "left_out_for_time": dict(found.left_out),
        "trials": [
            {**asdict(one.trial), "errors": one.errors, "not_offered": one.reason}
            for one in found.tried
        ],
    }
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def _shapes(trials: Sequence[Tried], direction: str) -> list[dict[str, object]]:
    return [
        {**asdict(one.trial.shape), "relative_error": one.errors[direction]}
        for one in trials
    ]
