"""The limits of a process's control groups, v1 and v2: a container's, mostly.

A group's limits hold for all groups below it, so that the tightest of a group and its
ancestors counts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from harness.observe.cpu import read_int, read_text

NO_LIMIT_BYTES = 1 << 60  # v1 writes "no limit" as a number near 2**63
# (limit, usage, entry of memory.stat for file pages that can be dropped) of v2 and v1.
_MEMORY = (
    ("memory.high", "memory.current", "inactive_file"),
    ("memory.max", "memory.current", "inactive_file"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)


def container(root: Path = Path("/")) -> dict[str, Any]:
    """The kind of container and its tightest limits."""
    marks = {"docker": root / ".dockerenv", "podman": root / "run/.containerenv"}
    kind = next((name for name, mark in marks.items() if mark.exists()), None)
    return {
        "kind": kind,
        "cpu_limit_cores": cpu_quota_cores(root),
        "memory_limit_bytes": memory_limit_bytes(root),
    }


def cpu_quota_cores(root: Path = Path("/")) -> float | None:
    """CPU time per time that the groups give, None without a quota."""
    quotas = map(_quota_cores, groups(root, "cpu"))
    return min((cores for cores in quotas if cores is not None), default=None)


def memory_limit_bytes(root: Path = Path("/")) -> int | None:
    """None where memory is not limited."""
    return min((limit for limit, _ in _limits(root)), default=None)


def memory_left_bytes(root: Path = Path("/")) -> int | None:
    """What may still be taken before a limit is reached, None where none is.

    Pages of files that nobody reads count as free: the kernel drops them first.
    """
    return min((max(0, limit - used) for limit, used in _limits(root)), default=None)


def memory_available_bytes(root: Path = Path("/")) -> int:
    """What a program could still take: the machine's, or what a container's limit
    leaves of it."""
    machine = int(psutil.virtual_memory().available)
    left = memory_left_bytes(root)
    return machine if left is None else min(machine, left)


def _limits(root: Path) -> Iterator[tuple[int, int]]:
    """(limit, use) in bytes of each group that has a limit."""
    for folder in groups(root, "memory"):
        for limit_file, usage_file, droppable in _MEMORY:
            limit = read_int(folder / limit_file)
            if limit is not None and limit < NO_LIMIT_BYTES:
                used = read_int(folder / usage_file) or 0
                yield limit, used - _stat(folder, droppable)


def _stat(folder: Path, name: str) -> int:
    for line in (read_text(folder / "memory.stat") or "").splitlines():
        key, _, value = line.partition(" ")
        if key == name and value.isdigit():
            return int(value)
    return 0


@dataclass(frozen=True)
class Throttling:
    """How often a quota of CPU time stopped a process's groups, since they began: in so
    many of the periods, for so long; of the group that was stopped most."""

    periods: int
    throttled: int
    throttled_s: float


def throttling(pid: int, root: Path = Path("/")) -> Throttling | None:
    """None where no group of the process tells, or none has a quota."""
    readings = map(_throttling, groups(root, "cpu", str(pid)))
    known = [one for one in readings if one is not None and one.periods]
    return max(known, key=lambda one: one.throttled_s, default=None)


def _throttling(folder: Path) -> Throttling | None:
    """Of `cpu.stat`: v2 counts microseconds, v1 nanoseconds."""
    lines = (read_text(folder / "cpu.stat") or "").splitlines()
    fields = dict(line.split()[:2] for line in lines if len(line.split()) >= 2)
    try:
        periods, throttled = int(fields["nr_periods"]), int(fields["nr_throttled"])
        if "throttled_usec" in fields:
            return Throttling(periods, throttled, int(fields["throttled_usec"]) / 1e6)
        return Throttling(periods, throttled, int(fields["throttled_time"]) / 1e9)
    except (KeyError, ValueError):
        return None


def groups(root: Path, controller: str, pid: str = "self") -> list[Path]:
    """A process's folders of a controller with their ancestors.

    Inside a container the listed path may not be mounted: then the mount's root is it.
    """
    mount = root / "sys/fs/cgroup"
    folders = []
    for line in (read_text(root / "proc" / pid / "cgroup") or "0::/").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        top = mount / controller if controllers else mount
        own = top / path.lstrip("/")
        folders += [f for f in (own, *own.parents) if f == top or top in f.parents]
    return folders


def _quota_cores(folder: Path) -> float | None:
    v2 = (read_text(folder / "cpu.max") or "").split()
    if len(v2) == 2 and v2[0].isdigit():
        return int(v2[0]) / int(v2[1])
    quota = read_int(folder / "cpu.cfs_quota_us")
    period = read_int(folder / "cpu.cfs_period_us")
    return quota / period if quota and period and quota > 0 else None
