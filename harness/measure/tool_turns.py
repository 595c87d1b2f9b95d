"""A worker that times a case by its runtime's own tool when asked to, and waits."""

from __future__ import annotations

from harness.measure.channel import Channel
from harness.measure.jobs import TurnsTask
from harness.measure.messages import TurnMessage
from harness.measure.results import ToolResult
from harness.measure.worker import context_of, resolve
from harness.workload import Operation, UnsupportedError


def run_job(task: TurnsTask, channel: Channel) -> ToolResult:
    """Build, then serve turns until asked to end.

    As the worker of an A/B comparison does: each message "turn" carries what the turn
    before gave, here one time of a step (seconds), after a "block" alone. The first
    carries the shortest time that the tool can be run for.
    """
    context = context_of(task, channel)
    channel.enter("build")
    built = resolve(task.build)(context)
    try:
        if not isinstance(built, Operation) or built.tool is None:
            raise UnsupportedError(
                "no tool of its runtime times this case: give Operation(tool=...)"
            )
        tool = built.tool()
        samples = [tool.shortest_s]
        while (answer := channel.ask(TurnMessage(samples))) != "end":
            step_s = tool.time_s(task.block_s)
            samples = [step_s] if answer == "block" else []
        return ToolResult(tool=tool.name)
    finally:
        built.close()
