"""Timers: one step in, seconds out, the device synchronised at both ends."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter_ns
from typing import Protocol


class Timer(Protocol):
    def now_s(self) -> float:
        """Seconds on a monotonic clock, the device idle."""
        ...

    def time_s(self, step: Callable[[], object]) -> float:
        """Seconds that one call of `step` takes."""
        ...


class HostTimer:
    """For work on the CPU, which is done when the call returns."""

    def now_s(self) -> float:
        return perf_counter_ns() / 1e9

    def time_s(self, step: Callable[[], object]) -> float:
        began = perf_counter_ns()
        step()
        return (perf_counter_ns() - began) / 1e9


class CudaTimer:
    """For work on one CUDA device: events on its stream time a step, so that neither
    the launch nor the host's wake-up counts."""

    def __init__(self, device: str) -> None:
        import torch

        self._cuda, self._device = torch.cuda, torch.device(device)
        torch.cuda.set_device(self._device)

    def now_s(self) -> float:
        self._cuda.synchronize(self._device)
        return perf_counter_ns() / 1e9

    def time_s(self, step: Callable[[], object]) -> float:
        begin = self._cuda.Event(enable_timing=True)
        end = self._cuda.Event(enable_timing=True)
        self._cuda.synchronize(self._device)
        begin.record()
        step()
        end.record()
        end.synchronize()
        return begin.elapsed_time(end) / 1e3


def timer_for(device: str) -> Timer:
    return CudaTimer(device) if device.startswith("cuda") else HostTimer()
