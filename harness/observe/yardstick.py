"""A yardstick: fixed work whose speed tells what the machine gives at this moment.

Counters inside a guest do not show a host that gives less: a sibling thread of the same
core that serves another guest, a lower clock, memory that others keep busy. So a few
milliseconds of the same work are timed again and again, on a worker's CPUs, while the
worker waits: on all at once in registers (BLAKE2b over a block that stays in the core's
own cache, which keeps the integer units of a core busy) and in memory (a block larger
than the cache that a core has to itself, read again and again), then from one to the
next between cores (a walk along a chain of objects that the core before has just walked
along). None depends on a worker's libraries or caps.

Memory is read as a step reads its weights: what was read a moment ago. A block that is
left alone between readings tells instead whether other guests have driven it out of the
cache that all share: on a host with 480 MiB of it such a read took 12 to 105 % of the
best rate, while steps kept within 3 % and followed the rate of what is read again.

What passes between cores is what threads that wait for each other wait for. A host that
moves a guest's CPUs from one shared cache to another makes it several times slower, and
by that a step of small kernels, while registers give the same and memory gives more.

Each thread's own processor time is the clock: what other processes of this machine
take, threads of the waiting worker too, is not in it: /proc tells of those.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import mmap
import os
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from statistics import median

VERSION = 3  # of the work: rates of different versions are not compared
REGISTERS_BYTES = 1 << 19  # half a core's own cache, or less; about 1 ms
REGISTERS_PASSES = 5
# More than a core's own second level of today (1 to 2 MiB), and as much as it gets of
# the third where all cores read at once; about 0.15 ms.
MEMORY_BYTES = 3 << 20
MEMORY_PASSES = 5  # after one that brings the block near
CHAIN = 1000  # objects; 0.02 ms where cores share a cache, 0.1 where they do not
MOST_WALKS, FEWEST_WALKS = 5, 2  # of each CPU
WALKS = 64  # of all together, about

_MAP_FILL = 1  # pages that nobody wrote to are one and the same, and in the cache


@dataclass(frozen=True)
class Reading:
    """Rates of the slowest CPU, on which a step on all of them waits, each the median
    of some passes. On processors with cores of two kinds that is one of the slow kind.
    `handovers_per_s` are objects that a core takes over from another one, each after
    the other; None of a single CPU. `seconds` is what the reading took."""

    at_unix_s: float
    registers_bytes_per_s: float
    memory_bytes_per_s: float
    seconds: float
    handovers_per_s: float | None = None


@dataclass(frozen=True)
class Kernels:
    """One pass of each work on one CPU; the memory's takes the CPU's place among all,
    for each has a block of its own."""

    registers: Callable[[], object]
    memory: Callable[[int], object]
    handover: Callable[[], object]


def real_kernels(cpus: int, slow_percent: float = 0.0) -> Kernels:
    """The work itself; its memory is taken and filled once.

    With `slow_percent` every pass does more than is counted, as much as makes its rate
    so much lower: for trials of what the yardstick finds.
    """
    more = 1 / (1 - slow_percent / 100)
    block = (bytes(range(256)) * (REGISTERS_BYTES // 128))[
        : int(REGISTERS_BYTES * more)
    ]
    size = int(MEMORY_BYTES * more)
    source = mmap.mmap(-1, cpus * size)
    address = ctypes.addressof(ctypes.c_char.from_buffer(source))
    ctypes.memset(address, _MAP_FILL, len(source))
    # The C library's search for a byte that is not there reads all of them; a call
    # through ctypes releases the interpreter's lock, as hashlib's do.
    search = ctypes.CDLL(None).memchr
    search.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
    search.restype = ctypes.c_void_p

    def read_block(place: int, _keeps: mmap.mmap = source) -> object:
        return search(address + place * size, 0, size)

    first = _chain(int(CHAIN * more))
    return Kernels(lambda: hashlib.blake2b(block), read_block, lambda: _walk(first))


class _Link:
    """As long as a line of the cache, so that no two share one."""

    __slots__ = ("_1", "_2", "_3", "_4", "next")

    next: _Link | None


def _chain(length: int) -> _Link:
    """The first of so many objects, each of which leads to one that lies elsewhere: no
    prefetcher knows which."""
    links = [_Link() for _ in range(length)]
    random.Random(0).shuffle(links)
    for link, following in pairwise(links):
        link.next = following
    links[-1].next = None
    return links[0]


def _walk(link: _Link | None) -> None:
    """To reach an object counts a reference to it: its line of the cache becomes this
    core's own, wherever it was."""
    while link is not None:
        link = link.next


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

    def read(self) -> Reading:
        """A few milliseconds of work on every CPU at once: never while something is
        timed."""
        if self._kernels is None:
            self._kernels = real_kernels(len(self.cpus))
        kernels, began_s = self._kernels, time.perf_counter()
        barrier = threading.Barrier(len(self.cpus))
        rates: list[tuple[float, float]] = []
        ring = _Ring(len(self.cpus))

        def on_cpu(place: int, cpu: int) -> None:
            _pin(cpu)
            barrier.wait()
            registers = [
                self._rate(kernels.registers, REGISTERS_BYTES)
                for _ in range(REGISTERS_PASSES)
            ]
            read = partial(kernels.memory, place)
            read()
            memory = [self._rate(read, MEMORY_BYTES) for _ in range(MEMORY_PASSES)]
            rates.append((median(registers), median(memory)))
            barrier.wait()
            ring.walk(place, lambda: self._rate(kernels.handover, CHAIN))

        threads = [
            threading.Thread(target=on_cpu, args=placed)
            for placed in enumerate(self.cpus)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - began_s
        registers, memory = (min(column) for column in zip(*rates, strict=True))
        return Reading(time.time(), registers, memory, seconds, ring.slowest)

    def _rate(self, work: Callable[[], object], size: int) -> float:
        began = self._cpu_time_ns()
        work()
        return size / max(1, self._cpu_time_ns() - began) * 1e9


class _Ring:
    """Threads that do the same one after the other, some rounds of it: each finds what
    the one before it left. A single one has nobody to take over from."""

    def __init__(self, threads: int) -> None:
        self._turns = [threading.Semaphore(0) for _ in range(threads)]
        self._rounds = min(MOST_WALKS, max(FEWEST_WALKS, WALKS // threads))
        self._rates: list[float] = []
        self._turns[0].release()

    def walk(self, place: int, rate: Callable[[], float]) -> None:
        if len(self._turns) == 1:
            return
        rates = []
        for _ in range(self._rounds):
            self._turns[place].acquire()
            rates.append(rate())
            self._turns[(place + 1) % len(self._turns)].release()
        self._rates.append(median(rates))

    @property
    def slowest(self) -> float | None:
        """Of the threads' median rates."""
        return min(self._rates, default=None)


def _pin(cpu: int) -> None:
    """The calling thread alone. A CPU that is taken away meanwhile leaves it where it
    is: an error here would let the other threads wait for this one for ever."""
    if hasattr(os, "sched_setaffinity"):
        with contextlib.suppress(OSError):
            os.sched_setaffinity(0, {cpu})
