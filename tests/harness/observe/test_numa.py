"""NUMA nodes, of machines that are made of files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from harness.observe.numa import cores_by_node

Write = Callable[[str, str], None]


def test_cores_are_of_the_node_that_lists_them(tmp_path: Path, write: Write) -> None:
    write("sys/devices/system/node/node0/cpulist", "0,2\n")
    write("sys/devices/system/node/node1/cpulist", "1,3\n")
    found = cores_by_node((3, 0, 2, 1), tmp_path)
    assert found == {0: [(0,), (2,)], 1: [(1,), (3,)]}


def test_threads_of_one_core_stand_together(tmp_path: Path, write: Write) -> None:
    for cpu, core in ((0, 0), (1, 1), (2, 0), (3, 1)):
        topology = f"sys/devices/system/cpu/cpu{cpu}/topology"
        write(f"{topology}/core_id", str(core))
        write(f"{topology}/physical_package_id", "0")
    write("sys/devices/system/node/node0/cpulist", "0-3\n")
    assert cores_by_node((0, 1, 2, 3), tmp_path) == {0: [(0, 2), (1, 3)]}
    assert cores_by_node((0, 1, 2), tmp_path) == {0: [(0, 2), (1,)]}


def test_where_no_nodes_are_told_all_cores_are_of_one(tmp_path: Path) -> None:
    assert cores_by_node((0, 1), tmp_path) == {None: [(0,), (1,)]}
