"""The worker's side of an A/B comparison: it times a block when asked to, and waits.

Two such workers stand ready at once, so that blocks of both states lie a fraction of a
second apart and a machine that drifts slows both alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from time import perf_counter_ns

from harness.measure.channel import Channel
from harness.measure.clock import timer_for
from harness.measure.jobs import TurnsTask
from harness.measure.messages import TurnMessage
from harness.measure.results import StateAccuracy, TurnsResult
from harness.measure.steady import draw_samples, warm_up
from harness.measure.worker import context_of, peak_memory, resolve
from harness.workload import Context, Operation, Training, UnsupportedError

STALL_EVERY = 7  # steps


def run_job(task: TurnsTask, channel: Channel) -> TurnsResult:
    """Build, then serve turns until asked to end.

    Each message "turn" carries the samples (seconds) of the block before; the answer
    is "warm-up", "block", "accuracy" or "end". Peak memory is read before accuracy is
    asked for, so that evaluation has no part in it.
    """
    context = context_of(task, channel)
    channel.enter("build")
    built = resolve(task.build)(context)
    if isinstance(built, Training):
        built.close()
        raise UnsupportedError(
            "a training is one long sample, its time to accuracy: compare asr-step, or "
            "two results of whole runs"
        )
    try:
        served = _serve(built, context, task, channel)
        return replace(served, details=dict(built.details or {}))
    finally:
        built.close()


def _serve(
    operation: Operation, context: Context, task: TurnsTask, channel: Channel
) -> TurnsResult:
    timer = timer_for(context.hardware.devices[0])
    step = slowed(operation.step, task.slow_down_percent)
    step = stalling(step, task.stall_percent)
    block = replace(context.profile, timed_s=task.block_s, min_samples=1)
    found = TurnsResult(
        work=operation.work,
        cycle=operation.cycle,
        suite=str(Path(__file__).resolve().parents[2]),
    )
    samples: list[float] = []
    while True:
        answer = channel.ask(TurnMessage(samples))
        samples = []
        if answer == "warm-up":
            warm_up(step, timer, context.profile.warmup_s, operation.cycle)
        elif answer == "block":
            samples = draw_samples(step, timer, block, operation.cycle).samples_s
            memory = peak_memory(context.hardware)
            found = replace(
                found,
                peak_rss_bytes=memory.peak_rss_bytes,
                peak_device_bytes=memory.peak_device_bytes,
            )
        elif answer == "accuracy":
            found = replace(found, accuracy=StateAccuracy.of(operation.accuracy()))
        else:
            return found


def slowed(step: Callable[[], object], percent: float) -> Callable[[], object]:
    """The step made slower by a known share of its own time, by spinning: for trials
    of what a comparison can find."""
    if not percent:
        return step

    def slower() -> None:
        began = perf_counter_ns()
        step()
        _spin(began, percent)

    return slower


def stalling(step: Callable[[], object], percent: float) -> Callable[[], object]:
    """The step with every seventh made slower so; a usual step shows none of it."""
    if not percent:
        return step
    turns = count(1)

    def stalls() -> None:
        began = perf_counter_ns()
        step()
        if next(turns) % STALL_EVERY == 0:
            _spin(began, percent)

    return stalls


def _spin(began_ns: int, percent: float) -> None:
    """Until so much more of the time since then has passed."""
    now_ns = perf_counter_ns()
    until_ns = now_ns + int((now_ns - began_ns) * percent / 100)
    while perf_counter_ns() < until_ns:
        pass
