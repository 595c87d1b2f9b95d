from dataclasses import replace
from types import SimpleNamespace

from harness.observe import limits, noise
from harness.observe.cpu import MachineTimes, TreeUsage
from harness.observe.noise import Snapshot

CPUS = "sys/devices/system/cpu"
STAT = "7 (a (b) c) S 1 7 7 0 -1 64 {minor} 0 {major} 0 5 6 0 0 20 0 1 0 100 1 1"

BEFORE = Snapshot(
    t_s=10.0,
    machine=MachineTimes(100.0, 100.0, 0.0),
    worker_cpu_s=50.0,
    switches={7: 10, 8: 20},
    minor_faults=1000,
    major_faults=1,
    throttle_events=2,
    frequencies_mhz=(3000.0, 3000.0),
    load_1min=0.5,
)
AFTER = replace(BEFORE, t_s=20.0, machine=MachineTimes(110.0, 110.0, 0.0))


def fake_tree(usage):
    return SimpleNamespace(pids=(7,), read=lambda: usage)


def take(tmp_path, usage=None):
    times = MachineTimes(1.0, 2.0, 3.0)
    return noise.take(fake_tree(usage), tmp_path, lambda: 5.0, lambda: times)


def test_a_snapshot_reads_all_threads_of_the_worker(tmp_path, write):
    write("proc/7/task/7/status", "Name:\tw\nnonvoluntary_ctxt_switches:\t3\n")
    write("proc/7/task/9/status", "Name:\tw\nnonvoluntary_ctxt_switches:\t4\n")
    write("proc/7/stat", STAT.format(minor=120, major=4))
    write("proc/loadavg", "1.25 0.80 0.50 2/85 3209\n")
    snapshot = take(tmp_path, TreeUsage(8.0, 0, 1))
    assert snapshot.switches == {7: 3, 9: 4}
    assert (snapshot.minor_faults, snapshot.major_faults) == (120, 4)
    assert (snapshot.load_1min, snapshot.worker_cpu_s) == (1.25, 8.0)
    assert (snapshot.t_s, snapshot.machine) == (5.0, MachineTimes(1.0, 2.0, 3.0))


def test_a_snapshot_of_a_gone_worker_is_full_of_nones(tmp_path):
    snapshot = take(tmp_path)
    assert (snapshot.switches, snapshot.worker_cpu_s) == (None, None)
    assert (snapshot.minor_faults, snapshot.load_1min) == (None, None)


def test_a_packages_throttling_is_counted_once_for_all_its_cores(tmp_path, write):
    for cpu in range(4):
        folder = f"{CPUS}/cpu{cpu}"
        write(f"{folder}/topology/physical_package_id", str(cpu // 2))
        write(f"{folder}/thermal_throttle/core_throttle_count", "1")
        write(f"{folder}/thermal_throttle/package_throttle_count", "10")
    assert noise.throttle_events(tmp_path) == 4 * 1 + 2 * 10


def test_a_machine_without_throttle_counters_does_not_count_zero(tmp_path):
    assert noise.throttle_events(tmp_path) is None


def test_frequencies_are_read_of_the_cores_that_the_worker_may_use(tmp_path, write):
    for core, khz in enumerate(("2600000", "3100500", "800000")):
        write(f"{CPUS}/cpu{core}/cpufreq/scaling_cur_freq", khz)
    assert noise.frequencies_mhz(tmp_path, {1, 0}) == (2600.0, 3100.5)
    assert noise.frequencies_mhz(tmp_path, {7}) == ()


def test_steal_is_a_share_of_the_whole_machine():
    after = replace(AFTER, machine=MachineTimes(105.0, 113.0, 2.0))
    assert noise.between([BEFORE, after]).steal_percent == 10.0


def test_other_programs_are_what_the_worker_did_not_use():
    after = replace(AFTER, worker_cpu_s=56.0)
    assert noise.between([BEFORE, after]).others_cpu_percent == 20.0


def test_counters_that_tick_apart_make_no_negative_share():
    after = replace(AFTER, worker_cpu_s=60.5)
    assert noise.between([BEFORE, after]).others_cpu_percent == 0.0


def test_switches_are_counted_for_new_and_old_threads_but_not_ended_ones():
    found = noise.between([BEFORE, replace(AFTER, switches={7: 40, 9: 5})])
    assert found.involuntary_switches == 30 + 5
    assert found.involuntary_switches_per_s == 3.5


def test_faults_and_throttlings_are_differences():
    after = replace(AFTER, minor_faults=1500, major_faults=4, throttle_events=3)
    found = noise.between([BEFORE, after])
    assert (found.minor_faults, found.major_faults) == (500, 3)
    assert found.throttle_events == 1
    assert found.seconds == 10.0


def test_every_snapshot_tells_the_frequency():
    halfway = replace(BEFORE, t_s=15.0, frequencies_mhz=(2000.0, 2800.0))
    found = noise.between([BEFORE, halfway, AFTER])
    assert (found.frequency_min_mhz, found.frequency_max_mhz) == (2000.0, 3000.0)
    assert found.frequency_mean_mhz == 2800.0
    assert found.frequency_fastest_mhz == 3000.0


def test_load_stands_for_both_ends():
    found = noise.between([BEFORE, replace(AFTER, load_1min=2.0)])
    assert (found.load_1min_before, found.load_1min_after) == (0.5, 2.0)


def test_the_unknown_has_reasons():
    after = replace(AFTER, throttle_events=None, worker_cpu_s=None)
    found = noise.between(
        [replace(BEFORE, frequencies_mhz=()), replace(after, frequencies_mhz=())]
    )
    assert sorted(found.unknown) == ["frequency", "throttle_events", "worker"]
    assert found.frequency_mean_mhz is found.others_cpu_percent is None
    assert noise.between([BEFORE, AFTER]).unknown == {}


def busy(write, *ticks):
    """Two cores of two threads, 0 with 2 and 1 with 3: each CPU's hundredths of a
    second at work, with none idle."""
    lines = [f"cpu{n} {busy} 0 0 0 0" for n, busy in enumerate(ticks)]
    write("proc/stat", "\n".join(["cpu 1 1 1 1", *lines]))
    for n in range(4):
        write(f"{CPUS}/cpu{n}/topology/thread_siblings_list", f"{n % 2},{n % 2 + 2}\n")


def test_load_on_the_other_threads_of_the_workers_cores_is_others(
    tmp_path, write, monkeypatch
):
    """The worker may use one thread of each core, and nothing else runs on those."""
    monkeypatch.setattr(noise, "allowed_to_any", lambda pids: {0, 1})
    busy(write, 100, 100, 50, 50)
    before = take(tmp_path, TreeUsage(2.0, 0, 1))
    busy(write, 200, 200, 50, 150)
    after = replace(take(tmp_path, TreeUsage(4.0, 0, 1)), t_s=before.t_s + 1.0)
    found = noise.between([before, after])
    assert set(before.siblings) == {2, 3}
    assert found.others_cores == 1.0
    assert found.others_cpu_percent == 50.0
    assert {one.name for one in limits.warnings(found)} == {"others_cpu_percent"}


def test_a_worker_on_both_threads_of_a_core_has_no_sibling_beside_it(
    tmp_path, write, monkeypatch
):
    monkeypatch.setattr(noise, "allowed_to_any", lambda pids: {0, 2})
    busy(write, 100, 900, 100, 900)
    snapshot = take(tmp_path, TreeUsage(2.0, 0, 1))
    assert (set(snapshot.cpus), snapshot.siblings) == ({0, 2}, {})


def test_where_no_siblings_are_stated_only_the_workers_cpus_count(
    tmp_path, write, monkeypatch
):
    monkeypatch.setattr(noise, "allowed_to_any", lambda pids: {0})
    write("proc/stat", "cpu0 1 0 0 1 0\ncpu1 1 0 0 1 0\n")
    snapshot = take(tmp_path, TreeUsage(2.0, 0, 1))
    assert (set(snapshot.cpus), snapshot.siblings) == ({0}, {})


def take_both(tmp_path):
    tree = SimpleNamespace(pids=(7, 8), read=lambda: TreeUsage(2.0, 0, 2))
    times = MachineTimes(1.0, 2.0, 3.0)
    return noise.take(tree, tmp_path, lambda: 5.0, lambda: times)


def test_a_snapshot_of_two_workers_has_the_threads_and_faults_of_both(tmp_path, write):
    for pid in (7, 8):
        status = f"nonvoluntary_ctxt_switches:\t{pid}\n"
        write(f"proc/{pid}/task/{pid}/status", status)
        write(f"proc/{pid}/task/{pid}/schedstat", f"{pid}000000000 0 1\n")
        write(f"proc/{pid}/stat", STAT.format(minor=10 * pid, major=pid))
    snapshot = take_both(tmp_path)
    assert snapshot.switches == {7: 7, 8: 8}
    assert (snapshot.minor_faults, snapshot.major_faults) == (150, 15)
    assert {n: one.ran_s for n, one in snapshot.scheduled.items()} == {7: 7.0, 8: 8.0}


def test_a_worker_that_is_gone_leaves_what_the_other_tells(tmp_path, write):
    write("proc/8/stat", STAT.format(minor=10, major=1))
    snapshot = take_both(tmp_path)
    assert (snapshot.minor_faults, snapshot.switches) == (10, None)


def test_the_cpus_of_two_workers_are_those_of_either(tmp_path, write, monkeypatch):
    allowed = {7: {0}, 8: {2}}
    monkeypatch.setattr("harness.observe.cpu.allowed_cpus", allowed.get)
    busy(write, 100, 100, 50, 50)
    assert set(take_both(tmp_path).cpus) == {0, 2}
