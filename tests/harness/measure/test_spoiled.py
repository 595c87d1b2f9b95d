"""Noise in the record: tied to samples, and told where it counts."""

from dataclasses import replace

from outcomes import TRAINING_CASE, outcome, point, record, segment, sensed
from outcomes import training_outcome as training

from harness.observe.host_speed import HostShare
from harness.observe.threads import Crowd

STOLEN = {"steal_percent": 12.0}
CROWDED = {"others_cpu_percent": 40.0}


def timed(*segments, spoiled=False, process=0, **changes):
    """A worker whose timed stage came in these segments of samples of 0.5 s."""
    counted = [s for s in segments if spoiled or not s.asks_again]
    again = [s for s in segments if s not in counted]
    ended = outcome(
        *[0.5] * sum(s.samples for s in counted),
        spoiled_samples_s=[0.5] * sum(s.samples for s in again),
        spoiled=spoiled,
        seen=sensed(*segments),
        **changes,
    )
    return replace(ended, process=process)


def places(found):
    """Of each noise: process, first sample, samples, spoiled, counted."""
    return [
        (one.process, one.first_sample, one.samples, one.spoiled, one.counted)
        for one in found.noise
    ]


def test_noise_is_tied_to_the_samples_of_its_process():
    ended = timed(segment(3), segment(2)), timed(segment(4), process=1)
    assert places(record(*ended)) == [
        (0, 0, 3, False, True),
        (0, 3, 2, False, True),
        (1, 0, 4, False, True),
    ]


def test_noise_of_samples_drawn_again_is_tied_to_those_kept_apart():
    segments = segment(3), segment(2, **STOLEN), segment(4, **STOLEN), segment(5)
    found = record(timed(*segments))
    assert places(found) == [
        (0, 0, 3, False, True),
        (0, 0, 2, True, False),
        (0, 2, 4, True, False),
        (0, 3, 5, False, True),
    ]
    lists = found.timing.samples_s[0], found.timing.spoiled_samples_s[0]
    assert (len(lists[0]), len(lists[1])) == (8, 6)


def test_noise_of_a_stage_that_stays_spoiled_is_tied_to_what_counts():
    found = record(timed(segment(3), segment(2, **STOLEN), spoiled=True))
    assert places(found) == [(0, 0, 3, False, True), (0, 3, 2, True, True)]
    assert found.timing.spoiled is True
    assert found.noise[1].exceeded == ["steal_percent"]


def test_noise_carries_its_readings():
    dumped = record(timed(segment(3, **STOLEN), spoiled=True)).model_dump(mode="json")
    (noise,) = dumped["noise"]
    assert (noise["steal_percent"], noise["seconds"]) == (12.0, 1.0)
    assert noise["unknown"]["frequency"] == "no cpufreq"


def test_a_training_is_one_segment_of_all_its_epochs():
    ended = replace(training(point(1, 0.9), point(2, 0.8)), seen=sensed(segment(None)))
    found = record(ended, case=TRAINING_CASE)
    assert places(found) == [(0, 0, 2, False, True)]
    assert found.timing.spoiled is False


def test_a_disturbed_training_is_not_drawn_again_but_marked():
    noisy = segment(None, **STOLEN)
    ended = replace(training(point(1, 0.9)), seen=sensed(noisy))
    found = record(ended, case=TRAINING_CASE)
    assert found.timing.spoiled is True
    assert found.warnings == [
        "steal_percent: 12 % of the worker's CPUs (limit 1); likely other guests on "
        "the same host; use a dedicated or bare-metal machine, or repeat at a quieter "
        "hour"
    ]


def test_what_was_drawn_again_with_success_is_a_detail_and_no_warning():
    noisy = segment(4, **STOLEN), segment(4, **STOLEN | CROWDED)
    found = record(timed(segment(4), *noisy, segment(4)))
    assert (found.warnings, found.timing.spoiled) == ([], False)
    assert found.details["drawn_again"] == (
        "2 of 4 segments (2.0 s): steal_percent up to 12 % of the worker's CPUs, "
        "others_cpu_percent up to 40 % of the worker's CPUs"
    )


def test_an_undisturbed_case_has_no_such_detail():
    found = record(timed(segment(4)))
    assert (found.warnings, found.details) == ([], {})


def test_what_stays_spoiled_is_stated_once_a_limit_by_its_worst_reading():
    noisy = segment(1, **STOLEN), segment(1, steal_percent=3.0), segment(1, **CROWDED)
    found = record(timed(segment(1), *noisy, spoiled=True, extra_s=2.0))
    steal, others = found.warnings
    assert steal.startswith(
        "steal_percent: 12 % of the worker's CPUs (limit 1) at worst, and beyond it "
        "in 2 of 4 segments, although 2.0 s more were drawn; likely other guests"
    )
    assert others.startswith("others_cpu_percent: 40 % ")
    assert "in 1 of 4 segments" in others
    assert "drawn_again" not in found.details


def test_only_the_processes_that_stay_spoiled_warn():
    helped = timed(segment(1, **CROWDED), segment(1), extra_s=1.0)
    spoiled = timed(segment(1, **STOLEN), spoiled=True, process=1, extra_s=2.0)
    found = record(helped, spoiled)
    (warning,) = found.warnings
    assert "in 1 of 2 segments, although 2.0 s more were drawn" in warning
    assert found.details["drawn_again"].startswith("1 of 3 segments (1.0 s)")
    assert found.timing.spoiled is True


def test_a_stage_too_short_to_judge_is_neither_clean_nor_spoiled():
    brief = segment(3, seconds=0.25, waiting_percent=None)
    found = record(timed(brief))
    (noise,) = found.noise
    assert (noise.spoiled, noise.judged, noise.counted) == (None, False, True)
    (warning,) = found.warnings
    assert warning.startswith(
        "noise: not judged in 1 of 1 segments: they took 0.25 s at most"
    )


def test_a_short_stage_that_the_scheduler_tells_of_is_judged():
    found = record(timed(segment(3, seconds=0.25, waiting_percent=1.0)))
    assert (found.noise[0].spoiled, found.noise[0].judged) == (False, True)
    assert found.warnings == []


def test_a_quota_that_stopped_the_worker_is_stated_and_counts():
    found = record(timed(segment(3), segment(2, quota_throttled_percent=76.2)))
    assert [one.counted for one in found.noise] == [True, True]
    assert found.timing.spoiled is False
    (warning,) = found.warnings
    assert warning.startswith("quota_throttled_percent: 76.2 % of the quota's periods")


def slow_host(samples, share, mostly=False):
    """A segment of a host that gave this share of its best in registers."""
    given = HostShare(90.0, 4e8 * share, 8e9, share, 1.0)
    return replace(segment(samples, host=given), host_mostly_slow=mostly)


def test_what_the_host_gave_stands_in_each_segment():
    found = record(timed(segment(3), slow_host(2, 0.75), segment(4)))
    assert [one.host and one.host.registers for one in found.noise] == [
        None,
        0.75,
        None,
    ]
    assert found.noise[1].host.at_unix_s == 90.0
    assert places(found)[1] == (0, 0, 2, True, False)
    assert found.details["drawn_again"].endswith(
        "host_registers_slow_percent up to 25 % below the best arithmetic of this "
        "machine"
    )


def test_samples_of_a_host_that_is_mostly_slow_count_and_are_marked():
    """The worker was told that they are clean: to draw again would not have helped."""
    found = record(timed(segment(3), slow_host(2, 0.5, mostly=True)))
    assert places(found) == [(0, 0, 3, False, True), (0, 3, 2, True, True)]
    assert found.timing.spoiled is True
    (warning,) = found.warnings
    assert warning.startswith("host_registers_slow_percent: 50 % below the best")


def test_a_falling_clock_is_stated_and_counts():
    clocks = {"frequency_mean_mhz": 2000.0, "frequency_fastest_mhz": 3000.0}
    found = record(timed(segment(3), segment(2, **clocks, throttle_events=2)))
    assert places(found) == [(0, 0, 3, False, True), (0, 3, 2, False, True)]
    assert found.timing.spoiled is False
    throttled, clock = found.warnings
    assert throttled.startswith("throttle_events: 2 throttlings (limit 0) at worst")
    assert clock.startswith("frequency_drop_percent: 33.33 % below the fastest mean")
    assert "in 1 of 2 segments" in clock


def crowded(busy, pools=None, process=0, **changes):
    seen = replace(sensed(), crowd=Crowd(busy, 2, float(busy)))
    ended = outcome(0.5, seen=seen, pools=pools or (), **changes)
    return replace(ended, process=process)


POOL = {"api": "openmp", "library": "libgomp.so.1", "package": "torch", "threads": 2}


def test_threads_are_those_of_the_most_crowded_process_and_the_first_ones_pools():
    found = record(crowded(2, [POOL]), crowded(4, process=1))
    assert found.threads.model_dump(exclude_none=True) == {
        "busy": 4,
        "cpus": 2,
        "runnable_mean": 4.0,
        "pools": [POOL],
    }
    (warning,) = found.warnings
    assert warning.startswith("busy_threads: 4 busy threads on 2 CPUs, 4.0 of them")
    assert "libgomp.so.1 of torch 2" in warning


def test_a_case_whose_threads_have_their_cpus_has_no_warning():
    found = record(crowded(2, [POOL]))
    assert (found.threads.busy, found.warnings) == (2, [])


def test_threads_that_nobody_counted_leave_their_pools():
    threads = record(outcome(0.5, pools=[POOL])).threads
    assert (threads.busy, threads.pools[0].package) == (None, "torch")
    assert record(outcome(0.5)).threads is None
