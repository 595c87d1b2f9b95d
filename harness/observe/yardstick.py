"""A yardstick: fixed work whose speed tells what the machine gives at this moment.

Counters inside a guest do not show a host that gives less: a sibling thread of the same
core that serves another guest, a lower clock, memory that others keep busy. So a few
milliseconds of the same work are timed again and again, on all of a worker's CPUs at
once, while the worker waits: once in registers (BLAKE2b over a block that stays in the
core's own cache, which keeps the integer units of a core busy), once in memory (a read
through windows of a block larger than the caches that a core has to itself; a window is
read again only when all others were). Neither depends on a worker's libraries or caps.

Each thread's own processor time is the clock: what other processes of this machine
take, threads of the waiting worker too, is not in it: /proc tells of those.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import mmap
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median

import psutil

VERSION = 1  # of the work: rates of different versions are not compared
REGISTERS_BYTES = 1 << 19  # half a core's own cache, or less; about 1 ms
REGISTERS_PASSES = 5
WINDOW_BYTES = 4 << 20  # about 0.4 ms
MEMORY_PASSES = 4
SOURCE_BYTES = 128 << 20  # at least, on a machine that has the memory
SOURCE_SHARE_OF_MEMORY = 1 / 64  # at most

_MAP_FILL = 1  # pages that nobody wrote to are one and the same, and in the cache


@dataclass(frozen=True)
class Reading:
    """Rates of the slowest CPU, on which a step on all of them waits, each the median
    of some passes. On processors with cores of two kinds that is one of the slow kind.
    `seconds` is what the reading took."""

    at_unix_s: float
    registers_bytes_per_s: float
    memory_bytes_per_s: float
    seconds: float


@dataclass(frozen=True)
class Kernels:
    """One pass of each work on one CPU; the memory's takes the number of a window."""

    registers: Callable[[], object]
    memory: Callable[[int], object]
    windows: int


def real_kernels(cpus: int, slow_percent: float = 0.0) -> Kernels:
    """The work itself; its memory is taken and filled once.

    With `slow_percent` every pass does more than is counted, as much as makes its rate
    so much lower: for trials of what the yardstick finds.
    """
    more = 1 / (1 - slow_percent / 100)
    block = (bytes(range(256)) * (REGISTERS_BYTES // 128))[
        : int(REGISTERS_BYTES * more)
    ]
    searched = int(WINDOW_BYTES * more)
    windows = _windows(cpus, psutil.virtual_memory().total)
    source = mmap.mmap(-1, windows * WINDOW_BYTES + searched - WINDOW_BYTES)
    address = ctypes.addressof(ctypes.c_char.from_buffer(source))
    ctypes.memset(address, _MAP_FILL, len(source))
    # The C library's search for a byte that is not there reads all of them; a call
    # through ctypes releases the interpreter's lock, as hashlib's do.
    search = ctypes.CDLL(None).memchr
    search.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
    search.restype = ctypes.c_void_p

    def read_window(number: int, _keeps: mmap.mmap = source) -> object:
        return search(address + number * WINDOW_BYTES, 0, searched)

    return Kernels(lambda: hashlib.blake2b(block), read_window, windows)


def _windows(cpus: int, memory_bytes: int) -> int:
    """How many windows the source has: enough for a reading on all CPUs.

    >>> _windows(2, 16 << 30), _windows(32, 256 << 30), _windows(2, 2 << 30)
    (32, 128, 8)
    """
    wanted = max(SOURCE_BYTES, cpus * MEMORY_PASSES * WINDOW_BYTES)
    most = int(memory_bytes * SOURCE_SHARE_OF_MEMORY)
    return max(1, min(wanted, most) // WINDOW_BYTES)


class Yardstick:
    """Reads the speed of some CPUs: those that a worker may use.

    `cpu_time_ns` is a thread's own clock. Where threads cannot be pinned, they run
    where the system puts them.
    """

    def __init__(
        self,
        cpus: Sequence[int],
        kernels: Kernels | None = None,
        cpu_time_ns: Callable[[], int] = time.thread_time_ns,
    ) -> None:
        self.cpus = tuple(cpus)
        self._kernels = kernels
        self._cpu_time_ns = cpu_time_ns
        self._next_window = 0

    def read(self) -> Reading:
        """A few milliseconds of work on every CPU at once: never while something is
        timed."""
        if self._kernels is None:
            self._kernels = real_kernels(len(self.cpus))
        kernels, began_s = self._kernels, time.perf_counter()
        barrier = threading.Barrier(len(self.cpus))
        rates: list[tuple[float, float]] = []

        def on_cpu(cpu: int, first_window: int) -> None:
            _pin(cpu)
            barrier.wait()
            passes = range(REGISTERS_PASSES)
            registers = [self._rate(kernels.registers, REGISTERS_BYTES) for _ in passes]
            memory = [
                self._rate(
                    partial(kernels.memory, number % kernels.windows), WINDOW_BYTES
                )
                for number in range(first_window, first_window + MEMORY_PASSES)
            ]
            rates.append((median(registers), median(memory)))

        threads = [
            threading.Thread(target=on_cpu, args=(cpu, self._take_windows()))
            for cpu in self.cpus
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - began_s
        registers, memory = (min(column) for column in zip(*rates, strict=True))
        return Reading(time.time(), registers, memory, seconds)

    def _take_windows(self) -> int:
        first, self._next_window = self._next_window, self._next_window + MEMORY_PASSES
        return first

    def _rate(self, work: Callable[[], object], size_bytes: int) -> float:
        began = self._cpu_time_ns()
        work()
        return size_bytes / max(1, self._cpu_time_ns() - began) * 1e9


def _pin(cpu: int) -> None:
    """The calling thread alone. A CPU that is taken away meanwhile leaves it where it
    is: an error here would let the other threads wait for this one for ever."""
    if hasattr(os, "sched_setaffinity"):
        with contextlib.suppress(OSError):
            os.sched_setaffinity(0, {cpu})
