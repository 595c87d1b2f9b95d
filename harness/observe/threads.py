"""More busy threads than CPUs: thread pools that spin on the same cores.

Each OpenMP runtime keeps a pool of its own as large as the machine, whose threads spin
for a while when they have nothing to do. Two of them in one process (torch's and
another library's) take the cores from one another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from harness.observe.cpu import TICKS_PER_S, read_text

# A thread counts that wants a CPU for this share of the time: two pools that spin on
# two cores make four threads of 50 %.
BUSY_PERCENT = 25.0
# Pools that take turns are busy threads too many, but never runnable at once.
CROWDED = 1.1  # threads that want to run at a time, on average, per CPU


@dataclass(frozen=True)
class ThreadTimes:
    """What one thread has used, and how long it waited for a CPU while it could have
    run; None where the kernel does not tell."""

    cpu_s: float
    waiting_s: float | None


def thread_times(pid: int, root: Path = Path("/")) -> dict[int, ThreadTimes]:
    """Every thread of a process now, without its children's; empty once it is gone."""
    found = {}
    for folder in (root / "proc" / str(pid) / "task").glob("*"):
        stat = read_text(folder / "stat")
        if stat:
            # proc(5): utime and stime, the 14th and 15th field; the 2nd, a name in
            # brackets, may hold spaces.
            fields = stat.rpartition(")")[2].split()
            cpu_s = (int(fields[11]) + int(fields[12])) / TICKS_PER_S
            found[int(folder.name)] = ThreadTimes(cpu_s, _waiting_s(folder))
    return found


@dataclass(frozen=True)
class Scheduled:
    """What the scheduler knows of one thread, to the nanosecond."""

    ran_s: float
    waited_s: float


def scheduled(pid: int, root: Path = Path("/")) -> dict[int, Scheduled] | None:
    """Every thread of a process; None where the kernel keeps no such statistics."""
    found = {}
    for folder in (root / "proc" / str(pid) / "task").glob("*"):
        fields = _schedstat(folder)
        if fields is not None:
            found[int(folder.name)] = Scheduled(fields[0] / 1e9, fields[1] / 1e9)
    return found or None


def _waiting_s(folder: Path) -> float | None:
    fields = _schedstat(folder)
    return None if fields is None else fields[1] / 1e9


def _schedstat(folder: Path) -> tuple[int, int] | None:
    """The kernel's scheduler statistics: ns on a CPU, ns runnable without one, and
    how often it ran; a kernel that keeps none says 0 for all."""
    fields = (read_text(folder / "schedstat") or "").split()
    is_known = len(fields) == 3 and fields[2] != "0"
    return (int(fields[0]), int(fields[1])) if is_known else None


@dataclass(frozen=True)
class Crowd:
    """The threads of a span. `runnable_mean` counts those that ran or waited for a
    CPU, on average over the span; None where waiting is not known."""

    busy: int
    cpus: int
    runnable_mean: float | None

    @property
    def is_oversubscribed(self) -> bool:
        if self.busy <= self.cpus:
            return False
        return self.runnable_mean is None or self.runnable_mean > CROWDED * self.cpus


def crowd(
    before: dict[int, ThreadTimes],
    after: dict[int, ThreadTimes],
    seconds: float,
    cpus: int,
) -> Crowd:
    """How many threads were busy over a span of so many seconds, on so many CPUs."""
    none = ThreadTimes(0.0, 0.0)
    wanted_s, are_known = [], True
    for thread, now in after.items():
        then = before.get(thread, none)
        wanted_s.append(now.cpu_s - then.cpu_s)
        if now.waiting_s is None or then.waiting_s is None:
            are_known = False
        else:
            wanted_s[-1] += now.waiting_s - then.waiting_s
    busy = sum(100 * wanted >= BUSY_PERCENT * seconds for wanted in wanted_s)
    runnable = sum(wanted_s) / seconds if are_known and seconds > 0 else None
    return Crowd(busy, cpus, runnable)


@dataclass(frozen=True)
class Pool:
    """A thread pool that a process has loaded; no path, as paths name machines."""

    api: str  # "openmp" or "blas"
    library: str
    package: str | None  # the Python package that brought it
    threads: int

    def __str__(self) -> str:
        origin = f" of {self.package}" if self.package else ""
        return f"{self.library}{origin} {self.threads}"


def loaded_pools() -> list[Pool]:
    """The OpenMP and BLAS pools of this process: a few milliseconds, and nothing is
    loaded by asking. Other pools (TBB's, ONNX Runtime's own) are not known to it."""
    from threadpoolctl import ThreadpoolController

    return [
        Pool(
            one.user_api,
            PurePath(one.filepath).name,
            package_of(one.filepath),
            _threads_of(one),
        )
        for one in ThreadpoolController().lib_controllers
    ]


def _threads_of(library: Any) -> int:
    """Those that a region gets: OpenMP's own count does not heed its limit."""
    most = getattr(library.dynlib, "omp_get_thread_limit", None)
    count = int(library.num_threads)
    is_openmp = library.user_api == "openmp"
    return min(count, int(most())) if is_openmp and most is not None else count


def package_of(path: str) -> str | None:
    """The package that holds a library, None for one of the system.

    >>> package_of("/env/lib/site-packages/scikit_learn.libs/libgomp-e9.so.1")
    'scikit_learn'
    """
    parts = PurePath(path).parts
    for folder in ("site-packages", "dist-packages"):
        if folder in parts[:-2]:
            return parts[parts.index(folder) + 1].removesuffix(".libs")
    return None


def count_warnings(
    asked: int, allowed: int, quota_cores: float | None, pools: Sequence[Pool]
) -> list[str]:
    """Where not so many threads can have run as the case's hardware says."""
    found = []
    if allowed < asked:
        found.append(
            f"threads: {asked} asked for, but the worker may use {allowed} CPUs; widen "
            "its cpuset, or ask for --hardware cpu:threads=" + str(allowed)
        )
    if quota_cores is not None and quota_cores < asked:
        found.append(
            f"threads: {asked} asked for on a quota of {quota_cores:g} CPUs: all are "
            "stopped for the rest of each period; ask for fewer, or raise the quota"
        )
    if fewer := [p for p in pools if p.api == "openmp" and p.threads < asked]:
        found.append(
            f"threads: {asked} asked for, but {fewer[0]} is all that OpenMP's pool "
            "has; the case, or a variable passed by --env, lowered it: its time is of "
            "fewer"
        )
    return found


def crowd_warning(found: Crowd, pools: Sequence[Pool]) -> str | None:
    """What was found, the likely cause and the remedy; None where nothing is wrong."""
    if not found.is_oversubscribed:
        return None
    runnable = ""
    if found.runnable_mean is not None:
        runnable = f", {found.runnable_mean:.1f} of them runnable at a time"
    openmp = [pool for pool in pools if pool.api == "openmp"]
    names = ", ".join(map(str, pools)) or "none of OpenMP or BLAS"
    cause = (
        f"{len(openmp)} OpenMP pools that spin on the same cores"
        if len(openmp) > 1
        else "two thread pools at work at once, or one larger than the CPUs allowed"
    )
    return (
        f"busy_threads: {found.busy} busy threads on {found.cpus} CPUs{runnable}; "
        f"pools loaded: {names}; likely {cause}; let one pool work and give the others "
        "one thread, load one OpenMP library alone, or pass --env "
        "OMP_WAIT_POLICY=passive"
    )
