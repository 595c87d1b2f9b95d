"""What measuring costs: the timed loop with sensors on, against the same step bare.

One worker alternates blocks of both kinds (A B B A ...), so that a drifting machine
slows both alike; the parent's sensors run during the harness's blocks alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from harness.hardware import Hardware, Machine
from harness.measure.channel import Channel
from harness.measure.clock import timer_for
from harness.measure.spawn import Worker
from harness.measure.steady import draw_samples, warm_up
from harness.measure.watch import Instruments, Watch
from harness.profile import QUICK
from harness.statistics import ratio_interval

PAIR_BLOCK_S = 0.5
WARM_UP_S = 10.0
STEP_SIZE = 512  # a product of a few milliseconds on all cores


@dataclass(frozen=True)
class Overhead:
    """Time with the harness and its sensors over time without; percent above 1."""

    percent: float
    low_percent: float
    high_percent: float
    pairs: int
    step_s: float
    sampler_cost_percent: float  # of one core, as the sampler counts itself


def measure(
    machine: Machine,
    pairs: int,
    hardware: str = "cpu",
    on_pair: Callable[[int], None] = lambda done: None,
) -> Overhead:
    """Run `pairs` pairs of blocks in a worker of its own."""
    parsed = Hardware.parse(hardware)
    job = {
        "entry": "harness.measure.overhead:run_job",
        "affinity": list(parsed.affinity(machine)),
        "device": parsed.devices[0],
        "pairs": pairs,
        "block_s": PAIR_BLOCK_S,
    }
    with TemporaryDirectory() as folder:
        log = Path(folder) / "worker.log"
        worker = Worker(job, parsed.environment(machine), log)
        try:
            result, costs = _alternate(worker, parsed, on_pair)
            if result is None:
                raise RuntimeError(f"the overhead worker died:\n{worker.log_tail()}")
        finally:
            worker.close()
    ratio, low, high = ratio_interval(result["harness_s"], result["bare_s"])
    return Overhead(
        100 * (ratio - 1),
        100 * (low - 1),
        100 * (high - 1),
        pairs,
        sum(result["bare_s"]) / pairs,
        max(costs, default=0.0),
    )


def _alternate(
    worker: Worker, hardware: Hardware, on_pair: Callable[[int], None]
) -> tuple[dict[str, Any] | None, list[float]]:
    instruments, watch = Instruments(), None
    costs: list[float] = []
    for message in worker.messages(limit_s=600):
        if message["kind"] == "result":
            return message["value"], costs
        if message["kind"] == "failed":
            raise RuntimeError(message["text"])
        if message["kind"] != "stage":
            continue
        if watch is not None:
            seen = watch.close().utilization or {}
            costs.append(seen.get("sampler_cost_percent", 0.0))
            watch = None
        if message["name"] == "timed":
            watch = Watch(worker.pid, hardware, instruments)
            watch.enter("timed")
            on_pair(len(costs))
        worker.go_on()
    return None, costs


def run_job(job: dict[str, Any], channel: Channel) -> dict[str, Any]:
    """The worker's side: mean seconds per step of each block, pair by pair."""
    import torch

    device = job["device"]
    a = torch.rand(STEP_SIZE, STEP_SIZE, device=device)
    timer = timer_for(device)

    def step() -> None:
        torch.mm(a, a)

    warm_up(step, timer, WARM_UP_S)
    count = max(10, int(job["block_s"] / timer.time_s(step)))
    profile = replace(QUICK, min_samples=count, max_samples=count)

    def bare() -> float:
        channel.enter("bare")
        began = perf_counter()
        for _ in range(count):
            step()
        if device.startswith("cuda"):
            torch.cuda.synchronize(device)
        return (perf_counter() - began) / count

    def harness() -> float:
        channel.enter("timed")
        began = perf_counter()
        draw_samples(step, timer, profile)
        return (perf_counter() - began) / count

    bare_s, harness_s = [], []
    for pair in range(job["pairs"]):
        if pair % 2 == 0:
            bare_s.append(bare())
            harness_s.append(harness())
        else:
            harness_s.append(harness())
            bare_s.append(bare())
    channel.enter("done")
    return {"bare_s": bare_s, "harness_s": harness_s}
