"""What may set a device's ceiling of arithmetic: products and convolutions, in torch
and in the other libraries that a case may use."""

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.observe import onnx_ceilings

if TYPE_CHECKING:
    import torch

SIZES = (256, 512, 1024, 2048, 4096, 8192)  # a product of n costs 2 n^3 operations
CHANNELS = (128, 256, 512)
CONV_BATCH = onnx_ceilings.BATCH
CONV_SIDE, CONV_KERNEL = onnx_ceilings.SIDE, onnx_ceilings.KERNEL
CONV_TAPS = CONV_BATCH * CONV_SIDE**2 * CONV_KERNEL**2  # of one channel to another


@dataclass(frozen=True)
class Candidate:
    """What may set the ceiling: `timed` are the seconds of a call at a size, `work` its
    operations."""

    name: str
    sizes: tuple[int, ...]
    timed: Callable[[int], float]
    work: Callable[[int], float]


def candidates(device: str, precision: str) -> list[Candidate]:
    import torch

    works: dict[str, tuple[tuple[int, ...], Callable[[int], float]]] = {
        "product": (SIZES, lambda n: 2.0 * n**3),
        "convolution": (CHANNELS, lambda channels: 2.0 * CONV_TAPS * channels**2),
    }
    operands: dict[str, Callable[..., tuple[Any, ...]]] = {
        "product": _product_operands,
        "convolution": _convolution_operands,
    }
    is_cuda = device.startswith("cuda")
    if is_cuda or precision == "int8":  # torch has no such convolution to call
        del operands["convolution"]
    found = [
        Candidate(name, works[name][0], _timed(device, precision, made), works[name][1])
        for name, made in operands.items()
    ]
    threads = torch.get_num_threads()
    for library, name in () if is_cuda else onnx_ceilings.offered(precision):
        timed = onnx_ceilings.timed(library, name, precision, threads)
        sizes, work = works[name]
        found.append(Candidate(f"{name} in {library}", sizes, timed, work))
    return found


def _timed(
    device: str, precision: str, operands: Callable[..., tuple[Any, ...]]
) -> Callable[[int], float]:
    kept: dict[int, tuple[Any, ...]] = {}

    def timed(size: int) -> float:
        if size not in kept:
            kept.clear()
            kept[size] = operands(device, precision, size)
        operation, left, right = kept[size]
        return seconds_of(lambda: operation(left, right), device)

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


def seconds_of(work: Callable[[], object], device: str) -> float:
    import torch

    is_cuda = device.startswith("cuda")
    if is_cuda:
        torch.cuda.synchronize(device)
    start_ns = time.perf_counter_ns()
    work()
    if is_cuda:
        torch.cuda.synchronize(device)
    return (time.perf_counter_ns() - start_ns) / 1e9
