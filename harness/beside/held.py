"""A case held beside its runtime's own tool, in pairs of fresh processes.

Ours is timed by the worker of an A/B comparison, which builds the case and draws its
samples as that of a run does. The tool runs in a second worker, of the same code,
environment and CPUs. While one has its turn, the other waits; each turn of ours counts
against the tool's beside it. Each pair is started anew, for processes of one case lie
further apart than the turns of one, and the interval is to be of the next process, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from math import ceil
from statistics import mean, median
from time import monotonic, sleep
from typing import Literal, Protocol

from harness.ab.pair import SETTLE_S, R, SideEndedError
from harness.measure.results import ToolResult, TurnsResult
from harness.statistics import LOOKS, RatioEstimate, sequential_ratio

LIMIT_PERCENT = 3.0  # so much longer may a step of ours take
BLOCK_S = 0.125  # of a turn, unless the tool takes longer
PAIR_S = 5.0  # of a pair's turns, both workers' together
# They tell the median of each shape's times, and so of several shapes the mean over
# inputs of their medians; other tools tell the median over cycles of their means.
MEDIANS_OF_INPUTS = ("benchmark_app",)
Verdict = Literal["within", "slower", "cannot tell"]


class Turns(Protocol):
    """A worker that times when it is asked to: `harness.ab.pair.Side`."""

    def wait_for_turn(self) -> list[float]: ...
    def take(self, what: str) -> list[float]: ...
    def end(self, kind: type[R]) -> R: ...
    def close(self) -> None: ...


@dataclass(frozen=True)
class Held:
    """Seconds of a step by us and by the tool, pair by pair of processes, turn by turn:
    the k-th of both lie side by side. Or why there are none, or no more."""

    case_id: str
    tool: str = ""
    ours_s: tuple[tuple[float, ...], ...] = ()
    tool_s: tuple[tuple[float, ...], ...] = ()
    status: str = "ok"  # or "skipped", "failed"
    reason: str = ""

    @property
    def ratio(self) -> RatioEstimate:
        """Ours over the tool's, with a 95 % interval that may be looked at again and
        again; endless below 8 pairs. A pair counts as the median over its turns."""
        ratios = [
            median(a / b for a, b in zip(ours, tool, strict=True))
            for ours, tool in zip(self.ours_s, self.tool_s, strict=True)
        ]
        return sequential_ratio(ratios, [1.0] * len(ratios))

    @property
    def verdict(self) -> Verdict:
        """Whether ours takes at most LIMIT_PERCENT longer: where the interval lies
        on one side of that, it says so."""
        limit, ratio = 1 + LIMIT_PERCENT / 100, self.ratio
        if ratio.low > limit:
            return "slower"
        return "within" if ratio.high <= limit else "cannot tell"


def hold(
    case_id: str,
    open_ours: Callable[[int], Turns],
    open_tools: Callable[[int], Turns],
    most_pairs: int,
    pair_s: float = PAIR_S,
    clock: Callable[[], float] = monotonic,
) -> Held:
    """Start pairs of workers one after another, by their number, until a look at LOOKS
    tells on which side of the limit ours lies, or there are `most_pairs`; who is first
    alternates. What was measured before one ended early is kept."""
    held = Held(case_id)
    for number in range(most_pairs):
        openers = [partial(opens, number) for opens in (open_ours, open_tools)]
        try:
            tool, ours_s, tool_s = _pair(openers, number % 2 == 1, pair_s, clock)
        except SideEndedError as ended:
            return replace(held, status=ended.kind, reason=str(ended))
        held = replace(
            held,
            tool=tool,
            ours_s=(*held.ours_s, ours_s),
            tool_s=(*held.tool_s, tool_s),
        )
        if number + 1 in LOOKS and held.verdict != "cannot tell":
            break
    return held


def _pair(
    openers: Sequence[Callable[[], Turns]],
    is_tool_first: bool,
    pair_s: float,
    clock: Callable[[], float],
) -> tuple[str, tuple[float, ...], tuple[float, ...]]:
    """The tool's name, and seconds of a step by us and by it, turn by turn: A B B A
    until `pair_s` have passed. Both build at once: nothing is timed yet."""
    with ExitStack() as stack:
        sides = []
        for opens in openers:
            sides.append(opens())
            stack.callback(sides[-1].close)
        _, (shortest_s,) = (side.wait_for_turn() for side in sides)
        ours, tool = sides
        for side in sides:
            side.take("warm-up")
        blocks = max(1, ceil(shortest_s / BLOCK_S))  # of ours beside one of the tool's
        samples: list[list[float]] = []
        tool_s: list[float] = []
        began = clock()
        while not samples or clock() - began < pair_s:
            order = (1, 0) if is_tool_first else (0, 1)
            for index in (*order, *reversed(order)):
                sleep(SETTLE_S)
                if index == 0:
                    drawn = (ours.take("block") for _ in range(blocks))
                    samples.append([one for block in drawn for one in block])
                else:
                    tool_s.extend(tool.take("block"))
        cycle, name = ours.end(TurnsResult).cycle, tool.end(ToolResult).tool
    as_the_tool = inputs_s if name in MEDIANS_OF_INPUTS else cycles_s
    return name, tuple(as_the_tool(block, cycle) for block in samples), tuple(tool_s)


def cycles_s(samples: Sequence[float], cycle: int) -> float:
    """Of a step, as a cycle takes them in the mean, in the median over cycles.

    >>> cycles_s([1.0, 3.0, 1.0, 9.0, 2.0, 3.0], cycle=2)
    2.5
    """
    whole = range(0, len(samples) - cycle + 1, cycle)
    return median(sum(samples[i : i + cycle]) / cycle for i in whole)


def inputs_s(samples: Sequence[float], cycle: int) -> float:
    """Of a step, as an input takes in the median over cycles, in the mean over inputs:
    outliers among an input's times move it little, wherever they fall.

    >>> inputs_s([1.0, 9.0, 5.0, 3.0, 1.0, 3.0], cycle=2)
    2.0
    """
    return mean(median(samples[i::cycle]) for i in range(cycle))
