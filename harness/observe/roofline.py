"""What this machine can do at best: arithmetic and memory bandwidth, measured.

The ceilings are the best of several large matrix products and convolutions, and of
several copies of memory larger than all caches, under the thread and instruction-set
caps of the process that measures. So the fraction that a step reaches says how well
its kernels use the machine, not how good the machine is.

Convolutions count on CPUs because another library runs them: on AMD's Zen 5, MKL's
fp32 product reaches half of what oneDNN's convolution does.
"""

import functools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from harness.observe.fingerprint import caches

if TYPE_CHECKING:
    import torch

SIZES = (256, 512, 1024, 2048, 4096, 8192)  # a product of n costs 2 n^3 operations
CHANNELS = (128, 256, 512)
CONV_BATCH, CONV_SIDE, CONV_KERNEL = 4, 32, 3
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
class Roofline:
    """A device's ceilings at one precision.

    A multiply-accumulate counts as two operations (integer ones for int8). None, with
    the reason, where the device has no such product.
    """

    device: str
    precision: str
    threads: int
    peak_flops: float | None
    operation: str | None
    operation_size: int | None
    bandwidth_bytes_per_s: float
    copy_bytes: int
    reason: str | None = None


def measure(
    device: str = "cpu",
    precision: str = "fp32",
    budget_s: float = 1.0,
    copy_bytes: int | None = None,
) -> Roofline:
    """Both ceilings, about `budget_s` seconds each; for a worker, as torch loads."""
    import torch

    if precision not in PRECISIONS:
        raise ValueError(f"precision is {precision!r}: expected one of {PRECISIONS}")
    is_cuda = device.startswith("cuda")
    default_bytes = CUDA_COPY_BYTES if is_cuda else outside_cache_bytes(_cache_bytes())
    copied_bytes = copy_bytes or default_bytes
    flops, reason = _peak_flops(device, precision, budget_s)
    copy = _timed_copy(device)
    bandwidth = best_rate(copy, (copied_bytes,), lambda size: 2.0 * size, budget_s)
    return Roofline(
        device=device,
        precision=precision,
        threads=torch.get_num_threads(),
        peak_flops=flops.per_s if flops else None,
        operation=flops.operation if flops else None,
        operation_size=flops.size if flops else None,
        bandwidth_bytes_per_s=bandwidth.per_s,
        copy_bytes=copied_bytes,
        reason=reason,
    )


def run_job(job: Mapping[str, Any], channel: object) -> dict[str, Any]:
    """A worker's job of measuring both ceilings of its hardware at one precision."""
    hardware = str(job["hardware"])
    device = hardware.partition(",")[0] if hardware.startswith("cuda") else "cpu"
    found = measure(device, job["precision"])
    return {
        "flops_per_s": found.peak_flops,
        "bytes_per_s": found.bandwidth_bytes_per_s,
        "reason": found.reason if found.peak_flops is None else None,
    }


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
) -> tuple[Rate | None, str | None]:
    if precision == "tf32" and not device.startswith("cuda"):
        return None, "tf32 exists on CUDA devices alone"
    rates, reasons = [], []
    operations = _operations(device, precision)
    with _float32_products(precision):
        for name, sizes, operands, work in operations:
            timed = _timed(device, precision, operands)
            try:
                rate = best_rate(timed, sizes, work, budget_s / len(operations))
                rates.append(replace(rate, operation=name))
            except (RuntimeError, NotImplementedError) as error:
                first_line = str(error).partition("\n")[0]
                reasons.append(f"no {precision} {name} on {device}: {first_line}")
    best = max(rates, key=lambda rate: rate.per_s, default=None)
    return best, "; ".join(reasons) or None


def _operations(device: str, precision: str) -> list[tuple[Any, ...]]:
    """(name, sizes, operands, operations for a size) of what may set the ceiling."""
    product = ("product", SIZES, _product_operands, lambda n: 2.0 * n**3)
    pixels = CONV_BATCH * CONV_SIDE**2 * CONV_KERNEL**2
    convolution = (
        "convolution",
        CHANNELS,
        _convolution_operands,
        lambda channels: 2.0 * pixels * channels**2,
    )
    on_cpu = not device.startswith("cuda") and precision != "int8"
    return [product, convolution] if on_cpu else [product]


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


def _timed(
    device: str, precision: str, operands: Callable[..., tuple[Any, ...]]
) -> Callable[[int], float]:
    kept: dict[int, tuple[Any, ...]] = {}

    def timed(size: int) -> float:
        if size not in kept:
            kept.clear()
            kept[size] = operands(device, precision, size)
        operation, left, right = kept[size]
        return _seconds(lambda: operation(left, right), device)

    return timed


def _product_operands(device: str, precision: str, size: int) -> tuple[Any, ...]:
    """A matrix product and its two factors; (size, size) each."""
    import torch

    if precision == "int8":
        factor = (_random(device, size, size) * 254 - 127).to(torch.int8)
        # The second factor by columns: the layout that integer kernels ask for.
        return torch._int_mm, factor, factor.clone().t()
    factor = _random(device, size, size).to(_dtype(precision))
    return torch.mm, factor, factor.clone()


def _convolution_operands(
    device: str, precision: str, channels: int
) -> tuple[Any, ...]:
    """A convolution, its input (B, C, side, side) and weights (C, C, k, k)."""
    import torch

    def filled(*shape: int) -> torch.Tensor:
        values = _random(device, *shape).to(_dtype(precision))
        return values.to(memory_format=torch.channels_last)

    data = filled(CONV_BATCH, channels, CONV_SIDE, CONV_SIDE)
    weights = filled(channels, channels, CONV_KERNEL, CONV_KERNEL)
    same_size = functools.partial(torch.nn.functional.conv2d, padding=CONV_KERNEL // 2)
    return same_size, data, weights


def _random(device: str, *shape: int) -> "torch.Tensor":
    """Uniform in [0, 1): constant operands draw less power, hence clock higher."""
    import torch

    generator = torch.Generator(device).manual_seed(0)
    return torch.rand(*shape, generator=generator, device=device)


def _dtype(precision: str) -> "torch.dtype":
    import torch

    names = {"bf16": torch.bfloat16, "fp16": torch.float16}
    return names.get(precision, torch.float32)


def _timed_copy(device: str) -> Callable[[int], float]:
    import torch

    buffers: list[torch.Tensor] = []

    def timed(size_bytes: int) -> float:
        if not buffers:
            # Written once: untouched pages would all be read from one page of zeros.
            source = torch.ones(size_bytes // 4, device=device)
            buffers.extend((source, torch.zeros_like(source)))
        source, target = buffers
        return _seconds(lambda: target.copy_(source), device)

    return timed


def _seconds(work: Callable[[], object], device: str) -> float:
    import torch

    is_cuda = device.startswith("cuda")
    if is_cuda:
        torch.cuda.synchronize(device)
    start_ns = time.perf_counter_ns()
    work()
    if is_cuda:
        torch.cuda.synchronize(device)
    return (time.perf_counter_ns() - start_ns) / 1e9
