"""A worker that times a case and its runtime's own tool in turns, and waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import mean, median

from harness.measure.channel import Channel
from harness.measure.clock import timer_for
from harness.measure.jobs import TurnsTask
from harness.measure.messages import TurnMessage
from harness.measure.results import ToolResult
from harness.measure.steady import draw_samples, warm_up
from harness.measure.worker import context_of, resolve
from harness.workload import Operation, UnsupportedError

# They tell the median of each shape's times, and so of several shapes the mean over
# inputs of their medians; other tools tell the median over cycles of their means.
MEDIANS_OF_INPUTS = ("benchmark_app",)


def run_job(task: TurnsTask, channel: Channel) -> ToolResult:
    """Build, then serve turns until asked to end.

    Each message "turn" carries what the turn before gave: after "ours" or "tool" the
    seconds of a step, by samples as a run draws them or by the tool, of `block_s` each,
    or of what the tool takes at least. An untimed cycle goes before ours, as tools have
    one: the first after the other's turn is slower.
    """
    context = context_of(task, channel)
    channel.enter("build")
    built = resolve(task.build)(context)
    try:
        if not isinstance(built, Operation) or built.tool is None:
            raise UnsupportedError(
                "no tool of its runtime times this case: give Operation(tool=...)"
            )
        tool, step, cycle = built.tool(), built.step, built.cycle
        timer = timer_for(context.hardware.devices[0])
        turn_s = max(task.block_s, tool.shortest_s)
        block = replace(context.profile, timed_s=turn_s, min_samples=1)
        as_the_tool = inputs_s if tool.name in MEDIANS_OF_INPUTS else cycles_s
        told: list[float] = []
        while (answer := channel.ask(TurnMessage(told))) != "end":
            told = []
            if answer == "warm-up":
                warm_up(step, timer, context.profile.warmup_s, cycle)
            elif answer == "ours":
                for _ in range(cycle):
                    step()
                samples_s = draw_samples(step, timer, block, cycle).samples_s
                told = [as_the_tool(samples_s, cycle)]
            elif answer == "tool":
                told = [tool.time_s(turn_s)]
            else:
                raise ValueError(f"no turn is called {answer!r}")
        return ToolResult(tool=tool.name)
    finally:
        built.close()


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
