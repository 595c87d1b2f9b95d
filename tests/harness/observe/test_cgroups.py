"""Limits of control groups, out of made-up folders of both versions."""

import psutil
import pytest

from harness.observe import cgroups

GIB = 1 << 30
V1 = "4:memory:/job\n1:cpu,cpuacct:/\n0::/\n"


def test_the_tightest_limit_of_nested_groups_holds(tmp_path, write):
    write("proc/self/cgroup", "0::/outer/inner\n")
    write("sys/fs/cgroup/outer/cpu.max", "150000 100000\n")
    write("sys/fs/cgroup/outer/inner/cpu.max", "max 100000\n")
    write("sys/fs/cgroup/outer/inner/memory.max", "4096\n")
    write("sys/fs/cgroup/outer/memory.max", "max\n")
    assert cgroups.container(tmp_path) == {
        "kind": None,
        "cpu_limit_cores": 1.5,
        "memory_limit_bytes": 4096,
    }


def test_the_older_groups_are_read_too(tmp_path, write):
    write("proc/self/cgroup", "4:memory:/job\n1:cpu,cpuacct:/\n0::/\n")
    write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "50000")
    write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000")
    write("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "8192")
    write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712")
    limits = cgroups.container(tmp_path)
    assert (limits["cpu_limit_cores"], limits["memory_limit_bytes"]) == (0.5, 8192)


def test_a_quota_of_minus_one_is_no_limit(tmp_path, write):
    write("proc/self/cgroup", "1:cpu:/\n")
    write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1")
    write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000")
    assert cgroups.container(tmp_path)["cpu_limit_cores"] is None


@pytest.mark.parametrize(
    ("mark", "kind"), [(".dockerenv", "docker"), ("run/.containerenv", "podman")]
)
def test_a_container_is_known_by_its_mark(tmp_path, write, mark, kind):
    write(mark, "")
    assert cgroups.container(tmp_path)["kind"] == kind


@pytest.fixture
def limited(write):
    """A group of 3 GiB of which 2 are in use, a quarter of them by droppable pages."""

    def limit(version):
        if version == 2:
            write("proc/self/cgroup", "0::/job\n")
            write("sys/fs/cgroup/job/memory.max", str(3 * GIB))
            write("sys/fs/cgroup/job/memory.current", str(2 * GIB))
            pages = f"anon 1\ninactive_file {GIB // 2}\n"
            write("sys/fs/cgroup/job/memory.stat", pages)
        else:
            write("proc/self/cgroup", V1)
            folder = "sys/fs/cgroup/memory/job/memory"
            write(f"{folder}.limit_in_bytes", str(3 * GIB))
            write(f"{folder}.usage_in_bytes", str(2 * GIB))
            write(f"{folder}.stat", f"cache 7\ntotal_inactive_file {GIB // 2}\n")

    return limit


@pytest.mark.parametrize("version", [1, 2])
def test_what_a_limit_leaves_is_the_memory_there_is(
    tmp_path, monkeypatch, limited, version
):
    limited(version)
    assert cgroups.memory_left_bytes(tmp_path) == 3 * GIB // 2
    memory = psutil.virtual_memory()._replace(available=5 * GIB)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    assert cgroups.memory_available_bytes(tmp_path) == 3 * GIB // 2


def test_without_a_limit_the_machines_memory_is_there(tmp_path, monkeypatch):
    memory = psutil.virtual_memory()._replace(available=5 * GIB)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    assert cgroups.memory_left_bytes(tmp_path) is None
    assert cgroups.memory_available_bytes(tmp_path) == 5 * GIB


def test_a_group_that_is_full_leaves_nothing(tmp_path, write):
    write("proc/self/cgroup", "0::/\n")
    write("sys/fs/cgroup/memory.max", "4096\n")
    write("sys/fs/cgroup/memory.current", "8192\n")
    assert cgroups.memory_left_bytes(tmp_path) == 0


def test_a_limit_at_which_the_kernel_slows_a_group_down_is_one(tmp_path, write):
    write("proc/self/cgroup", "0::/\n")
    write("sys/fs/cgroup/memory.max", "max\n")
    write("sys/fs/cgroup/memory.high", "8192\n")
    assert cgroups.memory_limit_bytes(tmp_path) == 8192


def stopped(write, version, own, parent):
    """A group below another, each stopped in so many of 661 periods, 0.05 s each."""
    tops = {1: "sys/fs/cgroup/cpu", 2: "sys/fs/cgroup"}
    line = {1: "4:cpu,cpuacct:/box/job\n", 2: "0::/box/job\n"}[version]
    write("proc/7/cgroup", line)
    for folder, count in (("box/job", own), ("box", parent)):
        stated = {1: f"throttled_time {50_000_000 * count}"}.get(
            version, f"usage_usec 9\nthrottled_usec {50_000 * count}"
        )
        text = f"nr_periods 661\nnr_throttled {count}\n{stated}\n"
        write(f"{tops[version]}/{folder}/cpu.stat", text)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(("own", "parent"), [(504, 3), (3, 504)])
def test_a_quota_that_stops_a_group_or_one_above_it_is_counted(
    tmp_path, write, version, own, parent
):
    stopped(write, version, own, parent)
    found = cgroups.throttling(7, tmp_path)
    assert (found.periods, found.throttled) == (661, 504)
    assert found.throttled_s == pytest.approx(25.2)


@pytest.mark.parametrize(
    "text", ["", "nr_periods 0\nnr_throttled 0\nthrottled_usec 0\n", "nr_periods x\n"]
)
def test_without_a_quota_nothing_is_throttled(tmp_path, write, text):
    write("proc/7/cgroup", "0::/job\n")
    write("sys/fs/cgroup/job/cpu.stat", text)
    assert cgroups.throttling(7, tmp_path) is None
