"""The worker's side of what is made before the first case: corpora, models, baselines.

One process makes for case after case, so that libraries are loaded once; what takes
other libraries or much memory is made by processes of its own anyway.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from harness.measure.channel import Channel
from harness.measure.jobs import BuildTask, parsed
from harness.measure.messages import MadeMessage
from harness.measure.worker import context_of, resolve
from harness.workload import UnsupportedError


@dataclass(frozen=True)
class MakingTask:
    """To make what the parent names, until it names no more; `maker` tells one such
    process from the others."""

    maker: int


def run_job(task: MakingTask, channel: Channel) -> int:
    """How many were asked for. Each answer is a `BuildTask` whose `build` names a
    workload's `make`, or an empty line: the end."""
    done, message = 0, MadeMessage(None)
    while answer := channel.ask(message):
        message = _made(json.loads(answer), channel)
        done += 1
    return done


def _made(plain: Mapping[str, Any], channel: Channel) -> MadeMessage:
    """A case that cannot run here is to say so itself, when it is its turn."""
    task: BuildTask = parsed(BuildTask, plain, "task")
    began, error = perf_counter(), None
    try:
        resolve(task.build)(context_of(task, channel))
    except UnsupportedError:
        pass
    except Exception as failure:  # noqa: BLE001 - what another makes is no part of it
        error = f"{type(failure).__name__}: {failure}"
    return MadeMessage(task.case_id, perf_counter() - began, error)
