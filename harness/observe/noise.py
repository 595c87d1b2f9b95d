"""What disturbed a measurement: steal, preemption, clock, throttling, neighbours.

Take a `Snapshot` before and after some samples; `between` makes a `Noise` of them, and
`limits.warnings` says what exceeds a limit.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import TypeVar

from harness.observe.cgroups import Throttling, throttling
from harness.observe.cpu import (
    MachineTimes,
    ProcessTree,
    ProcessTrees,
    allowed_to_any,
    machine_times,
    read_int,
    read_text,
    siblings_of,
    steal_percent,
    sum_of_times,
    times_of_cpus,
)
from harness.observe.host_speed import HostShare
from harness.observe.threads import BUSY_PERCENT, Scheduled, scheduled

T = TypeVar("T")
WAKING_S = 1e-3  # a thread that is woken waits so long at most on an idle CPU


@dataclass(frozen=True)
class Snapshot:
    """Counters at one moment; `None` where this machine does not show them.

    `switches` maps the worker's threads to their involuntary switches; /proc/PID/status
    itself would count the main thread alone.
    """

    t_s: float
    machine: MachineTimes
    worker_cpu_s: float | None
    switches: dict[int, int] | None
    minor_faults: int | None
    major_faults: int | None
    throttle_events: int | None
    frequencies_mhz: tuple[float, ...]
    load_1min: float | None
    cpus: dict[int, MachineTimes] = field(default_factory=dict)  # the worker's own
    # The other threads of its cores, which the worker may not use: they take half of a
    # core's units all the same.
    siblings: dict[int, MachineTimes] = field(default_factory=dict)
    scheduled: dict[int, Scheduled] | None = None
    throttling: Throttling | None = None  # by a quota

    @property
    def own(self) -> MachineTimes:
        """Of the CPUs that the worker may use; the machine's where none is told."""
        return sum_of_times(self.cpus.values()) if self.cpus else self.machine


def take(
    tree: ProcessTree | ProcessTrees,
    root: Path = Path("/"),
    clock: Callable[[], float] = time.perf_counter,
    machine: Callable[[], MachineTimes] = machine_times,
) -> Snapshot:
    """Reads everything once; milliseconds, so outside the timed region."""
    usage, pids = tree.read(), tree.pids
    faults = [_faults(root, pid) for pid in pids]
    load = read_text(root / "proc/loadavg")
    cpus = frozenset(allowed_to_any(pids))
    times = times_of_cpus(cpus | siblings_of(cpus, root), root)
    return Snapshot(
        t_s=clock(),
        machine=machine(),
        worker_cpu_s=None if usage is None else usage.cpu_s,
        switches=_merged(_involuntary_switches(root, pid) for pid in pids),
        minor_faults=_sum(minor for minor, _ in faults),
        major_faults=_sum(major for _, major in faults),
        throttle_events=throttle_events(root),
        frequencies_mhz=frequencies_mhz(root, cpus),
        load_1min=float(load.split()[0]) if load else None,
        cpus={number: one for number, one in times.items() if number in cpus},
        siblings={n: one for n, one in times.items() if n not in cpus},
        scheduled=_merged(scheduled(pid, root) for pid in pids),
        throttling=throttling(pids[0], root),  # workers of one parent share its groups
    )


def _merged(by_thread: Iterable[dict[int, T] | None]) -> dict[int, T] | None:
    """Of the threads of all workers; None where none of them tells."""
    found = {key: one for some in by_thread for key, one in (some or {}).items()}
    return found or None


def _sum(counts: Iterable[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _involuntary_switches(root: Path, pid: int) -> dict[int, int] | None:
    counts = {}
    for folder in (root / "proc" / str(pid) / "task").glob("*"):
        for line in (read_text(folder / "status") or "").splitlines():
            if line.startswith("nonvoluntary_ctxt_switches:"):
                counts[int(folder.name)] = int(line.split()[1])
    return counts or None


def _faults(root: Path, pid: int) -> tuple[int | None, int | None]:
    text = read_text(root / "proc" / str(pid) / "stat")
    if not text:
        return None, None
    # proc(5): the 10th and 12th field; the 2nd, a name in brackets, may hold spaces.
    fields = text.rpartition(")")[2].split()
    return int(fields[7]), int(fields[9])


def throttle_events(root: Path = Path("/")) -> int | None:
    """Thermal throttlings since boot (Intel alone counts them in sysfs).

    Every core repeats its package's counter, so that one core stands for a package.
    """
    cores, packages = 0, {}
    seen = False
    for folder in (root / "sys/devices/system/cpu").glob("cpu[0-9]*/thermal_throttle"):
        core = read_int(folder / "core_throttle_count")
        package = read_int(folder / "package_throttle_count")
        package_id = read_int(folder.parent / "topology/physical_package_id")
        seen = seen or core is not None or package is not None
        cores += core or 0
        packages[package_id] = package or 0
    return cores + sum(packages.values()) if seen else None


def frequencies_mhz(root: Path, cpus: Collection[int]) -> tuple[float, ...]:
    """The clock of each of these CPUs now, empty where cpufreq is not there.

    /proc/cpuinfo's "cpu MHz" is no substitute: in a guest it is the nominal clock.
    """
    folder = root / "sys/devices/system/cpu"
    found = [
        read_int(folder / f"cpu{number}/cpufreq/scaling_cur_freq")
        for number in sorted(cpus)
    ]
    return tuple(khz / 1000.0 for khz in found if khz)


@dataclass(frozen=True)
class Noise:
    """The disturbances of one span; None where `unknown` gives the reason.

    Switches and faults are the worker's own, without its children's; a thread's count
    ends with the thread. `steal_percent` and `others_cpu_percent` are of the CPUs that
    the worker may use; the latter holds everything but the worker's tree, the parent
    and its sampler too, also on other threads of the same cores, and `others_cores` is
    the same in whole CPUs;
    `steal_worst_cpu_percent` is of the one CPU that was stolen most.
    `waiting_percent` is the share of the span in which the worker's most hindered
    thread could have run and had no CPU, None where its own threads are more than its
    CPUs. `quota_throttled_percent` of a quota's periods stopped the worker. Load
    averages hold the worker itself, so they stand here without a limit. Clocks are of
    the CPUs that the worker may use; `frequency_fastest_mhz` is their highest mean in
    one reading. `host` is the yardstick's reading at both ends.
    """

    seconds: float
    steal_percent: float | None
    others_cpu_percent: float | None
    involuntary_switches: int | None
    involuntary_switches_per_s: float | None
    minor_faults: int | None
    major_faults: int | None
    throttle_events: int | None
    frequency_min_mhz: float | None
    frequency_mean_mhz: float | None
    frequency_max_mhz: float | None
    frequency_fastest_mhz: float | None
    load_1min_before: float | None
    load_1min_after: float | None
    unknown: dict[str, str]
    host: HostShare | None = None
    steal_worst_cpu_percent: float | None = None
    others_cores: float | None = None
    waiting_percent: float | None = None
    quota_throttled_percent: float | None = None
    quota_throttled_s: float | None = None


def between(snapshots: Sequence[Snapshot]) -> Noise:
    """The noise from the first snapshot to the last; all of them tell the clock."""
    first, last = snapshots[0], snapshots[-1]
    seconds = last.t_s - first.t_s
    clocks = [mhz for snapshot in snapshots for mhz in snapshot.frequencies_mhz]
    switches = _new_switches(first.switches, last.switches)
    return Noise(
        seconds=seconds,
        steal_percent=steal_percent(first.own, last.own),
        steal_worst_cpu_percent=_worst_steal_percent(first.cpus, last.cpus),
        others_cpu_percent=_others_percent(first, last),
        others_cores=_rate(_others_s(first, last), seconds),
        waiting_percent=_waiting_percent(first, last),
        quota_throttled_percent=_throttled(first, last)[0],
        quota_throttled_s=_throttled(first, last)[1],
        involuntary_switches=switches,
        involuntary_switches_per_s=_rate(switches, seconds),
        minor_faults=_difference(first.minor_faults, last.minor_faults),
        major_faults=_difference(first.major_faults, last.major_faults),
        throttle_events=_difference(first.throttle_events, last.throttle_events),
        frequency_min_mhz=min(clocks, default=None),
        frequency_mean_mhz=sum(clocks) / len(clocks) if clocks else None,
        frequency_max_mhz=max(clocks, default=None),
        frequency_fastest_mhz=max(
            (fmean(s.frequencies_mhz) for s in snapshots if s.frequencies_mhz),
            default=None,
        ),
        load_1min_before=first.load_1min,
        load_1min_after=last.load_1min,
        unknown=_unknown(last, clocks),
    )


def _difference(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else after - before


def _rate(count: float | None, seconds: float) -> float | None:
    return None if count is None or seconds <= 0 else count / seconds


def _new_switches(
    before: dict[int, int] | None, after: dict[int, int] | None
) -> int | None:
    if before is None or after is None:
        return None
    return sum(count - before.get(thread, 0) for thread, count in after.items())


def _others_percent(first: Snapshot, last: Snapshot) -> float | None:
    total_s = last.own.total_s - first.own.total_s
    others_s = _others_s(first, last)
    return None if others_s is None or total_s <= 0 else 100.0 * others_s / total_s


def _others_s(first: Snapshot, last: Snapshot) -> float | None:
    if first.worker_cpu_s is None or last.worker_cpu_s is None:
        return None
    busy_s = last.own.busy_s - first.own.busy_s
    worker_s = last.worker_cpu_s - first.worker_cpu_s
    # The two counters tick apart: on a quiet machine their difference dips below 0.
    return max(0.0, busy_s - worker_s) + _busy_s(first.siblings, last.siblings)


def _busy_s(
    before: Mapping[int, MachineTimes], after: Mapping[int, MachineTimes]
) -> float:
    known = before.keys() & after.keys()
    return sum(after[n].busy_s - before[n].busy_s for n in known)


def _worst_steal_percent(
    before: Mapping[int, MachineTimes], after: Mapping[int, MachineTimes]
) -> float | None:
    shares = (steal_percent(before[n], after[n]) for n in before.keys() & after.keys())
    return max((share for share in shares if share is not None), default=None)


def _waiting_percent(first: Snapshot, last: Snapshot) -> float | None:
    seconds, none = last.t_s - first.t_s, Scheduled(0.0, 0.0)
    if first.scheduled is None or last.scheduled is None or seconds <= 0:
        return None
    pairs = [(first.scheduled.get(n, none), now) for n, now in last.scheduled.items()]
    busy = sum(
        100 * (now.ran_s + now.waited_s - then.ran_s - then.waited_s)
        >= BUSY_PERCENT * seconds
        for then, now in pairs
    )
    if busy > len(last.cpus):
        return None  # they take the CPUs from one another
    longest_s = max(now.waited_s - then.waited_s for then, now in pairs)
    return 100.0 * max(0.0, longest_s - WAKING_S) / seconds


def _throttled(first: Snapshot, last: Snapshot) -> tuple[float | None, float | None]:
    """The share of a quota's periods in which it stopped the worker, and for how long
    in all; None without a quota."""
    before, after = first.throttling, last.throttling
    if after is None:
        return None, None
    before = before or Throttling(0, 0, 0.0)
    periods = after.periods - before.periods
    throttled = after.throttled - before.throttled
    percent = 100.0 * throttled / periods if periods > 0 else 0.0
    return percent, max(0.0, after.throttled_s - before.throttled_s)


def _unknown(last: Snapshot, clocks: Sequence[float]) -> dict[str, str]:
    reasons = {}
    if not clocks:
        reasons["frequency"] = "no cpufreq in sysfs (common in virtual machines)"
    if last.throttle_events is None:
        reasons["throttle_events"] = "no thermal_throttle counters in sysfs"
    if last.worker_cpu_s is None:
        reasons["worker"] = "the worker was gone before the span ended"
    return reasons
