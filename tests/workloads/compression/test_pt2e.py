"""Static int8 for torch.compile: which layers are quantized, and how well."""

import numpy as np
import pytest
import torch

from workloads.compression.pt2e import quantize_for_compile, stored_bytes


def float_layers(module):
    """For each convolution in order, whether it takes its weights in float."""
    return [
        "dequantize" not in str(node.args[1])
        for node in module.graph.nodes
        if node.op == "call_function" and "conv1d" in str(node.target)
    ]


def example(batch=2):
    return torch.randn(batch, 30, 8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("keep", "expected"),
    [
        ("none", [0, 0, 0, 0, 0, 0]),
        ("first", [1, 0, 0, 0, 0, 0]),
        ("edges", [1, 1, 0, 0, 1, 1]),
    ],
)
def test_all_layers_but_the_kept_ones_are_quantized(tiny, calibration, keep, expected):
    quantized = quantize_for_compile(tiny, example(), calibration, keep)
    assert float_layers(quantized) == [bool(x) for x in expected]


@pytest.mark.parametrize("batch", [1, 2])
def test_the_logits_stay_close_at_any_batch_and_length(
    tiny, calibration, unseen, batch
):
    quantized = quantize_for_compile(tiny, example(batch), calibration)
    for shape in ((4, 100), (1, 57)):
        x = torch.from_numpy(unseen[: shape[0], : shape[1]])
        with torch.no_grad():
            a, b = (m(x) - m(x).mean(-1, keepdim=True) for m in (quantized, tiny))
        assert 0 < float((a - b).norm() / b.norm()) < 0.12


def test_the_calibration_data_set_the_ranges(tiny, calibration, unseen):
    """A model calibrated on whispers clips what is loud."""
    whispers = [x / 100 for x in calibration]
    x = torch.from_numpy(unseen)
    with torch.no_grad():
        errors = [
            float((quantize_for_compile(tiny, example(), data)(x) - tiny(x)).norm())
            for data in (calibration, whispers)
        ]
    assert errors[1] > 3 * errors[0]


def test_the_module_itself_is_not_changed(tiny, calibration):
    before = {name: tensor.clone() for name, tensor in tiny.state_dict().items()}
    quantize_for_compile(tiny, example(), calibration)
    after = tiny.state_dict()
    assert all(torch.equal(after[name], before[name]) for name in before)


def test_compiled_it_runs_integer_kernels(tiny, calibration, unseen, capfd):
    quantized = quantize_for_compile(tiny, example(), calibration, "first")
    torch._dynamo.reset()
    x = torch.from_numpy(unseen)
    with torch._inductor.config.patch(freezing=True), torch.no_grad():
        compiled = torch.compile(quantized, dynamic=True)
        torch.testing.assert_close(compiled(x), quantized(x), atol=0.05, rtol=0)
        capfd.readouterr()
        with torch.backends.mkldnn.verbose(torch.backends.mkldnn.VERBOSE_ON):
            compiled(x)
    log = capfd.readouterr().out.splitlines()
    convolutions = [
        line for line in log if ",exec," in line and ",convolution," in line
    ]
    integers = [line for line in convolutions if "wei:s8" in line]
    assert (len(convolutions), len(integers)) == (6, 5)


def test_it_may_be_put_into_evaluation_mode(tiny, calibration, unseen):
    quantized = quantize_for_compile(tiny, example(), calibration)
    x = torch.from_numpy(unseen)
    before = quantized(x)
    quantized.eval()
    assert torch.equal(quantized(x), before)


def test_a_module_in_training_is_refused(tiny, calibration):
    with pytest.raises(ValueError, match="training mode"):
        quantize_for_compile(torch.nn.Identity().train(), example(), calibration)


def test_a_module_with_an_lstm_is_refused(calibration):
    module = torch.nn.Sequential(torch.nn.LSTM(8, 8, batch_first=True)).eval()
    with pytest.raises(ValueError, match=r"^0: torch.export fixes the length"):
        quantize_for_compile(module, example(), calibration)


def test_calibration_data_are_checked(tiny):
    with pytest.raises(ValueError, match=r"shape \(9, 7\), expected \(frames, 8\)"):
        quantize_for_compile(tiny, example(), [np.zeros((9, 7), np.float32)])


def test_a_quantized_copy_is_as_large_as_what_it_computes_with(tiny, calibration):
    quantized = quantize_for_compile(tiny, example(), calibration)
    weights = sum(p.numel() for p in tiny.parameters() if p.ndim > 1)
    biases = sum(p.numel() for p in tiny.parameters() if p.ndim == 1)
    scales = biases * (4 + 8)  # and zero points of int64
    assert stored_bytes(tiny) == 4 * (weights + biases)
    assert stored_bytes(quantized) == weights + 4 * biases + scales
