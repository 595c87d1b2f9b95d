from dataclasses import replace

import pytest
from test_noise import AFTER, BEFORE

from harness.observe.cgroups import Throttling
from harness.observe.cpu import MachineTimes
from harness.observe.host_speed import HostShare
from harness.observe.limits import Limits, warnings
from harness.observe.noise import between


def host(registers=1.0, memory=1.0, handovers=1.0):
    rates, rate = (1e9 * registers, 1e10 * memory), handovers and 6e7 * handovers
    return HostShare(5.0, *rates, registers, memory, rate, handovers)


QUIET = between([BEFORE, replace(AFTER, worker_cpu_s=60.0)])


def test_a_quiet_run_has_no_warning():
    after = replace(AFTER, worker_cpu_s=60.0)
    assert warnings(between([BEFORE, after])) == []


def test_a_warning_tells_number_limit_cause_and_remedy():
    after = replace(AFTER, worker_cpu_s=56.0)
    (warning,) = warnings(between([BEFORE, after]))
    assert str(warning) == (
        "others_cpu_percent: 20 % of the worker's CPUs (limit 5); likely other "
        "programs at work beside the worker, or threads of another process that spin "
        "while they wait; stop them (top names them), or give the worker cores of its "
        "own (taskset, cgroups)"
    )


def test_a_warning_may_tell_in_how_much_of_what_was_measured():
    (warning,) = warnings(between([BEFORE, replace(AFTER, worker_cpu_s=56.0)]))
    stated = str(replace(warning, where="in 1 of 4 segments"))
    assert "(limit 5) in 1 of 4 segments; likely other programs" in stated


def test_a_steady_clock_below_that_of_an_earlier_span_is_a_drop():
    slow = replace(AFTER, worker_cpu_s=60.0, frequencies_mhz=(3000.0, 3000.0))
    found = between([BEFORE, slow])
    assert warnings(found, fastest_mhz=3300.0) == []
    (warning,) = warnings(found, fastest_mhz=4000.0)
    assert (warning.name, warning.measured) == ("frequency_drop_percent", 25.0)


def test_a_core_that_idles_at_a_low_clock_is_no_drop():
    uneven = (800.0, 3600.0)
    before = replace(BEFORE, frequencies_mhz=uneven)
    after = replace(AFTER, worker_cpu_s=60.0, frequencies_mhz=uneven)
    assert warnings(between([before, after]), fastest_mhz=2200.0) == []


@pytest.mark.parametrize(
    ("name", "change", "measured"),
    [
        ("steal_percent", {"machine": MachineTimes(110.0, 105.0, 5.0)}, 25.0),
        ("involuntary_switches_per_s", {"switches": {7: 3010}}, 300.0),
        ("frequency_drop_percent", {"frequencies_mhz": (1000.0, 3000.0)}, 50 / 3),
        ("others_cpu_percent", {"worker_cpu_s": 56.0}, 20.0),
        ("major_faults", {"major_faults": 21}, 20),
        ("quota_throttled_percent", {"throttling": Throttling(10, 5, 1.0)}, 50.0),
        ("throttle_events", {"throttle_events": 3}, 1),
    ],
)
def test_each_limit_can_be_exceeded_and_raised(name, change, measured):
    quiet = replace(AFTER, worker_cpu_s=60.0)
    found = between([BEFORE, replace(quiet, **change)])
    (warning,) = warnings(found)
    assert warning.name == name
    assert warning.measured == pytest.approx(measured)
    assert warnings(found, Limits(others_cores=1.0, **{name: measured + 1})) == []


@pytest.mark.parametrize(
    ("given", "name", "measured"),
    [
        ({"registers": 0.75}, "host_registers_slow_percent", 25.0),
        ({"memory": 0.5}, "host_memory_slow_percent", 50.0),
        ({"handovers": 0.25}, "host_handover_slow_percent", 75.0),
    ],
)
def test_a_host_that_gives_less_than_its_best_is_stated(given, name, measured):
    (warning,) = warnings(replace(QUIET, host=host(**given)))
    assert (warning.name, warning.measured) == (name, measured)
    assert "% below the best" in str(warning)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"registers": 0.9, "memory": 0.8, "handovers": 0.4},
        {"registers": 1.5, "memory": 1.5},
        {"handovers": None},
    ],
)
def test_a_host_near_its_best_is_no_disturbance(given):
    assert warnings(replace(QUIET, host=host(**given))) == []


def test_a_host_as_slow_as_the_machines_own_clock_is_the_machines_doing():
    slow = replace(QUIET, frequency_mean_mhz=2000.0, host=host(registers=0.67))
    (warning,) = warnings(slow, fastest_mhz=3000.0)
    assert warning.name == "frequency_drop_percent"


def test_a_host_slower_than_the_clock_explains_is_stated_beside_the_clock():
    slow = replace(QUIET, frequency_mean_mhz=2000.0, host=host(registers=0.5))
    clock, registers = warnings(slow, fastest_mhz=3000.0)
    assert clock.name == "frequency_drop_percent"
    assert registers.measured == pytest.approx(25.0)


def test_a_machine_that_got_too_hot_explains_any_slowness():
    hot = replace(QUIET, throttle_events=3, host=host(registers=0.5, memory=0.5))
    assert [warning.name for warning in warnings(hot)] == ["throttle_events"]


CORES = 64
OWN_IDLE = {n: MachineTimes(100.0, 100.0, 0.0) for n in range(CORES)}


def cores(busy_s=(), stolen_s=()):
    """Counters of 64 CPUs after ten seconds, of which some were busy or stolen."""
    return {
        n: MachineTimes(
            100.0 + dict(busy_s).get(n, 0.0), 110.0, dict(stolen_s).get(n, 0)
        )
        for n in range(CORES)
    }


def noise_on(cpus, worker_cpu_s, **counters):
    """Of a worker on these of 64 CPUs."""
    own = {n: times for n, times in cores(**counters).items() if n in cpus}
    before = replace(BEFORE, cpus={n: OWN_IDLE[n] for n in cpus})
    after = replace(AFTER, cpus=own, worker_cpu_s=50.0 + worker_cpu_s)
    return between([before, after])


def test_half_of_the_only_core_taken_is_half_however_many_others_there_are():
    found = noise_on([5], 5.0, busy_s={5: 10.0}.items())
    assert found.others_cpu_percent == pytest.approx(25.0)  # of 20 s that its CPU told
    assert [w.name for w in warnings(found)] == ["others_cpu_percent"]


def test_what_befalls_other_cpus_is_no_noise():
    found = noise_on([5], 0.0, busy_s={9: 10.0}.items(), stolen_s={9: 10.0}.items())
    assert (found.others_cpu_percent, found.steal_percent) == (0.0, 0.0)
    assert warnings(found) == []


def test_one_core_of_many_that_a_step_waits_for_is_stated():
    found = noise_on(range(CORES), 0.0, busy_s={5: 4.0}.items())
    assert found.others_cpu_percent < 1.0
    assert [w.name for w in warnings(found)] == ["others_cores"]


def test_one_core_of_many_that_another_guest_has_is_stated():
    found = noise_on(range(CORES), 0.0, stolen_s={5: 4.0}.items())
    assert found.steal_percent < 1.0
    (warning,) = warnings(found)
    assert warning.name == "steal_worst_cpu_percent"
    assert warning.measured == pytest.approx(100 * 4 / 14)


def test_a_quota_that_stopped_the_worker_is_stated_by_its_periods():
    found = between(
        [
            replace(BEFORE, throttling=Throttling(100, 10, 1.0)),
            replace(AFTER, worker_cpu_s=60.0, throttling=Throttling(761, 514, 31.0)),
        ]
    )
    (warning,) = warnings(found)
    assert found.quota_throttled_s == 30.0
    assert warning.measured == pytest.approx(100 * 504 / 661)
    assert str(warning).startswith("quota_throttled_percent: 76.25 % of the quota's")


def test_waiting_is_judged_where_ticks_are_too_coarse():
    short = replace(QUIET, seconds=0.25, waiting_percent=20.0, others_cpu_percent=50.0)
    assert [w.name for w in warnings(short)] == ["waiting_percent"]
    assert [w.name for w in warnings(replace(short, seconds=1.0))] == [
        "others_cpu_percent"
    ]
