import pytest

from harness.observe import limits, roofline
from harness.observe.ceiling_candidates import Candidate
from harness.observe.cpu import MachineTimes
from harness.observe.noise import Snapshot
from harness.observe.roofline import (
    Peaks,
    PeaksTask,
    Rate,
    best_rate,
    fraction_of_peak,
)


def scripted(seconds):
    """A timer that answers from a list per size, its last answer for ever."""
    calls = []

    def timed(size):
        calls.append(size)
        answers = seconds[size]
        return answers.pop(0) if len(answers) > 1 else answers[0]

    return timed, calls


def cube(size):
    return 2.0 * size**3


def test_the_best_call_of_the_best_size_sets_the_rate():
    timed, _ = scripted({10: [9.0, 1.0], 20: [9.0, 4.0, 2.0, 8.0]})
    rate = best_rate(timed, (10, 20), cube, budget_s=30.0)
    assert rate == Rate(cube(20) / 2.0, 20)


def test_the_first_call_of_a_size_only_warms_up():
    timed, calls = scripted({10: [0.001, 1.0]})
    assert best_rate(timed, (10,), cube, budget_s=1.5) == Rate(2000.0, 10)
    assert calls == [10, 10]


def test_a_size_that_would_not_fit_the_budget_is_not_tried():
    timed, calls = scripted({10: [1.0], 100: [1000.0]})
    best_rate(timed, (10, 100), cube, budget_s=5.0)
    assert calls == [10] * 5


@pytest.mark.parametrize(("budget_s", "calls"), [(0.0, 2), (3.0, 3), (10.0, 10)])
def test_the_budget_bounds_the_calls(budget_s, calls):
    timed, made = scripted({10: [1.0]})
    best_rate(timed, (10,), cube, budget_s)
    assert len(made) == calls


def test_a_product_counts_two_operations_per_multiply_accumulate():
    assert fraction_of_peak(macs=500.0, seconds=2.0, peak_flops=1000.0) == 0.5


@pytest.mark.parametrize(("seconds", "peak"), [(0.0, 1.0), (1.0, 0.0)])
def test_a_fraction_of_nothing_is_refused(seconds, peak):
    with pytest.raises(ValueError, match="both must exceed 0"):
        fraction_of_peak(1.0, seconds, peak)


def test_the_copy_stays_within_reason():
    huge, none = 4 << 30, 0
    assert roofline.outside_cache_bytes(huge) == roofline.LARGEST_COPY_BYTES
    assert roofline.outside_cache_bytes(none) == roofline.SMALLEST_COPY_BYTES


def test_an_unknown_precision_is_named():
    with pytest.raises(ValueError, match="precision is 'fp64': expected one of"):
        roofline.measure(precision="fp64")


def test_tf32_is_no_precision_of_a_processor():
    found = roofline.measure(precision="tf32", budget_s=0.0, copy_bytes=1 << 20)
    assert (found.flops_per_s, found.operation) == (None, None)
    assert found.reason == "tf32 exists on CUDA devices alone"
    assert found.bytes_per_s > 0


@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8"])
def test_a_processor_has_a_ceiling(precision):
    found = roofline.measure("cpu", precision, budget_s=0.0, copy_bytes=1 << 20)
    assert found.flops_per_s > 1e6
    assert found.operation.partition(" in ")[0] in ("product", "convolution")
    # OpenVINO has no bf16 where a processor has none.
    without = f"openvino on cpu: OpenVINO computes no {precision} here"
    assert all(without in reason for reason in (found.reason or without).split("; "))


def test_a_missing_device_is_an_answer_and_no_error():
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has the device")
    rate, reason, _ = roofline._peak_flops("cuda:0", "fp16", 0.0)
    assert rate is None
    assert reason.startswith("no fp16 product on cuda:0: ")


class Machine:
    """A fake clock that a call moves on, and CPUs of which others take a share."""

    def __init__(self, call_s, others):
        self.now_s, self._call_s, self._others = 100.0, call_s, others
        self.readings_s = []

    def call(self, size):
        self.now_s += self._call_s
        return self._call_s

    def take(self, tree, clock):
        self.readings_s.append(self.now_s)
        busy_s = self.now_s * (1 + self._others)
        return Snapshot(
            t_s=self.now_s,
            machine=MachineTimes(busy_s, 2 * self.now_s - busy_s, 0.0),
            worker_cpu_s=self.now_s,
            switches=None,
            minor_faults=None,
            major_faults=None,
            throttle_events=None,
            frequencies_mhz=(),
            load_1min=None,
        )


@pytest.mark.parametrize("call_s", [0.001, 0.1, 0.25])
@pytest.mark.parametrize(("others", "doubt"), [(0.0, None), (0.5, "others_cpu")])
def test_every_reading_of_a_ceiling_is_long_enough_to_be_judged(
    monkeypatch, call_s, others, doubt
):
    machine = Machine(call_s, others)
    monkeypatch.setattr(roofline.noise, "take", machine.take)
    one = Candidate("product", (10,), machine.call, cube)
    contenders = [(Rate(1.0, 10), one)] * 2
    best, found = roofline._settled(contenders, 1.0, clock=lambda: machine.now_s)
    assert best.per_s == pytest.approx(cube(10) / call_s)
    assert (doubt or "") in (found or "")
    assert (found is None) == (doubt is None)
    ends_s = machine.readings_s
    spans_s = [b - a for a, b in zip(ends_s[::2], ends_s[1::2], strict=True)]
    assert min(spans_s) >= limits.SHORTEST_S
    assert max(spans_s) < 2.0


def test_measuring_leaves_the_float32_setting_alone():
    import torch

    before = torch.get_float32_matmul_precision()
    with roofline._float32_products("tf32"):
        assert torch.get_float32_matmul_precision() == "high"
    assert torch.get_float32_matmul_precision() == before


@pytest.mark.parametrize(
    ("hardware", "device"),
    [("cpu:threads=1", "cpu"), ("cuda:1", "cuda:1"), ("cuda:0,cuda:1", "cuda:0")],
)
def test_a_job_measures_its_hardwares_first_device(monkeypatch, hardware, device):
    asked = []

    def measured(*arguments):
        asked.append(arguments)
        return Peaks("bf16", 5.0, 7.0, "product", reason="no convolution")

    monkeypatch.setattr(roofline, "measure", measured)
    result = roofline.run_job(PeaksTask(hardware, "bf16"), None)
    assert asked == [(device, "bf16")]
    assert result == Peaks("bf16", 5.0, 7.0, "product")
