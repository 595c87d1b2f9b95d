"""Processor time and memory of a worker, its children and the whole machine.

All counters are cumulative: a mean over any span is a difference of two readings
divided by the span, so that no mean is ever made of means.
"""

import contextlib
import os
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

CHILDREN_REFRESH_S = 2.0  # some kernels make finding children a matter of milliseconds


def read_text(path: Path) -> str | None:
    """The stripped text of a small file, None where it cannot be read."""
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return None


def read_int(path: Path) -> int | None:
    """The integer that a small file holds, None where it holds none."""
    text = read_text(path)
    try:
        return None if text is None else int(text)
    except ValueError:
        return None


def allowed_cpus(pid: int) -> set[int]:
    """The CPUs that a process may use; none once it is gone."""
    try:
        return os.sched_getaffinity(pid)
    except ProcessLookupError:
        return set()


def allowed_to_any(pids: Iterable[int]) -> set[int]:
    """The CPUs that any of some processes may use."""
    return set().union(*map(allowed_cpus, pids))


@dataclass(frozen=True)
class MachineTimes:
    """Seconds since boot, summed over all logical cores.

    `steal_s` is the time that a hypervisor gave to others while a core of this
    machine wanted to run: neither busy nor idle.
    """

    busy_s: float
    idle_s: float
    steal_s: float

    @property
    def total_s(self) -> float:
        return self.busy_s + self.idle_s + self.steal_s


def machine_times() -> MachineTimes:
    """The machine's counters now (in a container: the host's)."""
    times = psutil.cpu_times()
    steal_s = float(getattr(times, "steal", 0.0))
    idle_s = times.idle + float(getattr(times, "iowait", 0.0))
    # Linux counts guest time inside user time already: adding it counts it twice.
    names = ("user", "nice", "system", "irq", "softirq")
    busy_s = sum(float(getattr(times, name, 0.0)) for name in names)
    return MachineTimes(busy_s, idle_s, steal_s)


@cache
def siblings_of(cpus: frozenset[int], root: Path = Path("/")) -> frozenset[int]:
    """The other hardware threads of these CPUs' cores, none of `cpus` themselves."""
    found: set[int] = set()
    for number in cpus:
        folder = root / "sys/devices/system/cpu" / f"cpu{number}" / "topology"
        found |= cpu_list(read_text(folder / "thread_siblings_list") or "")
    return frozenset(found - cpus)


def cpu_list(text: str) -> set[int]:
    """The kernel's lists of CPUs (cpuset(7), "List format"); what is none gives none.

    >>> sorted(cpu_list("0-2,64"))
    [0, 1, 2, 64]
    """
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        if first.isdigit() and (last or first).isdigit():
            found.update(range(int(first), int(last or first) + 1))
    return found


TICKS_PER_S = 100  # of /proc: USER_HZ, the same on every Linux machine


def times_of_cpus(
    cpus: Collection[int], root: Path = Path("/")
) -> dict[int, MachineTimes]:
    """The counters of each of these CPUs; none where /proc/stat tells of no CPU.

    The counters of the whole machine would thin out what befalls a few CPUs of many.
    """
    found = {}
    for line in (read_text(root / "proc/stat") or "").splitlines():
        name, *fields = line.split()
        number = name.removeprefix("cpu")
        if name != number and number.isdigit() and int(number) in cpus:
            ticks = [int(field) / TICKS_PER_S for field in fields] + [0.0] * 8
            # proc(5): user nice system idle iowait irq softirq steal; guest time is
            # in user time already.
            user, nice, system, idle, iowait, irq, softirq, steal = ticks[:8]
            busy = user + nice + system + irq + softirq
            found[int(number)] = MachineTimes(busy, idle + iowait, steal)
    return found


def sum_of_times(times: Iterable[MachineTimes]) -> MachineTimes:
    """The counters of several CPUs together."""
    known = list(times)
    return MachineTimes(
        sum(one.busy_s for one in known),
        sum(one.idle_s for one in known),
        sum(one.steal_s for one in known),
    )


def machine_percent(before: MachineTimes, after: MachineTimes) -> float | None:
    """Busy time of all cores, 0 to 100; None where no tick passed.

    >>> machine_percent(MachineTimes(1, 1, 0), MachineTimes(4, 2, 0))
    75.0
    """
    return _percent(after.busy_s - before.busy_s, after.total_s - before.total_s)


def steal_percent(before: MachineTimes, after: MachineTimes) -> float | None:
    """Time stolen by the hypervisor, 0 to 100; None where no tick passed."""
    return _percent(after.steal_s - before.steal_s, after.total_s - before.total_s)


def _percent(part: float, whole: float) -> float | None:
    return None if whole <= 0 else max(0.0, 100.0 * part / whole)


@dataclass(frozen=True)
class TreeUsage:
    """What a process and its descendants have used so far."""

    cpu_s: float
    rss_bytes: int
    processes: int


class ProcessTree:
    """Reads a process and its descendants; survives the end of any of them.

    A process's own times and those of its reaped children are summed: a child's
    seconds move to its parent when it is reaped, so that the sum keeps even children
    too short-lived to be seen. Children are looked for every `refresh_s` seconds; one
    that started in between joins, with all that it has used, at the next look.
    `rss_bytes` counts memory that processes share once for each of them.
    """

    def __init__(
        self,
        pid: int,
        refresh_s: float = CHILDREN_REFRESH_S,
        clock: Callable[[], float] = time.perf_counter,
        process: Callable[[int], psutil.Process] = psutil.Process,
        children: Callable[[psutil.Process], list[psutil.Process]] | None = None,
    ) -> None:
        self.pid = pid
        self._children_of = children or descendants
        self._refresh_s = refresh_s
        self._clock = clock
        self._children: list[psutil.Process] = []
        self._refreshed_s = -float("inf")
        self._cpu_s = 0.0
        self._root: psutil.Process | None = None
        with contextlib.suppress(psutil.Error):
            self._root = process(pid)

    @property
    def pids(self) -> tuple[int, ...]:
        """Of the roots."""
        return (self.pid,)

    def read(self) -> TreeUsage | None:
        """Usage now, or None once the process at the root is gone."""
        if self._root is None:
            return None
        self._refresh()
        root = _usage(self._root)
        if root is None:
            self._root = None
            return None
        known = ((child, _usage(child)) for child in self._children)
        alive = [(child, usage) for child, usage in known if usage is not None]
        self._children = [child for child, _ in alive]
        usages = [root, *(usage for _, usage in alive)]
        # An orphan's seconds are nobody's: without the maximum, time would run back.
        self._cpu_s = max(self._cpu_s, sum(cpu_s for cpu_s, _ in usages))
        return TreeUsage(self._cpu_s, sum(rss for _, rss in usages), len(usages))

    def _refresh(self) -> None:
        now = self._clock()
        if self._root is None or now - self._refreshed_s < self._refresh_s:
            return
        self._refreshed_s = now
        try:
            self._children = self._children_of(self._root)
        except psutil.Error:
            self._children = []


class ProcessTrees:
    """Several processes with what they started, read as one: each is no other program
    to the others. What one has used stays in the sum when it is gone."""

    def __init__(
        self, *pids: int, tree: Callable[[int], ProcessTree] = ProcessTree
    ) -> None:
        self._make = tree
        self._trees = [tree(pid) for pid in pids]
        self._last: dict[int, TreeUsage] = {}

    @property
    def pids(self) -> tuple[int, ...]:
        """Of the roots, in the order in which they joined."""
        return tuple(tree.pid for tree in self._trees)

    def add(self, pid: int) -> None:
        """One more, with all that it has used."""
        self._trees.append(self._make(pid))

    def read(self) -> TreeUsage | None:
        """Usage now, or None once all are gone."""
        found = {tree.pid: tree.read() for tree in self._trees}
        alive = {pid: usage for pid, usage in found.items() if usage is not None}
        self._last |= alive
        if not alive:
            return None
        return TreeUsage(
            sum(usage.cpu_s for usage in self._last.values()),
            sum(usage.rss_bytes for usage in alive.values()),
            sum(usage.processes for usage in alive.values()),
        )


def descendants(
    process: psutil.Process, root: Path = Path("/")
) -> list[psutil.Process]:
    """The children of a process, theirs, and so on.

    The kernel keeps a list for each thread (proc(5): /proc/PID/task/TID/children): some
    microseconds. Where it keeps none, psutil goes through all processes of the machine:
    a millisecond, and many on a large server.
    """
    listed = _listed_children(process.pid, root)
    if listed is None:
        return process.children(recursive=True)
    found = []
    for pid in listed:
        with contextlib.suppress(psutil.Error):  # it ended meanwhile
            child = psutil.Process(pid)
            found += [child, *descendants(child, root)]
    return found


def _listed_children(pid: int, root: Path) -> list[int] | None:
    """None where the kernel keeps no lists, or the process is gone."""
    files = list((root / "proc" / str(pid) / "task").glob("*/children"))
    texts = [text for text in map(read_text, files) if text is not None]
    return [int(child) for text in texts for child in text.split()] if texts else None


def _usage(process: psutil.Process) -> tuple[float, int] | None:
    try:
        with process.oneshot():
            return sum(process.cpu_times()[:4]), int(process.memory_info().rss)
    except psutil.Error:
        return None


@dataclass(frozen=True)
class PeakMemory:
    """High-water marks of resident memory.

    `children_bytes` sums the marks of the children alive at the reading, each at its
    own time and each with the pages that it shares: an upper bound. Children that
    have ended are in no mark; the sampled resident memory is what is left of them.
    """

    own_bytes: int | None
    children_bytes: int
    source: str

    @property
    def total_bytes(self) -> int | None:
        return None if self.own_bytes is None else self.own_bytes + self.children_bytes


def peak_memory(pid: int | None = None, root: Path = Path("/")) -> PeakMemory:
    """The peak of a process: this one at its end, or `pid` from outside.

    The kernel's VmHWM belongs to a program's own memory. getrusage's `ru_maxrss`
    survives exec: a child that runs `true` inherits the parent's whole size, so it
    serves only for this process, and only where there is no /proc.
    """
    target = os.getpid() if pid is None else pid
    own = _high_water(target, root)
    if own is not None:
        marks = (_high_water(child, root) for child in _children(target))
        return PeakMemory(own, sum(mark or 0 for mark in marks), "VmHWM")
    if pid is None or pid == os.getpid():
        return PeakMemory(_maxrss_bytes(), 0, "ru_maxrss")
    return PeakMemory(None, 0, f"process {pid} is gone, or no /proc here")


def peak_rss_bytes() -> int | None:
    """This process's peak with its live children's: a worker's last reading."""
    return peak_memory().total_bytes


def peak_private_bytes(pid: int, root: Path = Path("/")) -> int | None:
    """What another process like this one would take at most: its high-water mark
    without the pages of files, which both would share."""
    peak, shared = _high_water(pid, root), _status_bytes(pid, "RssFile", root)
    return None if peak is None else peak - (shared or 0)


def _high_water(pid: int, root: Path) -> int | None:
    return _status_bytes(pid, "VmHWM", root)


def _status_bytes(pid: int, name: str, root: Path) -> int | None:
    text = read_text(root / "proc" / str(pid) / "status") or ""
    for line in text.splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return None  # a zombie has a status without memory


def _children(pid: int) -> list[int]:
    try:
        return [child.pid for child in descendants(psutil.Process(pid))]
    except psutil.Error:
        return []


def _maxrss_bytes() -> int:
    import resource  # absent on Windows
    import sys

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
