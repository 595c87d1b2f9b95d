import os
import subprocess
import sys
from types import SimpleNamespace

import psutil
import pytest

from harness.observe import cpu
from harness.observe.cpu import (
    MachineTimes,
    ProcessTree,
    ProcessTrees,
    TreeUsage,
    sum_of_times,
    times_of_cpus,
)


class FakeProcess:
    """cpu seconds: own user, own system, reaped children's user and system."""

    def __init__(self, pid, times=(0.0, 0.0, 0.0, 0.0), rss=0, children=()):
        self.pid = pid
        self.times, self.rss, self.offspring = times, rss, list(children)
        self.gone = False

    def oneshot(self):
        return open(os.devnull)

    def cpu_times(self):
        if self.gone:
            raise psutil.NoSuchProcess(self.pid)
        return (*self.times, 0.0)

    def memory_info(self):
        return SimpleNamespace(rss=self.rss)

    def children(self, recursive):
        assert recursive
        if self.gone:
            raise psutil.NoSuchProcess(self.pid)
        return list(self.offspring)


def tree_of(root, clock=lambda: 0.0, refresh_s=2.0):
    return ProcessTree(
        root.pid,
        refresh_s,
        clock,
        process=lambda pid: root,
        children=lambda process: process.children(recursive=True),
    )


def test_steal_is_neither_busy_nor_idle():
    before, after = MachineTimes(10, 20, 0), MachineTimes(13, 25, 2)
    assert cpu.machine_percent(before, after) == 30.0
    assert cpu.steal_percent(before, after) == 20.0


def test_without_a_tick_there_is_no_percentage():
    still = MachineTimes(10, 20, 0)
    assert cpu.machine_percent(still, still) is None


def test_guest_time_is_not_counted_twice(monkeypatch):
    names = "user nice system idle iowait irq softirq steal guest"
    times = SimpleNamespace(**dict(zip(names.split(), range(1, 10), strict=True)))
    monkeypatch.setattr(psutil, "cpu_times", lambda: times)
    assert cpu.machine_times() == MachineTimes(1 + 2 + 3 + 6 + 7, 4 + 5, 8)


def test_a_tree_sums_times_and_memory_of_all_its_processes():
    child = FakeProcess(2, (1.0, 0.5, 0.0, 0.0), rss=30)
    root = FakeProcess(1, (2.0, 1.0, 0.25, 0.25), rss=100, children=[child])
    assert tree_of(root).read() == TreeUsage(5.0, 130, 2)


def test_a_reaped_childs_seconds_stay_in_the_sum():
    child = FakeProcess(2, (1.0, 0.0, 0.0, 0.0))
    root = FakeProcess(1, (2.0, 0.0, 0.0, 0.0), children=[child])
    tree = tree_of(root)
    assert tree.read().cpu_s == 3.0
    child.gone, root.times = True, (2.0, 0.0, 1.5, 0.0)
    assert tree.read() == TreeUsage(3.5, 0, 1)


def test_time_never_runs_back_when_a_child_is_lost():
    child = FakeProcess(2, (5.0, 0.0, 0.0, 0.0))
    tree = tree_of(FakeProcess(1, (1.0, 0.0, 0.0, 0.0), children=[child]))
    assert tree.read().cpu_s == 6.0
    child.gone = True
    assert tree.read().cpu_s == 6.0


@pytest.mark.parametrize(("refresh_s", "seen"), [(2.0, 1), (0.5, 2)])
def test_new_children_are_looked_for_once_a_refresh(refresh_s, seen):
    now = [0.0]
    root = FakeProcess(1)
    tree = tree_of(root, clock=lambda: now[0], refresh_s=refresh_s)
    tree.read()
    root.offspring.append(FakeProcess(2))
    now[0] = 1.0
    assert tree.read().processes == seen


def test_a_tree_without_its_root_reads_as_gone():
    root = FakeProcess(1)
    tree = tree_of(root)
    root.gone = True
    assert tree.read() is None
    root.gone = False  # the number given to another process later
    assert tree.read() is None


def test_a_process_that_never_was_reads_as_gone():
    def absent(pid):
        raise psutil.NoSuchProcess(pid)

    assert ProcessTree(1, process=absent).read() is None


@pytest.fixture
def pair():
    """Two processes of 3 s and 10 MB, and of 4 s and 20 MB."""
    return FakeProcess(1, (3.0, 0, 0, 0), 10), FakeProcess(2, (4.0, 0, 0, 0), 20)


def trees_of(*roots):
    by_pid = {root.pid: root for root in roots}
    return ProcessTrees(*by_pid, tree=lambda pid: tree_of(by_pid[pid]))


def test_several_trees_are_read_as_one(pair):
    trees = trees_of(*pair)
    assert trees.pids == (1, 2)
    assert trees.read() == TreeUsage(7.0, 30, 2)


def test_what_a_gone_tree_has_used_stays_in_the_sum(pair):
    trees = trees_of(*pair)
    trees.read()
    pair[1].gone = True
    assert trees.read() == TreeUsage(7.0, 10, 1)


def test_trees_are_gone_when_all_are(pair):
    trees = trees_of(*pair)
    trees.read()
    for root in pair:
        root.gone = True
    assert trees.read() is None


def test_a_tree_joins_others():
    trees = ProcessTrees(os.getpid())
    trees.add(os.getppid())
    assert trees.pids == (os.getpid(), os.getppid())
    assert trees.read().processes >= 2


def test_another_process_needs_no_page_of_a_file_twice(tmp_path, write):
    write("proc/7/status", "VmHWM:\t  2048 kB\nRssFile:\t 512 kB\n")
    assert cpu.peak_private_bytes(7, tmp_path) == 1536 * 1024
    write("proc/8/status", "VmHWM:\t  2048 kB\n")
    assert cpu.peak_private_bytes(8, tmp_path) == 2048 * 1024
    assert cpu.peak_private_bytes(9, tmp_path) is None


def test_the_peak_outlives_the_memory(tmp_path, write):
    write("proc/7/status", "Name:\tx\nVmHWM:\t  2048 kB\nVmRSS:\t 10 kB\n")
    peak = cpu.peak_memory(7, tmp_path)
    assert (peak.own_bytes, peak.source) == (2048 * 1024, "VmHWM")


def test_a_gone_process_has_no_peak(tmp_path):
    peak = cpu.peak_memory(999_999_999, tmp_path)
    assert peak.total_bytes is None
    assert "999999999 is gone" in peak.source


def test_without_proc_this_process_falls_back_to_getrusage(tmp_path):
    peak = cpu.peak_memory(root=tmp_path)
    assert peak.source == "ru_maxrss"
    assert peak.total_bytes > 1 << 20


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="needs /proc")
def test_a_live_childs_peak_is_added_and_the_parents_is_not_inherited():
    ballast = bytearray(64 << 20)
    ballast[::4096] = b"x" * len(ballast[::4096])
    sleep = "import sys; print(flush=True); sys.stdin.read()"
    child = subprocess.Popen(
        [sys.executable, "-c", sleep], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with child:
        child.stdout.readline()
        peak = cpu.peak_memory()
        child.stdin.close()
    assert peak.total_bytes == peak.own_bytes + peak.children_bytes
    assert 1 << 20 < peak.children_bytes < 64 << 20 < peak.own_bytes


def test_an_unreadable_or_senseless_file_is_none(tmp_path, write):
    assert cpu.read_text(tmp_path / "absent") is None
    assert cpu.read_int(write("text", "12 V")) is None
    assert cpu.read_int(write("number", " 12\n")) == 12


def test_a_worker_reports_its_peak_as_one_number(monkeypatch):
    found = cpu.PeakMemory(own_bytes=5, children_bytes=2, source="VmHWM")
    monkeypatch.setattr(cpu, "peak_memory", lambda: found)
    assert cpu.peak_rss_bytes() == 7


def test_the_cpus_of_a_process_are_those_it_may_use_and_none_once_it_is_gone():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert cpu.allowed_cpus(ended.pid) == set()
    assert cpu.allowed_cpus(os.getpid()) == os.sched_getaffinity(0)


NESTED = """
import subprocess, sys, time
if int(sys.argv[1]):
    subprocess.Popen([sys.executable, __file__, str(int(sys.argv[1]) - 1)])
print("up", flush=True)
time.sleep(60)
"""


def test_descendants_are_those_that_psutil_finds(tmp_path):
    script = tmp_path / "nested.py"
    script.write_text(NESTED)
    command = [sys.executable, str(script), "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as started:
        for _ in range(3):
            started.stdout.readline()
        process = psutil.Process(started.pid)
        expected = process.children(recursive=True)
        found = cpu.descendants(process)
        none_listed = cpu.descendants(process, root=tmp_path)
        for one in (*expected, process):
            one.kill()
    assert len(expected) == 2
    assert {one.pid for one in found} == {one.pid for one in expected}
    assert {one.pid for one in none_listed} == {one.pid for one in expected}


def test_children_are_read_of_every_thread(tmp_path):
    for thread, children in ((7, "8 9"), (70, "11")):
        folder = tmp_path / "proc/7/task" / str(thread)
        folder.mkdir(parents=True)
        (folder / "children").write_text(f"{children} \n")
    assert sorted(cpu._listed_children(7, tmp_path)) == [8, 9, 11]
    assert cpu._listed_children(8, tmp_path) is None


def test_the_counters_of_single_cpus_are_read_by_their_number(tmp_path, write):
    """Where CPUs are offline, the lines are fewer than the highest number."""
    write(
        "proc/stat",
        "cpu  9 9 9 9 9 9 9 9 9 9\n"
        "cpu0 100 0 50 800 10 5 5 30 100 0\n"
        "cpu7 200 0 0 0 0 0 0 100 0 0\n"
        "intr 5 6\n",
    )
    found = times_of_cpus({0, 7, 9}, tmp_path)
    assert found == {0: MachineTimes(1.6, 8.1, 0.3), 7: MachineTimes(2.0, 0.0, 1.0)}
    total = sum_of_times(found.values())
    assert (total.busy_s, total.idle_s, total.steal_s) == pytest.approx((3.6, 8.1, 1.3))


def test_where_no_cpu_is_stated_there_are_no_counters(tmp_path):
    assert times_of_cpus({0}, tmp_path) == {}
