"""The worker's side of what is made before the first case: corpora, models, baselines.

One process makes for case after case, so that libraries are loaded once; what takes
other libraries or much memory is made by processes of its own anyway.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from harness.measure.channel import Channel
from harness.measure.jobs import BuildTask, parsed
from harness.measure.messages import ReadyMessage
from harness.measure.worker import context_of, resolve
from harness.workload import UnsupportedError


def run_job(task: Mapping[str, Any], channel: Channel) -> None:
    """Make what the parent names, until it names no more: each answer is a `BuildTask`
    whose `build` is a workload's `make`, or an empty line, the end. What cannot be made
    ends this process with its error; the parent starts another one for the rest."""
    while answer := channel.ask(ReadyMessage()):
        _make(parsed(BuildTask, json.loads(answer), "task"), channel)


def _make(task: BuildTask, channel: Channel) -> None:
    """A case that cannot run here is to say so itself, when it is its turn."""
    with suppress(UnsupportedError):
        resolve(task.build)(context_of(task, channel))
