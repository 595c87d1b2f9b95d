"""The worker's side of a case of several instances.

It builds, warms up while the others do, and then runs from one moment to another, as
its parent says, again and again.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from harness.measure.channel import Channel
from harness.measure.clock import HostTimer
from harness.measure.jobs import InstanceTask
from harness.measure.messages import WindowMessage
from harness.measure.results import OperationResult, TrainingResult
from harness.measure.steady import rewarm, warm_up
from harness.measure.worker import (
    context_of,
    judged,
    peak_memory,
    resolve,
    with_facts,
)
from harness.workload import Context, Operation, Training, UnsupportedError


def run_instance(
    task: InstanceTask, channel: Channel
) -> OperationResult | TrainingResult:
    """What this worker measured; of its samples, the last window's alone: the parent
    has had them all."""
    context = context_of(task, channel)
    channel.enter("build")
    built = resolve(task.build)(context)
    try:
        if isinstance(built, Training):
            raise UnsupportedError(
                "instances are of steps that repeat, and this case is a training to "
                "be clocked: leave the option instances out"
            )
        found = _operate(built, context, channel, task)
    finally:
        built.close()
    return with_facts(found, built, task)


def _operate(
    operation: Operation, context: Context, channel: Channel, task: InstanceTask
) -> OperationResult:
    """All inputs are gone through before the parent is told that this worker is built:
    it reads what memory that took, to know whether others fit beside it."""
    timer, step, cycle = HostTimer(), operation.step, operation.cycle
    for _ in range(cycle):
        step()
    channel.enter("warmup")
    warm = warm_up(step, timer, context.profile.warmup_s, cycle)
    ran = WindowMessage([], [], cycle, cycle * warm.seconds / warm.steps)
    ran = _run_as_told(step, ran, channel.ask(ran))  # to settle beside all others
    channel.enter("timed")
    last = _windows(step, ran, channel)
    found = OperationResult(
        work=operation.work,
        samples_s=last.samples_s,
        cycle=cycle,
        memory=peak_memory(context.hardware),  # before evaluation adds its own
        warm_up=warm,
        spoiled_samples_s=[],
        spoiled=False,
        extra_s=0.0,
        untimed_steps=0,
    )
    if task.number > 1:
        return found
    if task.process == 0:
        found = judged(found, operation, channel, task)
    channel.enter("done")
    return found


def _windows(
    step: Callable[[], object], ran: WindowMessage, channel: Channel
) -> WindowMessage:
    """Runs until the parent asks for no more; the last window."""
    while asked := channel.ask(ran):
        ran = _run_as_told(step, ran, asked)
    return ran


def _run_as_told(
    step: Callable[[], object], before: WindowMessage, asked: str
) -> WindowMessage:
    """`asked` has the moments of begin and end."""
    begin_s, end_s = map(float, asked.split())
    return run_window(step, before.cycle, before.cycle_s, begin_s, end_s)


def run_window(
    step: Callable[[], object],
    cycle: int,
    cycle_s: float,
    begin_s: float,
    end_s: float,
) -> WindowMessage:
    """Whole cycles from one moment to another, and beyond it to the end of the last;
    one at least. Before them, a short cycle warms the caches again."""
    timer = HostTimer()
    now_s, time_s = timer.now_s, timer.time_s  # between samples as little as can be
    time.sleep(max(0.0, begin_s - now_s()))
    untimed = rewarm(step, cycle_s / cycle, cycle)
    begins_s: list[float] = []
    samples_s: list[float] = []
    while True:
        for _ in range(cycle):
            begins_s.append(now_s())
            samples_s.append(time_s(step))
        if now_s() >= end_s:
            break
    took_s = begins_s[-1] + samples_s[-1] - begins_s[0]
    cycles = len(samples_s) // cycle
    return WindowMessage(begins_s, samples_s, cycle, took_s / cycles, untimed)
