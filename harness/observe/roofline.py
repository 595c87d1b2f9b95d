"""What this machine can do at best: arithmetic and memory bandwidth, measured.

The ceilings are the best of several large matrix products and convolutions in every
library that a case may use, and of several copies of memory larger than all caches,
under the thread and instruction-set caps of the process that measures. So the fraction
that a step reaches says how well its kernels use the machine, not how good the machine
is. Readings that something disturbed are discarded, and the best candidates are
repeated until two clean readings agree: see `settle`.

Convolutions count on CPUs because another library runs them: on AMD's Zen 5, MKL's
fp32 product reaches half of what oneDNN's convolution does.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from time import perf_counter

from harness.observe import limits, noise
from harness.observe.ceiling_candidates import Candidate, candidates, seconds_of
from harness.observe.cpu import ProcessTree
from harness.observe.fingerprint import caches
from harness.observe.peaks import Reading, settle

CONTENDERS = 2  # candidates that are repeated until readings agree
READING_S = 0.6  # at least: what others take shows in no span below limits.SHORTEST_S
PRECISIONS = ("fp32", "tf32", "bf16", "fp16", "int8")
SMALLEST_COPY_BYTES = 256 << 20
LARGEST_COPY_BYTES = 2 << 30
CACHE_MULTIPLE = 4  # a buffer this many times the last-level cache stays outside it
CUDA_COPY_BYTES = 1 << 30


@dataclass(frozen=True)
class Rate:
    """The best rate found, and the size and operation that gave it."""

    per_s: float
    size: int
    operation: str = ""


@dataclass(frozen=True)
class Peaks:
    """What a device does at best at one precision.

    A multiply-accumulate counts as two operations (integer ones for int8). None, with
    the `reason`, where nothing was measured, or the device has no such product. `doubt`
    says what disturbed all readings; `again`, that the peaks were measured twice.
    """

    precision: str
    flops_per_s: float | None = None
    bytes_per_s: float | None = None
    operation: str | None = None  # and library, that set the peak
    reason: str | None = None
    doubt: str | None = None
    again: bool = False


@dataclass(frozen=True)
class PeaksTask:
    """A worker's task: the peaks of its hardware at a precision."""

    hardware: str
    precision: str


def measure(
    device: str = "cpu",
    precision: str = "fp32",
    budget_s: float = 1.0,
    copy_bytes: int | None = None,
) -> Peaks:
    """Both ceilings, about `budget_s` seconds each; for a worker, as torch loads."""
    if precision not in PRECISIONS:
        raise ValueError(f"precision is {precision!r}: expected one of {PRECISIONS}")
    is_cuda = device.startswith("cuda")
    default_bytes = CUDA_COPY_BYTES if is_cuda else outside_cache_bytes(_cache_bytes())
    copied_bytes = copy_bytes or default_bytes
    flops, reason, doubt = _peak_flops(device, precision, budget_s)
    copy = _timed_copy(device)
    bandwidth = best_rate(copy, (copied_bytes,), lambda size: 2.0 * size, budget_s)
    return Peaks(
        precision,
        flops_per_s=flops.per_s if flops else None,
        bytes_per_s=bandwidth.per_s,
        operation=flops.operation if flops else None,
        reason=reason,
        doubt=doubt,
    )


def run_job(task: PeaksTask, channel: object) -> Peaks:
    """A worker's job of measuring both ceilings of its hardware at one precision. Why
    some candidate is none is no reason once another is the peak."""
    hardware = task.hardware
    device = hardware.partition(",")[0] if hardware.startswith("cuda") else "cpu"
    found = measure(device, task.precision)
    return found if found.flops_per_s is None else replace(found, reason=None)


def fraction_of_peak(macs: float, seconds: float, peak_flops: float) -> float:
    """The share of the ceiling that `macs` multiply-accumulates in `seconds` reach.

    >>> fraction_of_peak(macs=2e9, seconds=0.5, peak_flops=16e9)
    0.5
    """
    if seconds <= 0 or peak_flops <= 0:
        raise ValueError(
            f"seconds is {seconds} and peak_flops is {peak_flops}: both must exceed 0"
        )
    return 2.0 * macs / seconds / peak_flops


def best_rate(
    timed: Callable[[int], float],
    sizes: Sequence[int],
    work: Callable[[int], float],
    budget_s: float,
) -> Rate:
    """The highest `work(size)` per second of `timed(size)`, which returns seconds.

    Sizes grow until the next one would not fit into the budget; the rest of it repeats
    the last. The first call of a size warms up: it costs budget but sets no rate. Each
    size tried is timed at least once, however small the budget.
    """
    best, spent_s = Rate(0.0, sizes[0]), 0.0
    for position, size in enumerate(sizes):
        spent_s += timed(size)
        is_last = position + 1 == len(sizes)
        growth = 1.0 if is_last else work(sizes[position + 1]) / work(size)
        while True:
            seconds = timed(size)
            spent_s += seconds
            if seconds > 0 and work(size) / seconds > best.per_s:
                best = Rate(work(size) / seconds, size)
            # Two calls of the next size: its warm-up and one that counts.
            next_fits = not is_last and spent_s + 2 * growth * seconds <= budget_s
            if next_fits or spent_s + seconds > budget_s:
                break
        if not next_fits:
            break
    return best


def outside_cache_bytes(cache_bytes: int) -> int:
    """The size of a copy that the last-level cache cannot hold, within reason.

    >>> outside_cache_bytes(32 << 20) >> 20, outside_cache_bytes(384 << 20) >> 20
    (256, 1536)
    """
    wanted = CACHE_MULTIPLE * cache_bytes
    return max(SMALLEST_COPY_BYTES, min(LARGEST_COPY_BYTES, wanted))


def _cache_bytes() -> int:
    found = caches().values()
    return max((c["size_bytes"] * c["instances"] for c in found), default=0)


def _peak_flops(
    device: str, precision: str, budget_s: float
) -> tuple[Rate | None, str | None, str | None]:
    """The ceiling, why a candidate is none, and what puts the ceiling in doubt."""
    if precision == "tf32" and not device.startswith("cuda"):
        return None, "tf32 exists on CUDA devices alone", None
    found: list[tuple[Rate, Candidate]] = []
    reasons = []
    tried = candidates(device, precision)
    with _float32_products(precision):
        for one in tried:
            try:
                share_s = budget_s / 2 / len(tried)
                rate = best_rate(one.timed, one.sizes, one.work, share_s)
                found.append((replace(rate, operation=one.name), one))
            except (RuntimeError, NotImplementedError) as error:
                first_line = str(error).partition("\n")[0]
                reasons.append(f"no {precision} {one.name} on {device}: {first_line}")
        found.sort(key=lambda pair: pair[0].per_s, reverse=True)
        reason = "; ".join(reasons) or None
        if not found:
            return None, reason, None
        best, doubt = _settled(found[:CONTENDERS], budget_s)
    return best, reason, doubt


def _settled(
    contenders: Sequence[tuple[Rate, Candidate]],
    budget_s: float,
    clock: Callable[[], float] = perf_counter,
) -> tuple[Rate, str | None]:
    tree = ProcessTree(os.getpid())

    def reading() -> Reading[Rate]:
        before = noise.take(tree, clock=clock)
        rates = list(_rates(contenders, budget_s / 4))
        while clock() - before.t_s < READING_S:
            rates += _rates(contenders, budget_s / 4)
        found = noise.between([before, noise.take(tree, clock=clock)])
        outside = [
            f"{one.name} {one.measured:.3g} {one.unit}"
            for one in limits.warnings(found)
            if one.name in limits.FROM_OUTSIDE
        ]
        best = max(rates, key=lambda rate: rate.per_s)
        return Reading(best, "; ".join(outside) or None, limits.is_judged(found))

    return settle(reading)


def _rates(
    contenders: Sequence[tuple[Rate, Candidate]], budget_s: float
) -> Iterator[Rate]:
    """One of each contender, all in about `budget_s`."""
    for rate, one in contenders:
        share_s = budget_s / len(contenders)
        found = best_rate(one.timed, (rate.size,), one.work, share_s)
        yield replace(found, operation=one.name)


@contextmanager
def _float32_products(precision: str) -> Iterator[None]:
    """fp32 in full, tf32 where it is what is measured."""
    import torch

    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def _timed_copy(device: str) -> Callable[[int], float]:
    import torch

    buffers: list[torch.Tensor] = []

    def timed(size_bytes: int) -> float:
        if not buffers:
            # Written once: untouched pages would all be read from one page of zeros.
            source = torch.ones(size_bytes // 4, device=device)
            buffers.extend((source, torch.zeros_like(source)))
        source, target = buffers
        return seconds_of(lambda: target.copy_(source), device)

    return timed
