"""A case held beside its runtime's own tool, by turns: ours, the tool's, the tool's,
ours.

Ours is timed by the worker of an A/B comparison, which builds the case and draws its
samples as that of a run does. The tool runs in a second worker, of the same code,
environment and CPUs, while the first one waits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median
from time import sleep
from typing import Any, Literal, Protocol

from harness.ab.pair import SETTLE_S, SideEndedError
from harness.statistics import RatioEstimate, paired_ratio

LIMIT_PERCENT = 3.0  # so much longer may a step of ours take
Verdict = Literal["within", "slower", "cannot tell"]


class Turns(Protocol):
    """A worker that times when it is told to: `harness.ab.pair.Side`."""

    def wait_for_turn(self) -> list[float]: ...
    def take(self, what: str) -> list[float]: ...
    def end(self) -> dict[str, Any]: ...
    def close(self) -> None: ...


@dataclass(frozen=True)
class Held:
    """Seconds of a step by us and by the tool, pair by pair, or why there are none."""

    case_id: str
    tool: str = ""
    ours_s: tuple[float, ...] = ()
    tool_s: tuple[float, ...] = ()
    status: str = "ok"  # or "skipped", "failed"
    reason: str = ""

    @property
    def ratio(self) -> RatioEstimate:
        """Ours over the tool's, with the 95 % interval; endless below 6 pairs."""
        return paired_ratio(self.ours_s, self.tool_s)

    @property
    def verdict(self) -> Verdict:
        """Whether ours takes at most LIMIT_PERCENT longer: told where the interval lies
        on one side of that."""
        limit, ratio = 1 + LIMIT_PERCENT / 100, self.ratio
        if ratio.low > limit:
            return "slower"
        return "within" if ratio.high <= limit else "cannot tell"


def hold(
    case_id: str,
    open_ours: Callable[[], Turns],
    open_tools: Callable[[], Turns],
    pairs: int,
) -> Held:
    """Start both workers, let them take turns, and end them."""
    ours: list[list[float]] = []
    tools: list[list[float]] = []
    try:
        with ExitStack() as stack:
            sides = []
            for open_side in (open_ours, open_tools):
                sides.append(open_side())
                stack.callback(sides[-1].close)
                sides[-1].wait_for_turn()
            for side in sides:
                side.take("warm-up")
            turns = list(zip(sides, (ours, tools), strict=True))
            for number in range(pairs):
                for side, found in turns if number % 2 == 0 else turns[::-1]:
                    sleep(SETTLE_S)
                    found.append(side.take("block"))
            told = [side.end() for side in sides]
    except SideEndedError as ended:
        return Held(case_id, status=ended.kind, reason=str(ended))
    cycle = int(told[0]["cycle"])
    return Held(
        case_id,
        str(told[1]["tool"]),
        tuple(step_s(block, cycle) for block in ours),
        tuple(block[0] for block in tools),
    )


def step_s(samples: Sequence[float], cycle: int) -> float:
    """Of a step, as a cycle takes them in the mean, in the median over cycles.

    >>> step_s([1.0, 3.0, 1.0, 9.0, 2.0, 3.0], cycle=2)
    2.5
    """
    whole = range(0, len(samples) - cycle + 1, cycle)
    return median(sum(samples[i : i + cycle]) / cycle for i in whole)
