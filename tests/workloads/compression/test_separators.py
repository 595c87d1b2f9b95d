"""Separators of tiny sizes: exported, quantized, and run where they can be."""

from collections import Counter
from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch
from processors import needs_whole_sums

from workloads.compression.export import export_onnx
from workloads.compression.graph import layers_in, load_onnx
from workloads.compression.known import parse
from workloads.compression.pt2e import quantize_for_compile
from workloads.compression.quantization import quantize
from workloads.runtimes.onnx_runtime import OnnxRuntimeSession
from workloads.runtimes.open_vino import OpenVinoSession
from workloads.separation.framing import OfSamples
from workloads.separation.sizes import (
    CONV_TASNET_SMALL,
    DPTNET_SMALL,
    LSTM_TASNET_SMALL,
    Framing,
    with_sources,
)
from workloads.separation.task import SEPARATION

FRAMING = Framing(filters=16, window=16, stride=8)
SIZES = {
    "conv": replace(
        CONV_TASNET_SMALL,
        framing=FRAMING,
        bottleneck=8,
        hidden=16,
        skip=8,
        blocks=2,
        repeats=1,
    ),
    "lstm": replace(LSTM_TASNET_SMALL, framing=FRAMING, hidden=12),
    "dpt": with_sources(
        replace(DPTNET_SMALL, framing=FRAMING, hidden=12, heads=2, chunk=10, pairs=1), 3
    ),
}
NOISE = np.random.default_rng(0)


def waves(batch, samples):
    """Noise (B, S, 1) that changes slowly and whose level comes and goes, as speech."""
    noise = NOISE.standard_normal((batch, samples + 7))
    smooth = np.stack([np.convolve(row, np.ones(8) / 8, "valid") for row in noise])
    level = 0.1 + np.abs(np.sin(np.arange(samples) / 200))
    return (smooth * level)[:, :, None].astype(np.float32)


CALIBRATION = [waves(1, samples)[0] for samples in (700, 901, 650)]
SPEECH = waves(2, 1203)


@pytest.fixture(scope="module")
def modules():
    torch.manual_seed(0)
    return {
        name: OfSamples(SEPARATION.model(size)).eval() for name, size in SIZES.items()
    }


@pytest.fixture(scope="module")
def files(modules, tmp_path_factory):
    folder = tmp_path_factory.mktemp("separators")
    for name, module in modules.items():
        export_onnx(module, torch.zeros(1, 400, 1), folder / f"{name}.onnx")
    return folder


@pytest.fixture(scope="module")
def quantized(files):
    """Facts and path of each model by name and compression, made when asked for."""
    known = {}

    def get(name, compression):
        key = (name, compression)
        if key not in known:
            path = files / f"{name}-{compression}.onnx"
            source = files / f"{name}.onnx"
            known[key] = quantize(source, path, parse(compression), CALIBRATION), path
        return known[key]

    return get


def session(runtime, path):
    if runtime == "openvino":
        return OpenVinoSession(path, "fp32", 1)
    return OnnxRuntimeSession(path, 1)


def sdr_db(found, expected):
    """Signal-to-distortion ratio: energy of what is expected over that of the error."""
    error = np.square(found - expected).sum()
    return 10 * np.log10(np.square(expected).sum() / error)


def separated(module, samples):
    with torch.inference_mode():
        return module(torch.from_numpy(samples)).numpy()


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
@pytest.mark.parametrize("name", SIZES)
def test_runtimes_separate_as_the_module_does(modules, files, name, runtime):
    opened = session(runtime, files / f"{name}.onnx")
    for shape in ((1, 400), (3, 407), (2, 1000)):
        samples = waves(*shape)
        found = opened.output(opened.prepare(samples))
        assert found.shape == (*shape, SIZES[name].sources)
        np.testing.assert_allclose(found, separated(modules[name], samples), atol=1e-5)


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_an_lstm_is_profiled_as_a_recurrent_kernel(files, runtime):
    opened = session(runtime, files / "lstm.onnx")
    calls, _ = opened.profile(opened.prepare(SPEECH), 1)
    kinds = Counter(call.primitive for call in calls)
    kernels = {"onnxruntime": 1, "openvino": 2}[runtime]  # one for each direction
    assert kinds["rnn"] == kernels * SIZES["lstm"].layers
    assert kinds["deconvolution"] == 1


@pytest.mark.parametrize(
    ("name", "compression", "layers", "left"),
    [
        ("conv", "int8-dynamic", 11, ["ConvTranspose"]),
        ("conv", "int8-static", 11, []),
        ("lstm", "int8-dynamic", 6, ["ConvTranspose"]),
        ("lstm", "int8-static", 6, ["LSTM", "LSTM"]),
        ("dpt", "int8-dynamic", 13, ["ConvTranspose"]),
        ("dpt", "int8-static", 13, ["LSTM", "LSTM"]),
        ("lstm", "int16-weights", 6, []),
    ],
)
def test_what_cannot_be_quantized_is_listed(quantized, name, compression, layers, left):
    facts, _ = quantized(name, compression)
    assert (facts.kept, facts.layers) == ((), layers)
    assert [one.kind for one in facts.left] == left
    assert facts.float_layers == len(left)
    for one in facts.left:
        assert "ONNX Runtime quantizes" in one.reason


def test_what_is_kept_is_not_listed_as_left(quantized):
    facts, _ = quantized("lstm", "int8-static-keep-first")
    assert len(facts.kept) == 1
    assert [one.kind for one in facts.left] == ["LSTM", "LSTM"]
    assert facts.float_layers == 3


@pytest.mark.parametrize("compression", ["int8-dynamic", "int8-static"])
@pytest.mark.parametrize("name", SIZES)
def test_8_bits_distort_what_is_separated_little(modules, quantized, name, compression):
    opened = session("onnxruntime", quantized(name, compression)[1])
    found = opened.output(opened.prepare(SPEECH))
    assert 15 < sdr_db(found, separated(modules[name], SPEECH)) < 90


def test_an_lstm_computes_with_integers_when_quantized_dynamically(quantized):
    opened = session("onnxruntime", quantized("lstm", "int8-dynamic")[1])
    calls, _ = opened.profile(opened.prepare(SPEECH), 1)
    found = [c for c in calls if c.primitive == "rnn"]
    assert [c.implementation for c in found] == ["DynamicQuantizeLSTM"] * 2
    assert {c.dtypes for c in found} == {"u8,s8,f32"}


@needs_whole_sums
@pytest.mark.parametrize("name", SIZES)
def test_openvino_runs_what_onnx_runtime_quantized(quantized, name):
    for compression in ("int8-dynamic", "int8-static"):
        path = quantized(name, compression)[1]
        outputs = []
        for runtime in ("onnxruntime", "openvino"):
            opened = session(runtime, path)
            outputs.append(opened.output(opened.prepare(SPEECH)))
        error = np.linalg.norm(outputs[0] - outputs[1])
        assert error < 0.1 * np.linalg.norm(outputs[0])


@pytest.mark.parametrize("compression", ["int8-dynamic", "int8-static"])
def test_norms_and_the_products_of_attention_stay_in_float(quantized, compression):
    """Of the two transformers: each has two products, and none has weights."""
    nodes = onnx.load(quantized("dpt", compression)[1]).graph.node
    makers = {node.output[0]: node.op_type for node in nodes}
    rounded = [makers.get(n.input[0]) for n in nodes if "QuantizeLinear" in n.op_type]
    assert rounded
    assert not {"ReduceMean", "Softmax", "Sqrt"} & set(rounded)
    products = [
        node
        for node in nodes
        if node.op_type == "MatMul"
        and "DequantizeLinear" not in map(makers.get, node.input)
    ]
    assert len(products) == 4


def test_weights_of_states_count_as_weights(files):
    shapes = [x.shape for x in layers_in(load_onnx(files / "lstm.onnx"))]
    assert (2, 48, 16 + 12) in shapes  # both directions, four gates of 12 cells
    assert (2, 48, 24 + 12) in shapes


def test_a_convolutional_separator_is_quantized_for_compile(modules):
    module = modules["conv"]
    for length in (400, 403):  # whole windows, and not
        example = torch.zeros(1, length, 1)
        found = quantize_for_compile(module, example, CALIBRATION)
        for samples in (waves(1, 400), SPEECH):
            with torch.no_grad():
                output = found(torch.from_numpy(samples)).numpy()
            assert 15 < sdr_db(output, separated(module, samples)) < 90
