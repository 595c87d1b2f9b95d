import os
import subprocess
import sys

import pytest

from harness.observe.threads import (
    Crowd,
    Pool,
    Scheduled,
    ThreadTimes,
    count_warnings,
    crowd,
    crowd_warning,
    loaded_pools,
    scheduled,
    thread_times,
)

STAT = "9 (a (b) c) S 1 7 7 0 -1 64 120 0 4 0 {user} {system} 0 0 20 0 1 0 100 1 1"
TORCHS = Pool("openmp", "libgomp.so.1", "torch", 2)
INTELS = Pool("openmp", "libiomp5.so", None, 2)
BLAS = Pool("blas", "libopenblas.so", "numpy", 2)


def test_the_times_of_each_thread_are_read_in_seconds(tmp_path, write):
    write("proc/7/task/7/stat", STAT.format(user=150, system=50))
    write("proc/7/task/7/schedstat", "2000000000 750000000 12")
    write("proc/7/task/9/stat", STAT.format(user=0, system=25))
    assert thread_times(7, tmp_path) == {
        7: ThreadTimes(2.0, 0.75),
        9: ThreadTimes(0.25, None),
    }


def test_a_process_that_is_gone_has_no_threads(tmp_path):
    assert thread_times(7, tmp_path) == {}


def span(*wanted, seconds=2.0, cpus=2):
    """Threads that ran and waited so long each."""
    before = dict.fromkeys(range(len(wanted)), ThreadTimes(10.0, 5.0))
    after = {
        thread: ThreadTimes(10.0 + ran, None if waited is None else 5.0 + waited)
        for thread, (ran, waited) in enumerate(wanted)
    }
    return crowd(before, after, seconds, cpus)


def test_two_pools_that_spin_on_two_cores_are_four_threads_of_half_the_time():
    found = span(*[(1.0, 1.0)] * 4)
    assert found == Crowd(busy=4, cpus=2, runnable_mean=4.0)
    assert found.is_oversubscribed


@pytest.mark.parametrize(("ran", "waited", "busy"), [(0.5, 0, 1), (0.49, 0, 0)])
def test_a_thread_is_busy_from_a_quarter_of_the_span(ran, waited, busy):
    assert span((ran, waited)).busy == busy


def test_waiting_for_a_cpu_is_being_busy():
    """Else other programs' load would hide a crowd."""
    assert span((0.25, 0.25)).busy == 1


def test_one_pool_as_large_as_the_cpus_is_no_crowd_whoever_else_is_at_work():
    assert not span((1.0, 1.0), (1.0, 1.0)).is_oversubscribed


def test_threads_that_idle_are_no_crowd():
    found = span((2.0, 0.0), (1.9, 0.0), *[(0.1, 0.0)] * 60)
    assert (found.busy, found.is_oversubscribed) == (2, False)


def test_pools_that_take_turns_are_no_crowd():
    found = span((2.0, 0.0), (1.0, 0.0), (1.0, 0.0))
    assert found == Crowd(busy=3, cpus=2, runnable_mean=2.0)
    assert not found.is_oversubscribed


def test_where_waiting_is_not_stated_busy_threads_alone_decide():
    found = span((1.0, None), (1.0, None), (1.0, None))
    assert found == Crowd(busy=3, cpus=2, runnable_mean=None)
    assert found.is_oversubscribed


def test_more_cpus_hold_more_threads():
    assert not span(*[(1.0, 1.0)] * 4, cpus=4).is_oversubscribed


def test_a_thread_that_began_in_the_span_counts_from_nothing():
    found = crowd({}, {7: ThreadTimes(1.0, 0.5)}, 2.0, 2)
    assert found == Crowd(busy=1, cpus=2, runnable_mean=0.75)


def test_a_crowd_is_stated_with_its_pools():
    assert crowd_warning(Crowd(4, 2, 3.96), [TORCHS, INTELS]) == (
        "busy_threads: 4 busy threads on 2 CPUs, 4.0 of them runnable at a time; pools "
        "loaded: libgomp.so.1 of torch 2, libiomp5.so 2; likely 2 OpenMP pools that "
        "spin on the same cores; let one pool work and give the others one thread, "
        "load one OpenMP library alone, or pass --env OMP_WAIT_POLICY=passive"
    )


def test_a_crowd_of_one_openmp_pool_has_another_cause():
    stated = crowd_warning(Crowd(3, 2, None), [TORCHS, BLAS])
    assert (
        "3 busy threads on 2 CPUs; pools loaded: libgomp.so.1 of torch 2, lib" in stated
    )
    assert "likely two thread pools at work at once" in stated


def test_no_crowd_has_no_warning():
    assert crowd_warning(Crowd(2, 2, 2.0), [TORCHS, INTELS]) is None


ASK = """
import sys
{first}
from harness.observe.threads import loaded_pools
for pool in loaded_pools():
    print(pool)
print("torch" in sys.modules)
"""


def asked_after(first, **variables):
    stated = subprocess.run(
        [sys.executable, "-c", ASK.format(first=first)],
        env=os.environ | {"OMP_NUM_THREADS": "1"} | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    return stated.stdout.splitlines()


def test_torchs_pool_is_named_with_its_threads():
    pools = [line for line in asked_after("import torch") if line.startswith("libgomp")]
    assert any(line.endswith(" of torch 1") for line in pools)


def test_a_limit_beside_the_count_is_heeded():
    """OpenMP goes on to tell the count that it was asked for."""
    lines = asked_after("import torch", OMP_NUM_THREADS="2", OMP_THREAD_LIMIT="1")
    (pool,) = [line for line in lines if line.startswith("libgomp")]
    assert pool.endswith(" of torch 1")


@pytest.mark.parametrize(
    ("asked", "allowed", "quota", "pools", "stated"),
    [
        (2, 2, None, [TORCHS, BLAS], []),
        (2, 2, 2.0, [], []),
        (4, 2, None, [], ["4 asked for, but the worker may use 2 CPUs"]),
        (2, 2, 1.5, [TORCHS], ["2 asked for on a quota of 1.5 CPUs"]),
        (3, 3, None, [TORCHS, BLAS], ["3 asked for, but libgomp.so.1 of torch 2 is"]),
    ],
)
def test_fewer_threads_than_the_hardware_says_are_stated(
    asked, allowed, quota, pools, stated
):
    found = count_warnings(asked, allowed, quota, pools)
    assert len(found) == len(stated)
    assert all(text in warning for warning, text in zip(found, stated, strict=True))


def test_asking_for_pools_loads_no_torch():
    assert asked_after("import numpy")[-1] == "False"


def test_pools_hold_no_paths():
    assert not any("/" in f"{pool}" for pool in loaded_pools())


def test_the_scheduler_tells_what_each_thread_ran_and_waited(tmp_path, write):
    write("proc/7/task/7/schedstat", "2000000000 500000000 12\n")
    write("proc/7/task/8/schedstat", "0 0 0\n")
    assert scheduled(7, tmp_path) == {7: Scheduled(2.0, 0.5)}


def test_a_kernel_without_scheduler_statistics_tells_nothing(tmp_path, write):
    write("proc/7/task/7/schedstat", "0 0 0\n")
    assert scheduled(7, tmp_path) is None
