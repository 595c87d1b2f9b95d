"""The worker process: one case through its stages.

Started as `python -m harness.measure.worker WRITE_FD READ_FD`, with the environment of
its hardware already set, so that caps hold before any library loads.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from basics.processes import end_with_parent
from harness.case import Case
from harness.hardware import Hardware
from harness.measure.channel import Channel
from harness.measure.clock import HostTimer, Timer, timer_for
from harness.measure.steady import draw_samples, warm_up
from harness.measure.time_to_accuracy import WINDOW_EPOCHS, clock_training
from harness.measure.values import plain_values
from harness.observe import cpu
from harness.observe.cgroups import cpu_quota_cores
from harness.observe.claims import judge
from harness.observe.onednn.capture import ProfileCutShortError, capture
from harness.observe.threads import loaded_pools
from harness.profile import Profile
from harness.suite import code_digest, loaded
from harness.workload import Accuracy, Context, Operation, Training, UnsupportedError
from harness.workload_files import code_facts, file_of, module_of

PROFILE_S = 0.5  # steps enough for a kernel profile
PROFILE_STEPS = 50  # at most: short kernels fill a log quickly


def main() -> None:
    """Run the job that the parent sends; every way of ending is told to it."""
    channel = Channel(int(sys.argv[1]), int(sys.argv[2]))
    end_with_parent()  # a run that is killed leaves no worker measuring
    job = channel.job()
    code_digest()  # of the files as they are now, while they are loaded
    os.sched_setaffinity(0, job["affinity"])
    logging.getLogger("speechmark").addHandler(_Forward(channel))
    try:
        result = resolve(job["entry"])(job, channel)
    except UnsupportedError as reason:
        channel.send("skipped", reason=str(reason))
    except Exception as error:  # noqa: BLE001 - the worker's outermost boundary
        text = traceback.format_exc()
        channel.send("failed", reason=f"{type(error).__name__}: {error}", text=text)
    else:
        channel.send("result", value=result, code=loaded())


class _Forward(logging.Handler):
    """Warnings of the work itself (a damaged cache, say) belong into its record."""

    def __init__(self, channel: Channel) -> None:
        super().__init__(logging.WARNING)
        self._channel = channel

    def emit(self, record: logging.LogRecord) -> None:
        self._channel.send("warning", text=record.getMessage())


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


def run_case(job: dict[str, Any], channel: Channel) -> dict[str, Any]:
    """The worker's side of one case; what it measured, as plain values."""
    context = context_of(job, channel)
    channel.enter("build")
    built = resolve(job["build"])(context)
    try:
        if isinstance(built, Training):
            measured = _train(built, context, channel, job)
        else:
            timer = timer_for(context.hardware.devices[0])
            measured = _operate(built, context, timer, channel, job)
    finally:
        built.close()
    return measured | {
        "details": {
            **(built.details or {}),
            **code_facts(job["build"].rpartition(":")[0]),
        },
        "threads": {
            "asked": job["threads"],
            "allowed": len(os.sched_getaffinity(0)),
            "quota_cores": cpu_quota_cores(),
        },
    }


def context_of(job: dict[str, Any], channel: Channel) -> Context:
    """What a build function may know, out of the parent's job."""
    return Context(
        case=Case.parse(job["case_id"]),
        profile=Profile(**job["profile"]),
        hardware=Hardware.parse(job["hardware"]),
        seed=job["seed"],
        scratch_dir=Path(job["scratch_dir"]),
        data_root=Path(job["data_root"]) if job["data_root"] else None,
        progress=channel.progress,
    )


def _operate(
    operation: Operation,
    context: Context,
    timer: Timer,
    channel: Channel,
    job: dict[str, Any],
) -> dict[str, Any]:
    """Accuracy and the kernel profile belong to the first process alone: further
    processes exist to time the same weights again."""
    accuracy, kernels, pools, values = None, None, None, None
    channel.enter("warmup")
    warm = warm_up(operation.step, timer, context.profile.warmup_s, operation.cycle)
    channel.enter("timed")
    drawn = draw_samples(
        operation.step, timer, context.profile, operation.cycle, channel.segment
    )
    memory = peak_memory(context.hardware)  # before evaluation adds its own
    if job["process"] == 0:
        pools = _pools()  # before evaluation loads libraries of its own
        channel.enter("values")
        values = plain_values(operation.values())
        channel.enter("accuracy")
        accuracy = plain_accuracy(operation.accuracy())
        channel.enter("profile")
        kernels = _unless_cut_short(_profile, operation, drawn.samples_s, job)
    channel.enter("done")
    return {
        "work": asdict(operation.work),
        "accuracy": accuracy,
        "warm_up": asdict(warm),
        "samples_s": drawn.samples_s,
        "spoiled_samples_s": drawn.spoiled_samples_s,
        "spoiled": drawn.spoiled,
        "extra_s": drawn.extra_s,
        "untimed_steps": drawn.untimed_steps,
        "cycle": operation.cycle,
        "kernels": kernels,
        "values": values,
        "pools": pools,
        **memory,
    }


def _train(
    training: Training,
    context: Context,
    channel: Channel,
    job: dict[str, Any],
) -> dict[str, Any]:
    budget_s = context.profile.training_budget_s

    def tell(event: Any, seconds: float) -> None:
        if event.kind == "epoch":
            errors = ", ".join(
                f"{name} {value:.3g}" for name, value in (event.errors or {}).items()
            )
            what = f"epoch {event.epoch}: {errors}"
            channel.progress(what, round(seconds), round(budget_s))

    channel.enter("timed")
    # The host's clock: the training itself waits for its device where a state begins,
    # and to wait at each step would keep copies and launches from overlapping.
    now_s = HostTimer().now_s
    run = clock_training(training.events, training.targets, budget_s, now_s, tell)
    memory = peak_memory(context.hardware)
    pools = _pools()
    channel.enter("values")
    values = plain_values(training.values())
    channel.enter("accuracy")
    accuracy = plain_accuracy(training.accuracy())
    channel.enter("profile")
    kernels = None
    if not context.hardware.is_cuda:
        steps = _enough_steps([HostTimer().time_s(training.step) for _ in range(2)])
        kernels = _unless_cut_short(_profile_training, training, steps, job)
    channel.enter("done")
    return {
        "work": asdict(training.work_per_epoch),
        "accuracy": accuracy,
        "samples_s": [point.train_s for point in run.curve],
        "cycle": 1,
        "tta": asdict(run)
        | {
            "window_epochs": WINDOW_EPOCHS,
            "s_per_epoch": run.s_per_epoch,
            "prepare_s": training.prepare_s,
            "seed": context.seed,
        },
        "kernels": kernels,
        "values": values,
        "pools": pools,
        **memory,
    }


def _pools() -> list[dict[str, Any]]:
    return [asdict(pool) for pool in loaded_pools()]


def plain_accuracy(accuracy: Accuracy) -> dict[str, Any]:
    metrics = {}
    for name, metric in accuracy.metrics.items():
        metrics[name] = asdict(metric) | {"passed": metric.passed}
        del metrics[name]["per_item"]  # ten times as long as all the rest
    return {
        "metrics": metrics or None,
        "reason": accuracy.reason,
        "edits_by_length": [list(pair) for pair in accuracy.edits_by_length],
        "transcripts": [asdict(one) for one in accuracy.transcripts],
        "edit_unit": accuracy.edit_unit,
    }


def _unless_cut_short(
    profile: Callable[..., dict[str, Any] | None], *arguments: Any
) -> dict[str, Any] | None:
    """A disk too full for a profile costs the profile, not the case."""
    try:
        return profile(*arguments)
    except (ProfileCutShortError, OSError, json.JSONDecodeError) as error:
        logging.getLogger("speechmark").warning("no kernel profile: %s", error)
        return None


def _profile_training(
    training: Training, steps: int, job: dict[str, Any]
) -> dict[str, Any]:
    return asdict(judge(capture(training.step, steps), steps, job["claimed"]))


def _profile(
    operation: Operation, samples: list[float], job: dict[str, Any]
) -> dict[str, Any] | None:
    """The kernels of enough steps; oneDNN's log knows nothing of a GPU's.

    Where the runtime profiles itself, torch is never loaded: it is large, and it would
    bring an OpenMP of its own beside the runtime's threads.
    """
    steps = _enough_steps(samples, operation.cycle)
    if operation.profile is not None:
        found = operation.profile(steps)
    elif Hardware.parse(job["hardware"]).is_cuda:
        return None
    else:
        found = capture(operation.step, steps)
    return asdict(judge(found, steps, job["claimed"], operation.float_layers))


def _enough_steps(samples: list[float], cycle: int = 1) -> int:
    typical_s = sorted(samples)[len(samples) // 2]
    steps = max(1, min(PROFILE_STEPS, int(PROFILE_S / max(typical_s, 1e-9))))
    return -(-steps // cycle) * cycle if cycle <= PROFILE_STEPS else steps


def peak_memory(hardware: Hardware) -> dict[str, int | None]:
    """High-water marks of this process so far. Over several devices its ranks do the
    work: what the sensors saw of them stands under utilization."""
    if len(hardware.devices) > 1:
        return {"peak_rss_bytes": None, "peak_device_bytes": None}
    device_bytes = None
    if hardware.is_cuda:
        import torch

        device_bytes = torch.cuda.max_memory_allocated(hardware.devices[0])
    return {
        "peak_rss_bytes": cpu.peak_rss_bytes(),
        "peak_device_bytes": device_bytes,
    }


if __name__ == "__main__":
    main()
