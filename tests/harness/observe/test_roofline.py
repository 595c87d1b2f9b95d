import pytest

from harness.observe import roofline
from harness.observe.roofline import Rate, best_rate, fraction_of_peak


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
    assert (found.peak_flops, found.operation) == (None, None)
    assert found.reason == "tf32 exists on CUDA devices alone"
    assert found.bandwidth_bytes_per_s > 0


@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8"])
def test_a_processor_has_a_ceiling(precision):
    found = roofline.measure("cpu", precision, budget_s=0.0, copy_bytes=1 << 20)
    assert found.peak_flops > 1e6
    assert found.operation.partition(" in ")[0] in ("product", "convolution")
    assert (found.precision, found.copy_bytes) == (precision, 1 << 20)
    assert found.reason is None


def test_a_missing_device_is_an_answer_and_no_error():
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has the device")
    rate, reason, _ = roofline._peak_flops("cuda:0", "fp16", 0.0)
    assert rate is None
    assert reason.startswith("no fp16 product on cuda:0: ")


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
        return roofline.Roofline(device, "bf16", 1, 5.0, "product", 9, 7.0, 8)

    monkeypatch.setattr(roofline, "measure", measured)
    result = roofline.run_job({"hardware": hardware, "precision": "bf16"}, None)
    assert asked == [(device, "bf16")]
    assert result == {
        "flops_per_s": 5.0,
        "bytes_per_s": 7.0,
        "reason": None,
        "operation": "product",
        "doubt": None,
    }
