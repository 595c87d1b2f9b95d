"""The figures of a case over the runs that measured it."""

import numpy as np
import pytest
from recorded import (
    NO_ENERGY,
    WORK,
    accuracy,
    kernel,
    kernels,
    metric,
    moment,
    record,
    training,
    unmeasured,
)

from harness.record.derive import latency_ms
from harness.report.compare.model import (
    Error,
    Estimate,
    KernelShare,
)
from harness.report.compare.reading.kernels import LARGEST


def test_one_process_has_figures_without_an_interval(measured):
    found = measured(record([1.0, 3.0, 5.0]))
    assert found.step_s == Estimate(3.0, None, None, (3.0,), (0,))
    rate = 3 / 9.0
    assert found.throughput_items_per_s.value == pytest.approx(2 * rate)
    assert found.rtfx.value == pytest.approx(6 * rate)
    assert (found.rtfx.low, found.rtfx.high) == (None, None)
    assert (found.spoiled, found.warnings, found.training) == (False, (), None)


def test_runs_and_not_their_processes_make_the_interval(measured):
    """Means of 1, 4 and 2: logarithms 0, 2, 1 times log 2, their deviation log 2; the
    quantile of two degrees of freedom is 4.303."""
    runs = record([0.5], [1.0], [2.0]), record([2.0], [4.0], [8.0]), record([2.0])
    found = measured(*runs).step_s
    assert found.values == (0.5, 1.0, 2.0, 2.0, 4.0, 8.0, 2.0)
    assert found.runs == (0, 0, 0, 1, 1, 1, 2)
    assert found.value == pytest.approx(2.0)
    half = 4.303 / 3**0.5
    assert found.low == pytest.approx(2.0 / 2**half, rel=1e-3)
    assert found.high == pytest.approx(2.0 * 2**half, rel=1e-3)


def test_a_process_counts_once_however_many_steps_it_took(measured):
    found = measured(record([1.0] * 100, [4.0]))
    assert found.step_s.value == pytest.approx(2.0)
    assert found.rtfx.value == pytest.approx(6 / 2.0)


def test_the_step_of_a_process_is_a_median_and_its_rate_a_mean(measured):
    found = measured(record([1.0, 1.0, 4.0]))
    assert found.step_s.value == 1.0
    assert found.throughput_items_per_s.value == pytest.approx(2 * 3 / 6.0)


def test_work_without_audio_has_no_speed_of_audio(measured):
    silent = WORK | {"audio_s_per_step": 0.0}
    found = measured(record([1.0], [2.0], work=silent)).rtfx
    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)


def test_percentiles_are_of_the_samples_of_all_runs(measured):
    one, other = (np.arange(first, 65, 2) / 1000 for first in (1, 2))
    found = measured(record(one.tolist()), record(other.tolist()))
    assert found.latency_ms == latency_ms([one, other], [0.032, 0.033], [0, 1])
    assert found.latency_ms["p90"].value == pytest.approx(58.0)
    assert found.latency_ms["p90"].upper_bound > 63.0
    assert found.latency_ms["p99"].needed == 662


def test_of_many_inputs_each_counts_once_over_all_runs(measured):
    samples = (np.arange(1, 65) / 1000).tolist()
    runs = [record(samples * 2, cycle=64), record([9.0] * 64, cycle=64)]
    assert measured(*runs).latency_ms["p90"].value == pytest.approx(58.0)
    assert measured(*runs).latency_ms["p50"].n == 64


def test_a_training_has_no_latency(measured):
    assert measured(training(2.0)).latency_ms == {}


def test_an_error_keeps_its_interval_and_its_gate(measured):
    gated = metric(0.25, gate=0.01, difference=0.005, passed=True)
    found = measured(record(accuracy=accuracy(wer=gated, cer=metric(0.125))))
    assert found.errors == {
        "wer": Error(0.25, (0.225, 0.325), 50, 0.005, 0.01, True),
        "cer": Error(0.125, (0.1, 0.2), 50, None, None, None),
    }
    assert (found.gate_passed, found.errors_reason) == (True, None)


def test_of_several_runs_the_mean_error_stands_within_all_intervals(measured):
    runs = [
        training(1.0, accuracy=accuracy(wer=metric(0.25, gate=0.02, difference=0.0))),
        training(
            2.0,
            seed=1,
            accuracy=accuracy(wer=metric(0.5, n=40, gate=0.02, difference=0.01)),
        ),
    ]
    expected = Error(0.375, (0.225, 0.575), 40, 0.01, 0.02, True)
    assert measured(*runs).errors["wer"] == expected


@pytest.mark.parametrize(("difference", "passed"), [(0.01, True), (0.0101, False)])
def test_a_gate_is_judged_again(measured, difference, passed):
    """Whatever somebody wrote beside it."""
    edited = metric(gate=0.01, difference=difference, passed=not passed)
    found = measured(record(accuracy=accuracy(wer=edited)))
    assert found.gate_passed is found.errors["wer"].passed is passed


def test_one_metric_beyond_its_gate_fails_the_case(measured):
    good = metric(gate=0.01, difference=0.0)
    bad = metric(gate=0.01, difference=0.5)
    assert measured(record(accuracy=accuracy(wer=good, cer=bad))).gate_passed is False


def test_one_run_beyond_its_gate_fails_the_case(measured):
    runs = [
        record([1.0 + d], accuracy=accuracy(wer=metric(gate=0.01, difference=d)))
        for d in (0.0, 0.5)
    ]
    assert measured(*runs).gate_passed is False


@pytest.mark.parametrize("gate", [None, 0.01])
def test_a_fault_fails_whatever_gate_and_difference_say(measured, gate):
    faulty = metric(gate=gate, difference=-0.5, passed=True, fault="3 are silent")
    assert measured(record(accuracy=accuracy(wer=faulty))).gate_passed is False


@pytest.mark.parametrize("passed", [True, False, None])
def test_a_gate_without_a_difference_fails_whatever_stands_beside_it(measured, passed):
    edited = metric(gate=0.01, passed=passed)
    found = measured(record(accuracy=accuracy(wer=edited)))
    assert found.gate_passed is found.errors["wer"].passed is False


def test_without_errors_there_is_the_reason_and_no_gate(measured):
    nothing = {"metrics": None, "reason": "untrained weights"}
    found = measured(record(accuracy=nothing))
    assert (found.errors, found.errors_reason) == ({}, "untrained weights")
    assert found.gate_passed is None


def energy(joules, source="rapl"):
    return NO_ENERGY | {
        "joules": joules,
        "joules_per_audio_hour": joules,
        "source": source,
        "reason": None,
    }


def test_joules_are_a_mean_over_the_runs_that_have_them(measured):
    runs = [
        record([1.0], energy=energy(100.0)),
        record([2.0], energy=energy(300.0, "nvml")),
        record([3.0]),
    ]
    found = measured(*runs)
    assert found.joules_per_audio_hour.value == 200.0
    assert found.joules_per_audio_hour.values == (100.0, 300.0)
    assert found.joules_per_audio_hour.low < 200.0 < found.joules_per_audio_hour.high
    assert (found.energy_source, found.energy_reason) == ("rapl and nvml", None)


def test_the_joules_of_one_run_have_no_interval(measured):
    found = measured(record([1.0], [2.0], energy=energy(100.0)))
    assert found.joules_per_audio_hour == Estimate(100.0, None, None, (100.0,))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({}, "no powercap folder"), ({"energy": None}, "no energy in the record")],
)
def test_without_joules_there_is_the_reason(measured, changes, reason):
    found = measured(record(**changes))
    assert found.joules_per_audio_hour is None
    assert (found.energy_source, found.energy_reason) == ("none", reason)


def test_peak_memory_is_the_highest_of_all_runs(measured):
    runs = [
        record([1.0], memory={"peak_rss_bytes": 5, "peak_device_bytes": None}),
        record([2.0], memory={"peak_rss_bytes": 3, "peak_device_bytes": 7}),
        record([3.0], memory=None),
    ]
    found = measured(*runs)
    assert (found.peak_rss_bytes, found.peak_device_bytes) == (5, 7)
    assert found.model_bytes == WORK["model_bytes"]


def roofline(flops_per_s, bytes_per_s=None):
    return {
        "precision": "int8",
        "peak_flops_per_s": flops_per_s,
        "peak_bytes_per_s": bytes_per_s,
        "achieved_flops_per_s": None,
        "fraction_of_peak": None,
    }


def test_a_case_stands_under_the_highest_peak_of_its_runs(measured):
    """Two operations a multiply-accumulate: 2e6 a step, four steps in eight seconds."""
    runs = [
        record([1.0, 1.0], roofline=roofline(2e6, 5e6)),
        record([3.0, 3.0], roofline=roofline(4e6)),
    ]
    found = measured(*runs).peak
    assert (found.precision, found.achieved_flops_per_s) == ("int8", 1e6)
    assert (found.peak_flops_per_s, found.peak_bytes_per_s) == (4e6, 5e6)
    assert found.fraction_of_peak == 0.25


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"roofline": roofline(None)},
        {"roofline": roofline(4e6), "work": WORK | {"macs_per_step": None}},
        {"roofline": roofline(1e-300)},
    ],
)
def test_without_a_peak_or_operations_there_is_no_place_under_it(measured, changes):
    assert measured(record(**changes)).peak is None


def test_kernels_are_of_a_step_and_of_all_that_was_logged(measured):
    runs = [
        record([1.0], kernels=kernels(kernel("matmul", 0.25, 100.0), wall_s=0.5)),
        record(
            [2.0],
            kernels=kernels(
                kernel("matmul", 0.25, 25.0, implementation="gemm"),
                kernel("reorder", 0.75, 75.0),
                wall_s=2.0,
                steps=3,
            ),
        ),
    ]
    found = measured(*runs)
    assert found.kernels == (
        KernelShare("reorder", "forward", "reorder_amx", 0.15, 60.0),
        KernelShare("matmul", "forward", "matmul_amx", 0.1, 40.0),
    )
    assert found.kernels_coverage_percent == 50.0


def test_the_implementation_is_that_which_took_longest(measured):
    runs = [
        record([1.0], kernels=kernels(kernel("matmul", 0.25, 100.0))),
        record(
            [2.0], kernels=kernels(kernel("matmul", 0.5, 100.0, implementation="x"))
        ),
    ]
    assert measured(*runs).kernels[0].implementation == "x"


def test_small_kernels_are_stated_together_and_shares_stay_true(measured):
    rows = [kernel(f"p{i}", 0.125 * (15 - i), 10.0 / 3) for i in range(15)]
    found = measured(record(kernels=kernels(*rows))).kernels
    assert [one.primitive for one in found] == [f"p{i}" for i in range(12)] + ["other"]
    assert len(found) == LARGEST + 1
    other = found[-1]
    assert (other.direction, other.implementation) == ("any", "3 kinds")
    assert other.time_s == pytest.approx(0.125 * (3 + 2 + 1) / 2)
    total = 0.125 * sum(range(1, 16)) / 0.5  # the shares say that half is there
    assert other.share_percent == pytest.approx(100 * 0.125 * 6 / total)
    assert sum(one.share_percent for one in found) == pytest.approx(50.0)


@pytest.mark.parametrize("found", [None, kernels(wall_s=0.0)])
def test_without_kernels_there_are_no_shares(measured, found):
    one = measured(record(kernels=found))
    assert (one.kernels, one.kernels_coverage_percent) == ((), None)


def test_what_overlaps_is_in_no_share(measured):
    rows = [
        kernel("convolution", 0.5, 100.0),
        kernel("brgemm", 9.0, None, overlaps=True),
    ]
    (found,) = measured(record(kernels=kernels(*rows))).kernels
    assert (found.primitive, found.share_percent) == ("convolution", 100.0)


REPLAYS = {
    "steps": 4,
    "reproduced_percent": 98.0,
    "observed_s": 0.8,
    "projected_s": 0.6,
    "bracketed_percent": 95.0,
    "most_to_gain": [
        {
            **{"primitive": "convolution", "direction": "forward"},
            **{"implementation": "jit", "dtypes": "f32,f32,f32", "problem": "mb1_ic2"},
            **{"calls": 8, "observed_s": 0.05, "hot_s": 0.03, "cold_s": None},
        }
    ],
}


def test_replays_are_of_a_step_and_of_the_first_run_that_took_them(measured):
    runs = [
        record([1.0], kernels=kernels(kernel("convolution", 0.5, 100.0))),
        record([2.0], kernels=kernels(replays=REPLAYS)),
        record([3.0], kernels=kernels(replays=REPLAYS | {"reproduced_percent": 1.0})),
    ]
    found = measured(*runs).replayed
    assert found.reproduced_percent == 98.0
    assert (found.observed_s, found.projected_s) == pytest.approx((0.2, 0.15))
    assert found.efficiency == pytest.approx(0.75)
    (one,) = found.most_to_gain
    assert (one.observed_s, one.hot_s, one.cold_s) == pytest.approx((0.1, 0.06, None))
    assert one.gain_s == pytest.approx(0.04)


@pytest.mark.parametrize("found", [None, REPLAYS | {"steps": 0}])
def test_without_replays_nothing_is_said_of_them(measured, found):
    one = measured(record(kernels=kernels(replays=found)))
    assert one.replayed is None


def test_the_timeline_is_of_the_first_run_that_has_one(measured):
    runs = [
        record([1.0]),
        record([2.0], utilization={"timeline": [moment(0.5)]}),
        record([3.0], utilization={"timeline": [moment(0.75)]}),
    ]
    assert [one.t_s for one in measured(*runs).timeline] == [0.5]


def test_warnings_of_all_runs_stand_once_and_with_them_what_failed(measured):
    runs = [
        record([1.0], warnings=["noisy", "hot"]),
        record([2.0], warnings=["hot"]),
        unmeasured("failed", "killed"),
    ]
    noisy, hot, failed = measured(*runs).warnings
    assert (noisy, hot) == ("noisy", "hot")
    assert failed.startswith("failed in ")
    assert failed.endswith("a2.json: killed")


def test_one_spoiled_run_spoils_the_case(measured):
    disturbed = record([2.0]).model_dump()
    disturbed["timing"]["spoiled"] = True
    runs = [record([1.0]), type(record()).model_validate(disturbed)]
    assert measured(*runs).spoiled
