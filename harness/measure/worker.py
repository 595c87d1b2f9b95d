"""The worker process: one case through its stages.

Started as `python -m harness.measure.worker WRITE_FD READ_FD`, with the environment of
its hardware already set, so that caps hold before any library loads.
"""

from __future__ import annotations

import atexit
import json
import logging
import math
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from basics.processes import end_with_parent
from basics.user_files import file_of
from harness.case import Case
from harness.hardware import Hardware
from harness.measure.accuracy import accuracy_record
from harness.measure.channel import Channel
from harness.measure.clock import HostTimer, Timer, timer_for
from harness.measure.jobs import BuildTask, CaseTask, Start, parsed, task_of
from harness.measure.kept_accuracy import accuracy_of
from harness.measure.messages import (
    FailureMessage,
    ResultMessage,
    SkipMessage,
    WarningMessage,
)
from harness.measure.results import OperationResult, ThreadCounts, TrainingResult
from harness.measure.steady import draw_samples, warm_up
from harness.measure.time_to_accuracy import clock_training
from harness.measure.values import values_record
from harness.observe import cpu
from harness.observe.cgroups import cpu_quota_cores
from harness.observe.claims import Judged, judge
from harness.observe.kernels import ONEDNN_LOG
from harness.observe.onednn.capture import ProfileCutShortError, capture
from harness.observe.threads import loaded_pools
from harness.record.kernels import Replays
from harness.record.schema import Memory
from harness.suite import code_digest, loaded
from harness.workload import Context, Operation, Training, UnsupportedError
from harness.workload_files import code_facts, module_of

T = TypeVar("T")

PROFILE_S = 0.5  # steps enough for a kernel profile
PROFILE_STEPS = 50  # at most: short kernels fill a log quickly


def main() -> None:
    """Run the job that the parent sends, and tell the parent how it ended."""
    channel = Channel(int(sys.argv[1]), int(sys.argv[2]))
    end_with_parent()  # a run that is killed leaves no worker measuring
    job = channel.job()
    code_digest()  # of the files as they are now, while they are loaded
    logging.getLogger("speechmark").addHandler(_Forward(channel))
    try:
        result = _run(job, channel)
    except UnsupportedError as unsupported:
        channel.send(SkipMessage(str(unsupported)))
    except Exception as error:  # noqa: BLE001 - the worker's outermost boundary
        reason = f"{type(error).__name__}: {error}"
        channel.send(FailureMessage(reason, traceback.format_exc()))
    else:
        channel.send(ResultMessage(result, loaded()))


def _run(job: Mapping[str, Any], channel: Channel) -> object:
    """What the job's entry returns, on the job's CPUs."""
    start: Start = parsed(Start, job, "job")
    os.sched_setaffinity(0, start.affinity)
    entry = resolve(start.entry)
    return entry(task_of(entry, job), channel)


class _Forward(logging.Handler):
    """Warnings of the work itself (a damaged cache, say) belong into its record."""

    def __init__(self, channel: Channel) -> None:
        super().__init__(logging.WARNING)
        self._channel = channel

    def emit(self, record: logging.LogRecord) -> None:
        self._channel.send(WarningMessage(record.getMessage()))


def name_of(function: Callable[..., Any]) -> str:
    """The name of a module-level function for the other process: its module's, or the
    path of the user's file that it stands in, and its own.

    >>> name_of(name_of)
    'harness.measure.worker:name_of'
    """
    if "." in function.__qualname__:
        raise ValueError(
            f"{function.__qualname__} is not at its module's top level, so a worker "
            "process cannot import it: move it there"
        )
    module = file_of(function.__module__) or function.__module__
    return f"{module}:{function.__qualname__}"


def resolve(name: str) -> Callable[..., Any]:
    """The function of a name that `name_of` gave."""
    module, _, function = name.rpartition(":")
    return getattr(module_of(module), function)


def run_case(task: CaseTask, channel: Channel) -> OperationResult | TrainingResult:
    """The worker's side of one case: what it measured."""
    context = context_of(task, channel)
    channel.enter("build")
    built = resolve(task.build)(context)
    found: OperationResult | TrainingResult
    try:
        if isinstance(built, Training):
            found = _train(built, context, channel, task)
        else:
            timer = timer_for(context.hardware.devices[0])
            found = _operate(built, context, timer, channel, task)
    finally:
        built.close()
    return with_facts(found, built, task)


def with_facts(
    found: OperationResult | TrainingResult,
    built: Operation | Training,
    task: CaseTask,
) -> OperationResult | TrainingResult:
    """With what the workload tells of itself, and the threads that there were."""
    threads = ThreadCounts(
        asked=task.threads,
        allowed=len(os.sched_getaffinity(0)),
        quota_cores=cpu_quota_cores(),
    )
    module, _, _ = task.build.rpartition(":")
    details: dict[str, float | str] = {**(built.details or {}), **code_facts(module)}
    return replace(found, details=details, threads=threads)


def context_of(task: BuildTask, channel: Channel) -> Context:
    """What a build function may know, out of the parent's job."""
    return Context(
        case=Case.parse(task.case_id),
        profile=task.profile,
        hardware=Hardware.parse(task.hardware),
        seed=task.seed,
        scratch_dir=Path(task.scratch_dir),
        data_root=Path(task.data_root) if task.data_root else None,
        progress=channel.progress,
    )


def _operate(
    operation: Operation,
    context: Context,
    timer: Timer,
    channel: Channel,
    task: CaseTask,
) -> OperationResult:
    """Accuracy and the kernel profile belong to the first process alone: further
    processes exist to time the same weights again."""
    channel.enter("warmup")
    warm = warm_up(operation.step, timer, context.profile.warmup_s, operation.cycle)
    channel.enter("timed")
    drawn = draw_samples(
        operation.step, timer, context.profile, operation.cycle, channel.segment
    )
    found = OperationResult(
        work=operation.work,
        samples_s=drawn.samples_s,
        cycle=operation.cycle,
        memory=peak_memory(context.hardware),  # before evaluation adds its own
        warm_up=warm,
        spoiled_samples_s=drawn.spoiled_samples_s,
        spoiled=drawn.spoiled,
        extra_s=drawn.extra_s,
        untimed_steps=drawn.untimed_steps,
    )
    if task.process == 0:
        found = judged(found, operation, channel, task)
    channel.enter("done")
    return found


def judged(
    timed: OperationResult, operation: Operation, channel: Channel, task: CaseTask
) -> OperationResult:
    """With what is asked for when all is timed, in this order: pools before evaluation
    loads libraries of its own."""
    pools = tuple(loaded_pools())
    channel.enter("values")
    values = values_record(operation.values())
    channel.enter("accuracy")
    takes_kept = task.profile.takes_kept_accuracy
    accuracy = accuracy_of(operation, task.case_id, task.threads, takes_kept)
    channel.enter("profile")
    kernels = _unless_cut_short(_profile, operation, timed.samples_s, task)
    return replace(
        timed,
        pools=pools,
        values=values,
        accuracy=accuracy,
        kernels=kernels,
        replays=_replays(kernels, operation.step, task),
    )


def _train(
    training: Training,
    context: Context,
    channel: Channel,
    task: CaseTask,
) -> TrainingResult:
    most_epochs = training.most_epochs
    budget_s = context.profile.training_budget_s if most_epochs is None else math.inf

    def show(event: Any, seconds: float) -> None:
        if event.kind == "epoch":
            values = ", ".join(
                f"{name} {value:.3g}" for name, value in (event.values or {}).items()
            )
            what = f"epoch {event.epoch}: {values}"
            if most_epochs is None:
                channel.progress(what, round(seconds), round(budget_s))
            else:
                channel.progress(what, event.epoch, most_epochs)

    channel.enter("timed")
    # The host's clock: the training itself waits for its device where a state begins,
    # and to wait at each step would keep copies and launches from overlapping.
    now_s = HostTimer().now_s
    run = clock_training(
        training.events, training.targets, budget_s, now_s, show, most_epochs
    )
    memory, pools = peak_memory(context.hardware), tuple(loaded_pools())
    channel.enter("values")
    values = values_record(training.values())
    channel.enter("accuracy")
    accuracy = accuracy_record(training.accuracy())
    channel.enter("profile")
    kernels = None
    if not context.hardware.is_cuda:
        steps = _enough_steps([HostTimer().time_s(training.step) for _ in range(2)])
        kernels = _unless_cut_short(_profile_training, training, steps, task)
    replays = _replays(kernels, training.step, task)
    channel.enter("done")
    return TrainingResult(
        work=training.work_per_epoch,
        samples_s=[point.train_s for point in run.curve],
        cycle=1,
        memory=memory,
        accuracy=accuracy,
        kernels=kernels,
        replays=replays,
        values=values,
        pools=pools,
        run=run,
        metrics=training.metrics,
        prepare_s=training.prepare_s,
        seed=context.seed,
    )


def _unless_cut_short(profile: Callable[..., T | None], *arguments: Any) -> T | None:
    """A disk too full for a profile costs the profile, not the case."""
    try:
        return profile(*arguments)
    except (ProfileCutShortError, OSError, json.JSONDecodeError) as error:
        logging.getLogger("speechmark").warning("no kernel profile: %s", error)
        return None


def _replays(
    kernels: Judged | None, step: Callable[[], object], task: CaseTask
) -> Replays | None:
    """Of what torch's oneDNN logged, where the profile takes the time for it."""
    budget_s = task.profile.replays_s
    if kernels is None or kernels.source != ONEDNN_LOG or not budget_s:
        return None
    from harness.observe.onednn.replay.record import replays_of  # loads torch

    return _unless_cut_short(replays_of, step, budget_s)


def _profile_training(training: Training, steps: int, task: CaseTask) -> Judged:
    return judge(capture(training.step, steps), steps, task.claimed)


def _profile(
    operation: Operation, samples: list[float], task: CaseTask
) -> Judged | None:
    """The kernels of enough steps; oneDNN's log knows nothing of a GPU's.

    Where the runtime profiles itself, torch is never loaded: it is large, and it would
    bring an OpenMP of its own beside the runtime's threads.
    """
    steps = _enough_steps(samples, operation.cycle)
    if operation.profile is not None:
        found = operation.profile(steps)
    elif Hardware.parse(task.hardware).is_cuda:
        return None
    else:
        found = capture(operation.step, steps)
    return judge(found, steps, task.claimed, operation.float_layers)


def _enough_steps(samples: list[float], cycle: int = 1) -> int:
    typical_s = sorted(samples)[len(samples) // 2]
    steps = max(1, min(PROFILE_STEPS, int(PROFILE_S / max(typical_s, 1e-9))))
    return -(-steps // cycle) * cycle if cycle <= PROFILE_STEPS else steps


def peak_memory(hardware: Hardware) -> Memory:
    """High-water marks of this process so far. Over several devices its ranks do the
    work: what the sensors saw of them stands under utilization."""
    if len(hardware.devices) > 1:
        return Memory(peak_rss_bytes=None, peak_device_bytes=None)
    device_bytes = None
    if hardware.is_cuda:
        import torch

        device_bytes = torch.cuda.max_memory_allocated(hardware.devices[0])
    return Memory(peak_rss_bytes=cpu.peak_rss_bytes(), peak_device_bytes=device_bytes)


def leave() -> None:
    """End this process, which has told all that it was to tell, without taking the
    interpreter and its libraries apart: of torch that is half a second of each case.
    Exit handlers run, so that nothing stays on the disk."""
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
    leave()
