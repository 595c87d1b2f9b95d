"""Machines of two NUMA nodes and of cores with two threads, shared out to workers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.hardware import Hardware, Machine
from harness.measure.instances.shares import Share, shares_of
from harness.observe.fingerprint import cores_first, default_threads
from harness.workload import UnsupportedError

MachineOf = Callable[..., Machine]


@pytest.fixture
def machine_of(tmp_path: Path) -> MachineOf:
    """A machine with so many cores on each node. With `smt`, the second threads of all
    cores have the higher numbers, as on x86."""

    def write(name: str, text: str) -> None:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    def machine(*nodes: int, smt: bool = False) -> Machine:
        cores = [node for node, count in enumerate(nodes) for _ in range(count)]
        threads = cores * (2 if smt else 1)
        for cpu, node in enumerate(threads):
            topology = f"sys/devices/system/cpu/cpu{cpu}/topology"
            write(f"{topology}/core_id", str(cpu % len(cores)))
            write(f"{topology}/physical_package_id", str(node))
        for node in range(len(nodes)):
            own = [str(cpu) for cpu, at in enumerate(threads) if at == node]
            write(f"sys/devices/system/node/node{node}/cpulist", ",".join(own))
        allowed = range(len(threads))
        return Machine(
            cpus=cores_first(allowed, tmp_path),
            isas=(),
            cuda_devices=0,
            threads=default_threads(allowed, tmp_path),
        )

    return machine


@pytest.fixture
def shared(tmp_path: Path) -> Callable[..., list[tuple[tuple[int, ...], int | None]]]:
    """The CPUs and the node of each share."""

    def share(
        machine: Machine, count: int, hardware: str = "cpu"
    ) -> list[tuple[tuple[int, ...], int | None]]:
        found = shares_of(Hardware.parse(hardware), machine, count, tmp_path)
        assert [one.number for one in found] == list(range(1, count + 1))
        return [(one.cpus, one.node) for one in found]

    return share


def test_two_cores_are_one_each(machine_of: MachineOf, shared: Callable) -> None:
    assert shared(machine_of(2), 2) == [((0,), 0), ((1,), 0)]


def test_workers_alternate_between_nodes_and_lie_on_one_each(
    machine_of: MachineOf, shared: Callable
) -> None:
    machine = machine_of(4, 4)
    assert shared(machine, 2) == [((0, 1, 2, 3), 0), ((4, 5, 6, 7), 1)]
    assert shared(machine, 4) == [
        *(((0, 1), 0), ((4, 5), 1)),
        *(((2, 3), 0), ((6, 7), 1)),
    ]


@pytest.mark.parametrize("count", [2, 4, 8])
def test_no_cpu_is_given_twice(
    machine_of: MachineOf, shared: Callable, count: int
) -> None:
    cpus = [cpu for own, _ in shared(machine_of(4, 4, smt=True), count) for cpu in own]
    assert sorted(cpus) == list(range(8))  # the second threads stay free


def test_second_threads_that_were_asked_for_go_with_their_core(
    machine_of: MachineOf, shared: Callable
) -> None:
    machine = machine_of(2, 2, smt=True)
    found = shared(machine, 2, "cpu:threads=8")
    assert found == [((0, 1, 4, 5), 0), ((2, 3, 6, 7), 1)]
    assert shared(machine, 4, "cpu:threads=8") == [
        *(((0, 4), 0), ((2, 6), 1)),
        *(((1, 5), 0), ((3, 7), 1)),
    ]


def test_threads_of_one_core_are_never_two_workers(
    machine_of: MachineOf, shared: Callable
) -> None:
    with pytest.raises(UnsupportedError, match="than the 4 cores that cpu:threads=8"):
        shared(machine_of(2, 2, smt=True), 8, "cpu:threads=8")


def test_where_some_cores_give_one_thread_all_workers_have_as_many(
    machine_of: MachineOf, shared: Callable
) -> None:
    machine = machine_of(2, 2, smt=True)
    found = shared(machine, 2, "cpu:threads=6")
    assert found == [((0, 1), 0), ((2, 3), 1)]  # no two threads of one core


def test_nodes_of_unlike_size_give_the_largest_equal_shares(
    machine_of: MachineOf, shared: Callable
) -> None:
    assert shared(machine_of(6, 2), 2) == [((0, 1, 2), 0), ((3, 4, 5), 0)]
    found = shared(machine_of(6, 2), 4)
    assert [node for _, node in found] == [0, 0, 0, 1]
    assert {len(cpus) for cpus, _ in found} == {2}


def test_cores_that_do_not_go_around_stay_idle(
    machine_of: MachineOf, shared: Callable
) -> None:
    assert shared(machine_of(5), 2) == [((0, 1), 0), ((2, 3), 0)]


def test_a_cap_on_threads_leaves_fewer_to_share_out(
    machine_of: MachineOf, shared: Callable
) -> None:
    assert shared(machine_of(8), 2, "cpu:threads=2") == [((0,), 0), ((1,), 0)]


def test_more_workers_than_cores_are_refused_with_one_reason_for_all(
    machine_of: MachineOf, shared: Callable
) -> None:
    reasons = set()
    for count in (4, 8):
        with pytest.raises(UnsupportedError) as refused:
            shared(machine_of(2), count)
        reasons.add(str(refused.value))
    assert reasons == {
        "more instances than the 2 cores that cpu gives here, and each has cores of "
        "its own"
    }


def test_a_gpu_is_not_shared_out(machine_of: MachineOf, shared: Callable) -> None:
    with pytest.raises(UnsupportedError, match="cuda:0 is none: use --hardware=cpu"):
        shared(machine_of(2), 2, "cuda:0")


def test_a_machine_that_tells_nothing_of_itself_is_one_node(tmp_path: Path) -> None:
    machine = Machine(cpus=(3, 5), isas=(), cuda_devices=0)
    found = shares_of(Hardware.parse("cpu"), machine, 2, tmp_path)
    assert found == (Share(1, (3,), None), Share(2, (5,), None))
