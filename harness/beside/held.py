"""A case held beside its runtime's own tool, in turns within fresh processes.

One worker builds the case, and has both times taken of the same model in the same
memory: its samples as a run draws them, and the tool's. Where a process happens to lie
in memory moves its times by several percent, which two workers would have apart. Each
turn of ours counts against the tool's beside it. Each worker is started anew, for the
interval is to be of the next process, too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import median
from time import monotonic, sleep
from typing import Literal, Protocol

from harness.ab.pair import SETTLE_S, R, SideEndedError
from harness.measure.results import ToolResult
from harness.statistics import LOOKS, RatioEstimate, sequential_ratio

LIMIT_PERCENT = 3.0  # so much longer may a step of ours take
BLOCK_S = 0.125  # of a turn, unless the tool takes longer
PROCESS_S = 5.0  # of the turns of a process, ours and the tool's together
OURS, TOOL = "ours", "tool"  # whose turn it is
Verdict = Literal["within", "slower", "cannot tell"]


class Turns(Protocol):
    """A worker that times when it is asked to: `harness.ab.pair.Side`."""

    def wait_for_turn(self) -> list[float]: ...
    def take(self, what: str) -> list[float]: ...
    def end(self, kind: type[R]) -> R: ...
    def close(self) -> None: ...


@dataclass(frozen=True)
class Held:
    """Seconds of a step by us and by the tool, process by process, turn by turn: the
    k-th of both lie side by side. Or why there are none, or no more."""

    case_id: str
    tool: str = ""
    ours_s: tuple[tuple[float, ...], ...] = ()
    tool_s: tuple[tuple[float, ...], ...] = ()
    status: str = "ok"  # or "skipped", "failed"
    reason: str = ""

    @property
    def ratio(self) -> RatioEstimate:
        """Ours over the tool's, with a 95 % interval that may be looked at again and
        again; endless below 8 processes. One counts as the median over its turns."""
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
    opens: Callable[[int], Turns],
    most: int,
    process_s: float = PROCESS_S,
    clock: Callable[[], float] = monotonic,
) -> Held:
    """Start workers one after another, by their number, until a look at LOOKS tells on
    which side of the limit ours lies, or there were so many; whose turn is first
    alternates. What was measured before one ended early is kept."""
    held = Held(case_id)
    for number in range(most):
        try:
            held = _more(held, opens(number), process_s, clock)
        except SideEndedError as ended:
            return replace(held, status=ended.kind, reason=str(ended))
        if number + 1 in LOOKS and held.verdict != "cannot tell":
            break
    return held


def _more(
    held: Held, worker: Turns, process_s: float, clock: Callable[[], float]
) -> Held:
    """With what one worker gave, turn by turn: A B B A until so much time has
    passed."""
    order = (OURS, TOOL) if len(held.ours_s) % 2 == 0 else (TOOL, OURS)
    steps_s: dict[str, list[float]] = {OURS: [], TOOL: []}
    try:
        worker.wait_for_turn()
        worker.take("warm-up")
        began = clock()
        while not steps_s[OURS] or clock() - began < process_s:
            for what in (*order, *reversed(order)):
                sleep(SETTLE_S)
                steps_s[what] += worker.take(what)
        tool = worker.end(ToolResult).tool
    finally:
        worker.close()
    return replace(
        held,
        tool=tool,
        ours_s=(*held.ours_s, tuple(steps_s[OURS])),
        tool_s=(*held.tool_s, tuple(steps_s[TOOL])),
    )
