"""A machine's cores, shared out to several workers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path

from harness.hardware import Hardware, Machine
from harness.observe.numa import Core, cores_by_node
from harness.workload import UnsupportedError


@dataclass(frozen=True)
class Share:
    """What one worker gets; `number` counts from 1, `node` is None where the kernel
    tells of none."""

    number: int
    cpus: tuple[int, ...]
    node: int | None


def shares_of(
    hardware: Hardware, machine: Machine, count: int, root: Path = Path("/")
) -> tuple[Share, ...]:
    """As many equal shares of what a single worker of this hardware would get, as large
    as they can be.

    No two have a core in common, whatever threads it has, and none lies on two nodes:
    its memory is near to it. Workers go to the node with the most cores left, so that
    few of them use the memory of all nodes. UnsupportedError where there is no such.
    """
    if hardware.is_cuda:
        raise UnsupportedError(
            f"instances share out a processor's cores, and {hardware.text} is none: "
            "use --hardware=cpu"
        )
    free = cores_by_node(hardware.affinity(machine), root)
    width = _cores_of_each(free, count, hardware)
    taken = []
    for _ in range(count):
        node = max(free, key=lambda one: len(free[one]))
        taken.append((node, free[node][:width]))
        free[node] = free[node][width:]
    threads = min(sum(map(len, cores)) for _, cores in taken)
    return tuple(
        Share(number, _cpus(cores)[:threads], node)
        for number, (node, cores) in enumerate(taken, 1)
    )


def _cores_of_each(
    free: dict[int | None, list[Core]], count: int, hardware: Hardware
) -> int:
    cores = sum(map(len, free.values()))
    for width in range(cores // count, 0, -1):
        if sum(len(some) // width for some in free.values()) >= count:
            return width
    # Without the number of instances: many levels of a case are skipped for one reason.
    raise UnsupportedError(
        f"more instances than the {cores} cores that {hardware.text} gives here, and "
        "each has cores of its own"
    )


def _cpus(cores: Sequence[Core]) -> tuple[int, ...]:
    """One thread of each core before any second one: a cut leaves no core idle."""
    turns = chain.from_iterable(zip_longest(*cores))
    return tuple(cpu for cpu in turns if cpu is not None)
