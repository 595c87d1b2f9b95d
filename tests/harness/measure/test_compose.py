"""What the processes of a case become: one record."""

import signal
from dataclasses import replace

import pytest
import toy
from outcomes import (
    ACCURACY,
    CASE,
    NO_PEAKS,
    STEADY,
    TRAINING_CASE,
    WORK,
    broken,
    joules,
    outcome,
    point,
    record,
    segment,
    sensed,
    target,
    training_outcome,
)

from harness.clusters import mean_of
from harness.measure.accuracy import accuracy_record
from harness.measure.compose import failed, measured, skipped
from harness.measure.spawn import how_it_ended
from harness.profile import QUICK, SMOKE
from harness.workload import Accuracy, Metric


def test_a_record_tells_the_case_and_the_profile_it_was_measured_in():
    case = replace(CASE, options=(("beam", "16"),))
    found = measured(toy.WORKLOAD, case, QUICK, [outcome(0.5)], NO_PEAKS)
    assert (found.case_id, found.options) == (case.id, {"beam": "16"})
    assert (found.profile, found.stage, found.status) == ("quick", "infer", "ok")
    assert (found.hardware, found.batch_size) == ("cpu", 1)


def test_throughput_and_rtfx_come_from_the_totals_of_all_processes():
    timing = record(outcome(1.0, 1.0), outcome(2.0, 4.0, 8.0)).timing
    steps, seconds = 5, 16.0
    assert timing.throughput_items_per_s == WORK["items"] * steps / seconds
    assert timing.rtfx == WORK["audio_s"] * steps / seconds


def test_every_sample_is_kept_process_by_process():
    timing = record(outcome(1.0, 64.0), outcome(2.0, 4.0, 8.0)).timing
    assert timing.samples_s == [[1.0, 64.0], [2.0, 4.0, 8.0]]
    assert timing.processes == 2


def test_the_median_is_the_mean_of_the_processes_medians():
    timing = record(outcome(*[1.0] * 9), outcome(*[2.0] * 3)).timing
    assert timing.median_s == 1.5
    # About sqrt(2): of the run 0.05, of the two log(2) / sqrt(2) with one degree.
    assert timing.median_interval_s == mean_of([1.0, 2.0]).interval


def test_the_median_is_over_whole_cycles_of_inputs_that_differ():
    drawn = outcome(1.0, 9.0, 2.0, 10.0, 3.0, 11.0, cycle=2)
    timing = record(drawn).timing
    assert timing.median_s == 6.0  # of the cycles' means 5, 6 and 7
    assert timing.median_interval_s is None  # of one process
    assert timing.throughput_items_per_s == WORK["items"] * 6 / 36.0


def test_latency_is_null_with_the_samples_it_would_take():
    latency = record(outcome(*[0.5] * 64)).timing.latency_ms
    assert (latency.p90.value, latency.p90.upper_bound) == (500.0, None)
    assert (latency.p90.processes, latency.p90.processes_needed) == (1, 2)
    assert (latency.p99.value, latency.p99.upper_bound) == (None, None)
    assert (latency.p99.n, latency.p99.needed) == (64, 662)
    assert latency.p99_9.needed > 6000


def test_latency_is_of_all_processes_samples_in_milliseconds():
    halves = [i / 1000 for i in range(1, 33)], [i / 1000 for i in range(33, 65)]
    latency = record(*(outcome(*half) for half in halves)).timing.latency_ms
    assert (latency.p90.value, latency.p50.value) == pytest.approx((58.0, 32.0))
    assert latency.p90.processes == 2
    assert latency.p90.upper_bound > 63.0


def test_latency_of_many_inputs_counts_each_once():
    """The first cycle of the first process: later ones bring the same inputs again."""
    first_cycle = [i / 1000 for i in range(1, 65)]
    again = [1.0] * 64
    drawn = outcome(*first_cycle, *again, cycle=64)
    latency = record(drawn, outcome(*again, cycle=64)).timing.latency_ms
    assert (latency.p90.n, latency.p50.value) == (64, pytest.approx(32.0))
    assert latency.p90.upper_bound > 63.0


def test_the_warm_ups_of_all_processes_add_up():
    shaky = STEADY | {"steady": False, "mean_change_percent": 12.5, "seconds": 4.0}
    found = record(outcome(0.5), outcome(0.5, warm_up=shaky))
    timing = found.timing
    assert (timing.warmup_s, timing.steady) == (6.0, False)
    assert timing.mean_change_percent == 12.5
    assert found.warnings == [
        "not steady after 4.0 s of warm-up: the means of the last two windows differ "
        "by 12.5 %; other load or a changing frequency are the usual causes: see "
        "`speechmark doctor`, or use a longer profile"
    ]


def test_a_steady_case_has_no_warning():
    found = record()
    assert (found.timing.steady, found.warnings) == (True, [])


RISING = [1.0 + i / 100 for i in range(40)]


TWO_MODES = [1.0, 1.25] * 20


def test_samples_that_drift_take_back_what_the_warm_up_said():
    found = record(outcome(*[1.0] * 40), outcome(*RISING))
    timing = found.timing
    assert timing.steady is False
    assert [one.found for one in timing.drift] == [[], ["trend", "range"]]
    assert timing.drift[1].trend_percent == pytest.approx(39 / 1.195)
    rise, parts = found.warnings
    assert rise.startswith(
        "not steady over the timed samples in 1 of 2 processes: they rise or fall by "
        "32.6 % from the first to the last (limit 5); likely a clock that still falls"
    )
    assert "medians of successive parts lie 30.1 % apart" in parts


def test_samples_in_two_modes_take_it_back_too():
    found = record(outcome(*TWO_MODES))
    assert (found.timing.steady, found.timing.drift[0].found) == (False, ["modes"])
    (warning,) = found.warnings
    assert warning.startswith(
        "not steady over the timed samples: they come in two modes 22.2 % apart"
    )


def test_unlike_inputs_are_no_drift():
    """Samples of one cycle are compared by their mean."""
    found = record(outcome(*[1.0, 1.25] * 40, cycle=2))
    assert (found.timing.steady, found.timing.drift[0].samples) == (True, 40)


def test_a_warm_up_of_one_window_is_not_said_to_differ():
    one = {"seconds": 9.0, "steps": 4, "steady": False, "mean_change_percent": None}
    found = record(outcome(0.5, warm_up=one))
    assert found.timing.mean_change_percent is None
    assert found.warnings == [
        "not known to be steady: 9.0 s of warm-up held one window, and it takes two to "
        "compare; use a longer profile"
    ]


def test_what_every_process_says_of_the_work_is_said_once():
    said = ("untrained weights", "a damaged cache")
    found = record(outcome(0.5, warnings=said), outcome(0.5, warnings=said[:1]))
    assert found.warnings == list(said)


def test_warnings_of_the_work_and_of_the_sensors_stand_in_the_record():
    noisy = sensed(segment(1, steal_percent=12.0))
    found = record(outcome(0.5, seen=noisy, warnings=("a damaged cache",)))
    assert found.warnings[0] == "a damaged cache"
    assert found.warnings[1].startswith("steal_percent: 12 % of the worker's CPUs")


def test_accuracy_is_of_the_first_process_whose_weights_were_measured():
    found = record(outcome(0.5), outcome(0.5, accuracy=None))
    assert found.accuracy.metrics["wer"].value == ACCURACY["metrics"]["wer"]["value"]


def test_peak_memory_is_the_hungriest_processs():
    found = record(outcome(0.5, peak_rss_bytes=5), outcome(0.5, peak_rss_bytes=7))
    assert found.memory.peak_rss_bytes == 7


def test_a_gpus_peak_memory_stands_beside_the_hosts():
    assert record(outcome(0.5, peak_device_bytes=9)).memory.peak_device_bytes == 9


def test_over_several_devices_peak_memory_is_not_known():
    unknown = outcome(0.5, peak_rss_bytes=None, peak_device_bytes=None)
    memory = record(unknown, unknown).memory
    assert (memory.peak_rss_bytes, memory.peak_device_bytes) == (None, None)


def test_joules_of_samples_drawn_again_went_into_audio_too():
    timed = outcome(*[0.5] * 300, spoiled_samples_s=[0.5] * 100, seen=joules(9.0))
    energy = record(timed).energy
    assert energy.joules_per_audio_hour == 9.0 / (400 * WORK["audio_s"] / 3600)


def test_joules_of_untimed_steps_between_segments_went_into_audio_too():
    timed = outcome(*[0.5] * 300, untimed_steps=20, seen=joules(9.0))
    energy = record(timed).energy
    assert energy.joules_per_audio_hour == 9.0 / (320 * WORK["audio_s"] / 3600)


def test_samples_drawn_again_are_kept_but_in_no_figure():
    ended = outcome(1.0, 1.0, spoiled=False, spoiled_samples_s=[8.0, 8.0])
    timing = record(ended, outcome(1.0)).timing
    assert timing.samples_s == [[1.0, 1.0], [1.0]]
    assert timing.spoiled_samples_s == [[8.0, 8.0], []]
    assert (timing.median_s, timing.rtfx) == (1.0, WORK["audio_s"])
    assert timing.spoiled is False


def test_the_time_of_each_stage_is_stated():
    assert record().timing.stage_s == {"build": 1.0, "timed": 4.0}


def test_the_fraction_of_peak_counts_two_operations_per_multiply_accumulate():
    found = record(outcome(0.25, 0.75), flops_per_s=16e6, bytes_per_s=1e9, reason=None)
    assert found.roofline.achieved_flops_per_s == 2 * WORK["macs"] / 0.5
    assert found.roofline.fraction_of_peak == 0.25
    assert found.roofline.reason is None


@pytest.mark.parametrize(
    ("macs", "reason", "stated"),
    [
        (None, None, "this step has no multiply-accumulates to count"),
        (0.0, None, "this step has no multiply-accumulates to count"),
        (1e6, "not measured", "not measured"),
    ],
)
def test_a_roofline_without_a_fraction_says_why(macs, reason, stated):
    found = record(outcome(0.5, work=WORK | {"macs": macs}), reason=reason)
    assert (found.roofline.fraction_of_peak, found.roofline.reason) == (None, stated)


def test_joules_are_divided_by_the_audio_of_the_process_they_were_read_in():
    timed = [outcome(*[0.5] * 300, seen=joules(9.0)), outcome(*[0.5] * 600)]
    energy = record(*timed).energy
    assert energy.joules_per_audio_hour == 9.0 / (300 * WORK["audio_s"] / 3600)
    assert (energy.joules, energy.source, energy.idle_watts) == (9.0, "rapl", 3.0)


def test_without_a_sensor_energy_is_null_with_the_reason():
    energy = record().energy
    assert (energy.joules, energy.joules_per_audio_hour) == (None, None)
    assert (energy.source, energy.reason) == ("none", "no RAPL")


def test_a_skipped_case_keeps_its_reason():
    found = skipped(toy.WORKLOAD, CASE, SMOKE, "no such operator")
    assert (found.status, found.reason) == ("skipped", "no such operator")
    assert found.case_id == CASE.id


def test_a_failed_case_keeps_what_the_sensors_saw():
    seen = sensed(segment(7, steal_percent=12.0))
    found = failed(
        toy.WORKLOAD, CASE, SMOKE, broken("broken", seen, ("a damaged cache",))
    )
    assert (found.status, found.reason) == ("failed", "broken")
    assert found.warnings[0] == "a damaged cache"
    assert found.warnings[1].startswith("steal_percent: 12 % of the worker's CPUs")
    assert [(noise.samples, noise.spoiled) for noise in found.noise] == [(7, True)]


def test_a_worker_that_left_without_a_word_is_stated_by_its_exit_status():
    expected = "the worker ended with exit status 3 and sent no result"
    assert how_it_ended(3, 2**20) == expected


def test_a_crash_is_stated_by_its_signal():
    expected = "the worker was killed by signal 11 (SIGSEGV)"
    assert how_it_ended(-signal.SIGSEGV, 2**20) == expected


@pytest.mark.parametrize(
    ("rss_bytes", "size"), [(2**30, " at 1024 MiB resident"), (None, "")]
)
def test_a_kill_hints_at_memory_with_the_size_last_seen(rss_bytes, size):
    assert how_it_ended(-signal.SIGKILL, rss_bytes) == (
        f"the worker was killed by signal 9 (SIGKILL){size}: the kernel does so when "
        "memory runs out; if nobody killed it, use a smaller batch size, model or a "
        "machine with more memory"
    )


def test_a_metrics_direction_and_its_verdict_reach_the_record():
    fallen = Metric(
        8.6, 50, (8.2, 9.0), "a/b", -0.4, (-0.5, -0.3), gate=0.5, better="higher"
    )
    sent = accuracy_record(Accuracy({"si_sdr": fallen}))
    found = record(outcome(0.5, accuracy=sent)).accuracy.metrics["si_sdr"]
    assert (found.better, found.difference, found.gate) == ("higher", -0.4, 0.5)
    assert found.passed is True


def test_a_targets_direction_reaches_the_record():
    stated = target(level=6.0, better="higher")
    found = record(
        training_outcome(point(1, -0.5), targets=[stated]), case=TRAINING_CASE
    )
    assert found.tta.targets[0].better == "higher"
    assert found.tta.curve[0].errors == {"cer": -0.5}


def of_peak(flops_per_s: float, **peaks: object) -> tuple[float | None, list[str]]:
    """The fraction and what is warned of it: 1e6 products and sums in half a second
    are 4 MFLOP/s."""
    found = record(flops_per_s=flops_per_s, reason=None, **peaks)
    assert found.roofline is not None
    about = [text for text in found.warnings if "fraction_of_peak" in text]
    return found.roofline.fraction_of_peak, about


def test_a_step_beyond_the_peak_is_marked_wrong_with_both_numbers() -> None:
    fraction, (warning,) = of_peak(2e6, again=True)
    assert fraction == pytest.approx(2.0)
    assert warning.startswith(
        "fraction_of_peak is wrong: 0.004 GFLOP/s were achieved, and the peak was "
        "measured as 0.002 (2 of it, after a second look)"
    )


def test_a_peak_that_was_disturbed_puts_the_fraction_in_doubt() -> None:
    fraction, (warning,) = of_peak(8e6, doubt="all 8 readings were disturbed")
    assert fraction == pytest.approx(0.5)
    assert "is in doubt" in warning
    assert "all 8 readings were disturbed" in warning


def test_a_peak_above_the_step_needs_no_word() -> None:
    assert of_peak(4e6) == (pytest.approx(1.0), [])
