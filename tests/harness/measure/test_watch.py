import os
from dataclasses import replace
from itertools import chain, repeat

import pytest

from harness.hardware import Hardware
from harness.measure import watch
from harness.measure.watch import Instruments, SegmentNoise, Watch
from harness.observe import host_speed, noise
from harness.observe.cpu import MachineTimes
from harness.observe.host_speed import HostSpeed
from harness.observe.limits import NoiseWarning
from harness.observe.noise import Snapshot
from harness.observe.threads import Scheduled
from harness.observe.yardstick import Reading


@pytest.fixture
def energy_of(monkeypatch):
    """What is told of the energy of a case, given the counters there are."""

    def stated(hardware, source, reason):
        class Meter:
            """Reads 2 J more each time."""

            def __init__(self, nvml):
                self.source, self.reason = source, reason
                self._joules = 0.0

            def joules(self):
                self._joules += 2.0
                return self._joules

        monkeypatch.setattr(watch, "EnergyMeter", Meter)
        monkeypatch.setattr(Instruments, "gpus_of", lambda *_: None)
        instruments = Instruments({hardware: 3.0})
        watching = Watch(os.getpid(), Hardware.parse(hardware), instruments)
        watching.enter("timed")
        watching.enter("done")
        return watching.close().energy

    return stated


@pytest.mark.parametrize(
    ("hardware", "source"),
    [("cpu", "rapl"), ("cuda:0", "nvml"), ("cuda:0", "rapl+nvml")],
)
def test_energy_is_of_the_counters_that_hold_the_device(energy_of, hardware, source):
    energy = energy_of(hardware, source, None)
    assert energy.joules >= 2.0
    assert (energy.source, energy.reason) == (source, None)


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        ("no counter on [0]", "no energy counter of every GPU; no counter on [0]"),
        (None, "no energy counter of every GPU"),
    ],
)
def test_the_processors_joules_are_not_passed_off_as_a_gpus(energy_of, missing, reason):
    energy = energy_of("cuda:0", "rapl", missing)
    assert (energy.joules, energy.source) == (None, "none")
    assert energy.reason == reason


SNAPSHOT = Snapshot(
    t_s=10.0,
    machine=MachineTimes(100.0, 100.0, 0.0),
    worker_cpu_s=50.0,
    switches={7: 10},
    minor_faults=1000,
    major_faults=1,
    throttle_events=2,
    frequencies_mhz=(3000.0,),
    load_1min=0.5,
)


def after(seconds, stolen_s=0.0, mhz=3000.0):
    """A snapshot so long after the first, of two cores with one busy worker."""
    machine = MachineTimes(100.0 + seconds, 100.0 + seconds - stolen_s, stolen_s)
    return replace(
        SNAPSHOT,
        t_s=10.0 + seconds,
        machine=machine,
        worker_cpu_s=50.0 + seconds,
        frequencies_mhz=(mhz,),
    )


class FakeStick:
    """Reads shares of a machine's best, the last for ever."""

    def __init__(self, *shares):
        self._shares = chain(shares, repeat(shares[-1]))
        self.made = 0

    def read(self):
        share = next(self._shares)
        self.made += 1
        return Reading(float(self.made), 1e9 * share, 1e10, 0.01)


def host(*shares):
    """The speed of a host whose best is known from five runs before this one."""
    return HostSpeed(FakeStick(*shares), readings=[Reading(0.0, 1e9, 1e10, 0.01)] * 5)


@pytest.fixture
def watching(monkeypatch):
    """A watch on this process whose snapshots are those given, the last for ever: each
    ends a segment and begins the next."""

    def watch_with(first, *others, host=None):
        twice = chain.from_iterable((one, one) for one in others)
        stated = chain([first], twice, repeat(others[-1] if others else first))
        monkeypatch.setattr(watch.noise, "take", lambda tree: next(stated))
        monkeypatch.setattr(Instruments, "host_of", lambda *_: host)
        instruments = Instruments({"cpu": None})
        return Watch(os.getpid(), Hardware.parse("cpu"), instruments)

    return watch_with


def test_each_segment_has_the_noise_since_the_one_before(watching):
    one = watching(SNAPSHOT, after(1.0), after(2.0, stolen_s=0.5), after(3.0, 0.5))
    one.enter("timed")
    assert [one.segment(samples) for samples in (4, 5, 6)] == [False, True, False]
    one.enter("done")
    seen = one.close().noise
    assert [segment.samples for segment in seen] == [4, 5, 6]
    assert [segment.noise.seconds for segment in seen] == [1.0, 1.0, 1.0]
    assert [segment.noise.steal_percent for segment in seen] == [0.0, 25.0, 0.0]
    assert [warning.name for warning in seen[1].exceeded] == ["steal_percent"]


@pytest.mark.parametrize(("seconds", "spoiled"), [(0.25, False), (0.5, True)])
def test_segments_too_short_for_their_counters_are_not_judged(
    watching, seconds, spoiled
):
    one = watching(SNAPSHOT, after(seconds, stolen_s=seconds / 2))
    one.enter("timed")
    assert one.segment(4) is spoiled
    (seen,) = one.close().noise
    assert seen.noise.steal_percent == 25.0
    assert seen.judged is spoiled


def with_threads(snapshot, *waited_s, cpus=2, ran_s=0.2):
    """With threads that ran and waited so long since they began."""
    threads = {n: Scheduled(ran_s, waited) for n, waited in enumerate(waited_s)}
    own = {n: MachineTimes(1.0, 1.0, 0.0) for n in range(cpus)}
    return replace(snapshot, scheduled=threads, cpus=own)


@pytest.mark.parametrize(("waited_s", "spoiled"), [(0.001, False), (0.1, True)])
def test_a_short_segment_is_judged_by_how_long_its_threads_had_no_cpu(
    watching, waited_s, spoiled
):
    begin = with_threads(SNAPSHOT, 0.0, 0.0, ran_s=0.0)
    one = watching(begin, with_threads(after(0.25), 0.0, waited_s))
    one.enter("timed")
    assert one.segment(4) is spoiled
    assert one.close().noise[0].judged


def test_threads_that_hinder_one_another_are_the_cases_own_doing(watching):
    begin = with_threads(SNAPSHOT, 0.0, 0.0, 0.0, ran_s=0.0)
    one = watching(begin, with_threads(after(0.25), 0.1, 0.1, 0.1))
    one.enter("timed")
    assert one.segment(4) is False


def test_a_timed_stage_that_tells_of_no_segment_is_one(watching):
    one = watching(SNAPSHOT, after(30.0, stolen_s=15.0))
    one.enter("timed")
    one.enter("accuracy")
    one.enter("profile")
    (seen,) = one.close().noise
    assert (seen.samples, seen.noise.seconds, seen.spoiled) == (None, 30.0, True)


def test_a_worker_that_ended_before_its_timed_stage_has_no_noise(watching):
    one = watching(SNAPSHOT)
    one.enter("build")
    assert one.close().noise == ()


def test_a_segment_at_a_lower_clock_than_an_earlier_one_warns_but_counts(watching):
    one = watching(SNAPSHOT, after(1.0), after(2.0, mhz=2000.0), after(3.0, mhz=2000.0))
    one.enter("timed")
    verdicts = [one.segment(1) for _ in range(3)]
    assert verdicts == [False, False, False]
    drop = one.close().noise[2].exceeded[0]
    assert (drop.name, drop.measured) == (
        "frequency_drop_percent",
        pytest.approx(100 / 3),
    )


@pytest.mark.parametrize(
    ("name", "spoiled"),
    [
        ("steal_percent", True),
        ("others_cpu_percent", True),
        ("host_registers_slow_percent", True),
        ("host_memory_slow_percent", True),
        ("host_handover_slow_percent", True),
        ("steal_worst_cpu_percent", True),
        ("others_cores", True),
        ("waiting_percent", True),
        ("quota_throttled_percent", False),
        ("throttle_events", False),
        ("frequency_drop_percent", False),
        ("involuntary_switches_per_s", False),
        ("major_faults", False),
    ],
)
def test_others_spoil_and_what_machine_or_case_did_itself_warns(name, spoiled):
    found = noise.between([SNAPSHOT, after(1.0)])
    exceeded = NoiseWarning(name, 9.0, 1.0, "units", "a cause", "a remedy")
    assert SegmentNoise(8, found, (exceeded,)).spoiled is spoiled
    assert not SegmentNoise(8, found, ()).spoiled


def test_a_segment_of_a_slower_host_is_drawn_again(watching):
    """0.5 at its end and 1 at its beginning: 0.75 of the best on average."""
    speeds = host(1.0, 1.0, 0.5, 1.0, 1.0)
    one = watching(SNAPSHOT, *(after(s) for s in (1.0, 2.0, 3.0, 4.0)), host=speeds)
    one.enter("timed")
    assert [one.segment(4) for _ in range(4)] == [False, True, True, False]
    seen = one.close().noise
    assert [part.noise.host.registers for part in seen] == [1.0, 0.75, 0.75, 1.0]
    assert [part.noise.host.at_unix_s for part in seen] == [2.0, 3.0, 4.0, 5.0]
    assert [warning.name for warning in seen[1].exceeded] == [
        "host_registers_slow_percent"
    ]


def test_the_yardsticks_own_work_is_no_noise_of_the_next_segment(watching, monkeypatch):
    # Half a second that is not the worker's, after one segment and before the next.
    busy = replace(after(1.5), worker_cpu_s=51.0)
    last = replace(after(2.5), worker_cpu_s=52.0)
    ends = chain([SNAPSHOT, after(1.0), busy], repeat(last))
    one = watching(SNAPSHOT, host=host(1.0))
    monkeypatch.setattr(watch.noise, "take", lambda tree: next(ends))
    one.enter("timed")
    assert [one.segment(4), one.segment(4)] == [False, False]
    assert [part.noise.others_cpu_percent for part in one.close().noise] == [0.0, 0.0]


def test_a_host_that_is_slow_most_of_the_time_marks_but_draws_nothing_again(watching):
    ends = [after(float(s)) for s in range(1, 31)]
    one = watching(SNAPSHOT, *ends, host=host(0.5))
    one.enter("timed")
    verdicts = [one.segment(1) for _ in ends]
    assert verdicts[0] is True
    assert verdicts[-1] is False
    last = one.close().noise[-1]
    assert last.spoiled
    assert not last.asks_again


def test_another_disturbance_on_a_slow_host_is_drawn_again(watching):
    ends = [after(float(s), stolen_s=0.5 * s) for s in range(1, 31)]
    one = watching(SNAPSHOT, *ends, host=host(0.5))
    one.enter("timed")
    assert all(one.segment(1) for _ in ends)


def test_a_machine_at_a_falling_clock_is_not_drawn_again_for_its_slow_yardstick(
    watching,
):
    """3 GHz, then 2: sustained speed is what is bought."""
    slow = after(2.0, mhz=2000.0), after(3.0, mhz=2000.0)
    one = watching(SNAPSHOT, after(1.0), *slow, host=host(1.0, 1.0, 0.67, 0.67))
    one.enter("timed")
    assert [one.segment(4) for _ in range(3)] == [False, False, False]
    assert [w.name for w in one.close().noise[2].exceeded] == ["frequency_drop_percent"]


@pytest.mark.parametrize(
    ("quota", "cpus"), [(None, (0, 3, 7)), (2.5, (0, 3)), (0.5, (0,)), (9.0, (0, 3, 7))]
)
def test_the_yardstick_takes_no_more_cpus_than_a_quota_pays_for(
    monkeypatch, quota, cpus
):
    monkeypatch.setattr(host_speed, "cpu_quota_cores", lambda: quota)
    instruments = Instruments()
    speed = instruments.host_of({7, 3, 0})
    assert speed.stick.cpus == cpus
    assert instruments.host_of({0, 3, 7}) is speed


def test_a_worker_that_is_gone_has_no_yardstick():
    assert Instruments().host_of(()) is None
