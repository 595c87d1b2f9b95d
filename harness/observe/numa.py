"""Which memory is near to which cores: the kernel's NUMA nodes."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from harness.observe.cpu import cpu_list, read_text
from harness.observe.fingerprint import place_of

Core = tuple[int, ...]  # its logical processors


def cores_by_node(
    cpus: Collection[int], root: Path = Path("/")
) -> dict[int | None, list[Core]]:
    """The cores that these logical processors make up, by the node that they are of;
    node None holds those of which the kernel tells none (Linux documentation,
    "/sys/devices/system/node")."""
    nodes = _node_of_each(root)
    cores: dict[tuple[int | None, int], list[int]] = {}
    for cpu in sorted(cpus):
        cores.setdefault(place_of(root, cpu), []).append(cpu)
    found: dict[int | None, list[Core]] = {}
    for core in cores.values():
        found.setdefault(nodes.get(core[0]), []).append(tuple(core))
    return dict(sorted(found.items(), key=lambda pair: (pair[0] is None, pair[0])))


def _node_of_each(root: Path) -> dict[int, int]:
    found = {}
    for folder in (root / "sys/devices/system/node").glob("node[0-9]*"):
        for cpu in cpu_list(read_text(folder / "cpulist") or ""):
            found[cpu] = int(folder.name.removeprefix("node"))
    return found
