"""Data-parallel training: one process a device, synchronous gradients.

Each batch is shared out among the ranks, so that its size means the same however many
devices work on it. Batch-norm statistics are each rank's own, as is usual; rank 0's are
the ones that are evaluated and saved.
"""

from __future__ import annotations

import multiprocessing
import queue
import tempfile
from collections.abc import Iterator, Sequence
from datetime import timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import torch
from torch import distributed

from basics.processes import end_with_parent
from workloads.training.events import Event
from workloads.training.loop import Job, train
from workloads.training.objective import Rank
from workloads.training.recipe import Recipe

_POLL_S = 1.0  # how often a silent rank is looked at
_PATIENCE = timedelta(hours=6)  # the others wait while rank 0 evaluates, widest beam


def train_data_parallel(job: Job, devices: Sequence[str]) -> Iterator[Event]:
    """As `loop.train`, over `devices`: ["cuda:0", "cuda:1"], or ["cpu"] * n.

    The first event comes when all processes stand and before any has a model: their
    start, seconds of importing, is before a clock that starts there. The processes are
    spawned, so a script that calls this needs `if __name__ == "__main__"`. They end
    with the generator; on Linux also with the thread that asked for its first event,
    even where a signal kills the whole process.
    """
    _check(devices, job.recipe)
    with tempfile.TemporaryDirectory() as directory:
        yield from _relay(job, devices, (Path(directory) / "ranks").as_uri())


def _check(devices: Sequence[str], recipe: Recipe) -> None:
    kinds = {torch.device(device).type for device in devices}
    if len(kinds) != 1 or not kinds <= {"cpu", "cuda"}:
        raise ValueError(
            f"devices {list(devices)} must all be CUDA, or all be cpu: "
            "give for example cuda:0 and cuda:1"
        )
    if kinds == {"cuda"} and len(set(devices)) != len(devices):
        raise ValueError(f"devices {list(devices)}: each GPU can serve one rank only")
    if recipe.batch_size < len(devices):
        raise ValueError(
            f"a batch of {recipe.batch_size} cannot be shared by {len(devices)} "
            "ranks: use a larger batch or fewer devices"
        )


def _relay(job: Job, devices: Sequence[str], meeting_point: str) -> Iterator[Event]:
    """All ranks find each other by a file, the meeting point, and share the threads."""
    context = multiprocessing.get_context("spawn")
    events: Any = context.Queue()
    threads = max(1, torch.get_num_threads() // len(devices))
    shared = (job, devices, meeting_point, threads, events)
    ranks = [
        context.Process(target=_rank_main, args=(number, *shared), daemon=True)
        for number in range(len(devices))
    ]
    for rank in ranks:
        rank.start()
    try:
        while (event := _next_event(events, ranks)) is not None:
            yield event
    finally:
        for rank in ranks:
            rank.terminate()
        for rank in ranks:
            rank.join()


def _next_event(events: Any, ranks: Sequence[BaseProcess]) -> Event | None:
    """Rank 0's next event, None after its last; RuntimeError if a rank has died."""
    while True:
        try:
            event: Event | None = events.get(timeout=_POLL_S)
            return event
        except queue.Empty:
            failed = {n: r.exitcode for n, r in enumerate(ranks) if r.exitcode}
            if failed:
                raise RuntimeError(
                    f"of {len(ranks)} training ranks, these ended with an exit code: "
                    f"{failed}; their own message is on standard error"
                ) from None


def _rank_main(
    number: int,
    job: Job,
    devices: Sequence[str],
    meeting_point: str,
    threads: int,
    events: Any,
) -> None:
    parent = multiprocessing.parent_process()
    end_with_parent(parent.pid if parent else None)
    torch.set_num_threads(threads)
    device = torch.device(devices[number])
    if device.type == "cuda":
        torch.cuda.set_device(device)
    distributed.init_process_group(
        "nccl" if device.type == "cuda" else "gloo",
        init_method=meeting_point,
        rank=number,
        world_size=len(devices),
        timeout=_PATIENCE,
    )
    try:
        rank = Rank(number, len(devices))
        distributed.barrier()
        for event in train(job, str(device), rank=rank):
            if number == 0:
                events.put(event)
        distributed.barrier()
        if number == 0:
            events.put(None)
    finally:
        distributed.destroy_process_group()
