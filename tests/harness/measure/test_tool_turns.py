"""The worker that has both times taken, with a tool and steps that take told times."""

from dataclasses import replace

import pytest

from harness.measure import tool_turns
from harness.measure.results import ToolResult
from harness.measure.steady import Drawn, Segment
from harness.workload import Accuracy, Operation, Tool, UnsupportedError, Work


class Parent:
    """A channel whose parent answers so; `told` is what each message carried."""

    def __init__(self, *answers):
        self.answers, self.told = iter(answers), []

    def ask(self, message):
        self.told.append(list(message.samples_s))
        return next(self.answers)

    def enter(self, stage):
        assert stage == "build"


def served(monkeypatch, operation, *answers, samples_s=(0.5,), block_s=0.25):
    """What the worker tells; `drawn` is what was drawn, and warmed up."""
    drawn = []

    def draw(step, timer, profile, cycle):
        drawn.append(profile.timed_s)
        return Drawn([Segment(list(samples_s), False)], False, 0.0, 0)

    context = FakeContext()
    task = FakeTask(block_s)
    monkeypatch.setattr(tool_turns, "context_of", lambda task, channel: context)
    monkeypatch.setattr(tool_turns, "resolve", lambda name: lambda context: operation)
    monkeypatch.setattr(tool_turns, "draw_samples", draw)
    monkeypatch.setattr(tool_turns, "warm_up", lambda *_: drawn.append("warm-up"))
    parent = Parent(*answers)
    found = tool_turns.run_job(task, parent)
    return found, parent.told, drawn


class FakeContext:
    def __init__(self):
        from harness.hardware import Hardware
        from harness.profile import QUICK

        self.hardware, self.profile = Hardware.parse("cpu"), QUICK


class FakeTask:
    build = "toy"

    def __init__(self, block_s):
        self.block_s = block_s


def operation(tool, cycle=1, step=lambda: None):
    return Operation(
        step=step,
        cycle=cycle,
        work=Work(1.0, 1.0),
        accuracy=lambda: Accuracy({}, "none"),
        tool=None if tool is None else lambda: tool,
    )


def test_each_turn_tells_what_the_one_before_gave(monkeypatch):
    tool = Tool("loop", lambda seconds: 2 * seconds)
    turns = ("warm-up", "ours", "tool", "end")
    found, told, drawn = served(monkeypatch, operation(tool), *turns)
    assert told == [[], [], [0.5], [0.5]]
    assert found == ToolResult(tool="loop")
    assert drawn == ["warm-up", 0.25]


def test_a_tool_that_takes_whole_seconds_has_as_much_of_ours_beside_it(monkeypatch):
    tool = Tool("loop", lambda seconds: seconds, shortest_s=1.0)
    _, told, drawn = served(monkeypatch, operation(tool), "tool", "ours", "end")
    assert told[1] == [1.0]
    assert drawn == [1.0]


def test_an_untimed_cycle_goes_before_ours(monkeypatch):
    steps = []
    tool = Tool("loop", lambda seconds: 1.0)
    toy = operation(tool, cycle=3, step=lambda: steps.append(1))
    served(monkeypatch, toy, "ours", "end", samples_s=(1.0,) * 3)
    assert len(steps) == 3


@pytest.mark.parametrize(("name", "step_s"), [("benchmark_app", 2.0), ("loop", 6.0)])
def test_ours_is_of_the_statistic_that_the_tool_tells(monkeypatch, name, step_s):
    """An outlier in either of two cycles out of three moves every cycle's mean, and no
    input's median: benchmark_app, which tells those, would look faster than ours."""
    samples_s = (1.0, 3.0, 9.0, 3.0, 1.0, 11.0)
    toy = operation(Tool(name, lambda seconds: 1.0), cycle=2)
    _, told, _ = served(monkeypatch, toy, "ours", "end", samples_s=samples_s)
    assert told[1] == [step_s]


def test_a_case_without_a_tool_says_so(monkeypatch):
    closed = []
    toy = replace(operation(None), close=lambda: closed.append(True))
    with pytest.raises(UnsupportedError, match="no tool of its runtime"):
        served(monkeypatch, toy)
    assert closed
