import os
import threading
from itertools import count, pairwise

import pytest

from harness.observe import yardstick
from harness.observe.yardstick import (
    CHAIN,
    MEMORY_BYTES,
    MEMORY_PASSES,
    REGISTERS_BYTES,
    REGISTERS_PASSES,
    Kernels,
    Yardstick,
    real_kernels,
)

MS = 1_000_000
SCRIPT = [1] * (REGISTERS_PASSES + 1 + MEMORY_PASSES)  # of a reading


class FakeWork:
    """Passes that take the milliseconds of a script, a list for each CPU; to take
    over the chain from another CPU takes so many more."""

    def __init__(self, apart_ms=0, **cpus):
        self.blocks_read = []
        self.walkers = []
        self._apart_ms = apart_ms
        self._clock = threading.local()
        self._pinned = {}
        self._scripts = {int(name[1:]): iter(times) for name, times in cpus.items()}
        self.kernels = Kernels(self.registers, self.memory, self.handover)

    def pin(self, cpu):
        self._clock.cpu, self._clock.ns = cpu, 0

    def cpu_time_ns(self):
        return self._clock.ns

    def registers(self):
        self._clock.ns += next(self._scripts[self._clock.cpu]) * MS

    def memory(self, place):
        self.blocks_read.append((self._clock.cpu, place))
        self.registers()

    def handover(self):
        is_taken_over = bool(self.walkers) and self.walkers[-1] != self._clock.cpu
        self._clock.ns += (1 + self._apart_ms * is_taken_over) * MS
        self.walkers.append(self._clock.cpu)


@pytest.fixture
def stick(monkeypatch):
    def of(work, *cpus):
        monkeypatch.setattr("harness.observe.yardstick._pin", work.pin)
        return Yardstick(cpus, work.kernels, work.cpu_time_ns)

    return of


def test_a_reading_is_the_slowest_cpus_median_pass(stick):
    fast = [1] * REGISTERS_PASSES + [2] * (1 + MEMORY_PASSES)
    slow = [*([2] * (REGISTERS_PASSES - 2)), 1, 9, *([4] * (1 + MEMORY_PASSES))]
    reading = stick(FakeWork(c0=fast, c7=slow), 0, 7).read()
    assert reading.registers_bytes_per_s == REGISTERS_BYTES / 2e-3
    assert reading.memory_bytes_per_s == MEMORY_BYTES / 4e-3


def test_each_cpu_takes_over_from_the_one_before_it_and_never_at_once(stick):
    work = FakeWork(apart_ms=3, c0=SCRIPT, c1=SCRIPT, c5=SCRIPT)
    reading = stick(work, 0, 1, 5).read()
    assert work.walkers == [0, 1, 5] * 5
    assert reading.handovers_per_s == CHAIN / 4e-3


def test_many_cpus_take_over_less_often(stick):
    cpus = range(40)
    work = FakeWork(**{f"c{cpu}": SCRIPT for cpu in cpus})
    stick(work, *cpus).read()
    assert work.walkers == [*cpus] * 2


def test_a_single_cpu_has_nobody_to_take_over_from(stick):
    work = FakeWork(c0=SCRIPT)
    assert stick(work, 0).read().handovers_per_s is None
    assert work.walkers == []


def test_the_chain_leads_through_all_its_objects_and_not_in_their_order():
    link, addresses = yardstick._chain(CHAIN), []
    while link is not None:
        addresses.append(id(link))
        link = link.next
    assert len(set(addresses)) == CHAIN
    steps = [b - a for a, b in pairwise(addresses)]
    assert sum(step == steps[0] for step in steps) < CHAIN / 10


def test_each_cpu_reads_a_block_of_its_own_and_the_first_time_untimed(stick):
    """What lay elsewhere is brought near first: how far that was is no speed."""
    far_away = [1] * REGISTERS_PASSES + [900] + [2] * MEMORY_PASSES
    work = FakeWork(c0=far_away, c3=far_away)
    reading = stick(work, 0, 3).read()
    passes = 1 + MEMORY_PASSES
    assert sorted(work.blocks_read) == [(0, 0)] * passes + [(3, 1)] * passes
    assert reading.memory_bytes_per_s == MEMORY_BYTES / 2e-3


def test_the_work_is_the_same_whoever_runs_it():
    """Its digest is part of what a rate means."""
    kernels = real_kernels(1)
    assert kernels.registers().hexdigest()[:16] == "6d27c831b1f28cfb"


def test_memory_is_searched_to_its_end_for_a_byte_that_is_not_there():
    kernels = real_kernels(3)
    assert [kernels.memory(place) for place in range(3)] == [None] * 3


def test_a_real_reading_runs_on_each_cpu_and_leaves_the_callers_affinity():
    before = os.sched_getaffinity(0)
    reading = Yardstick(sorted(before)).read()
    assert os.sched_getaffinity(0) == before
    assert reading.registers_bytes_per_s > 0
    assert reading.memory_bytes_per_s > 0
    assert (reading.handovers_per_s is not None) == (len(before) > 1)


def test_all_cpus_work_at_once(stick):
    """Each waits for the other inside its first pass: alone it would wait for ever."""
    together = threading.Barrier(2, timeout=10)
    met = count()

    def registers():
        if next(met) < 2:
            together.wait()

    one = Yardstick(
        sorted(os.sched_getaffinity(0))[:1] * 2,
        Kernels(registers, lambda _: None, lambda: None),
    )
    assert one.read().seconds >= 0


def test_a_cpu_that_is_gone_keeps_no_reading_waiting():
    one = Yardstick([*sorted(os.sched_getaffinity(0))[:1], 9999])
    assert one.read().registers_bytes_per_s > 0
