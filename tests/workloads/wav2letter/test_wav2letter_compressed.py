"""Wav2Letter's compressed files: what each holds, which the paper's numbers rest on."""

import numpy as np
import onnxruntime
import pytest
import torch

from workloads.compressed import CompressedModel
from workloads.compression.known import parse
from workloads.compression.quantization import kept_layers
from workloads.compression.step import Quantization
from workloads.feeding.normaliser import Normaliser
from workloads.recognition.data import Part, Recordings
from workloads.runtimes.pytorch import COMPILE
from workloads.runtimes.runtime import Opening, Place
from workloads.training import weights
from workloads.training.weights import Weights
from workloads.wav2letter.arrays import ArrayRows
from workloads.wav2letter.sizes import WAV2LETTER, WAV2LETTER_SMALL
from workloads.wav2letter.symbols import LETTERS
from workloads.wav2letter.task import WAV2LETTER as TASK

SMALL = WAV2LETTER_SMALL
PRUNED = "prune-l1-unstructured-50"
QUANTIZED = {  # how many layers stay in float
    "int8-dynamic": 0,
    "int8-static": 0,
    "int8-static-keep-first": 1,
    "int8-static-keep-edges": 4,
    "int8-qat": 0,
}


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def cached(cache, monkeypatch):
    """One for all tests: making models takes seconds."""
    monkeypatch.setenv("SPEECHMARK_CACHE", str(cache))


@pytest.fixture(scope="module")
def speech():
    """Sixteen made-up utterances to calibrate with."""
    rng = np.random.default_rng(0)
    frames = rng.integers(60, 160, size=16)
    rows = tuple(rng.normal(size=(n, 40)).astype(np.float32) for n in frames)
    texts = ("a cat",) * len(rows)
    part = Part(ArrayRows(rows), texts, (1.0,) * len(rows), LETTERS)
    plain = Normaliser(np.zeros(40, np.float32), np.ones(40, np.float32))
    return Recordings("made up", "0" * 64, part, part, plain)


@pytest.fixture
def model_of(speech):
    """A compression of untrained weights."""
    return lambda name: CompressedModel(TASK, SMALL, parse(name), Weights(None), speech)


@pytest.fixture
def made(model_of):
    """Its file; made once for all tests."""
    return lambda name: model_of(name).onnx()


def run(model, features):
    session = onnxruntime.InferenceSession(model.path)
    return session.run(["log_probs"], {"features": features})[0]


def noise(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=(*shape, 40)).astype(np.float32)


@pytest.mark.parametrize(
    "shape",
    [(1, 2), (1, 3), (2, 50), (1, 99), (1, 100), (3, 101), (2, 217), (5, 40), (1, 600)],
)
def test_the_onnx_model_equals_the_torch_model(made, shape):
    features = noise(*shape)
    with torch.no_grad():
        model = weights.load(TASK, SMALL, None)
        expected = model(torch.from_numpy(features)).numpy()
    found = run(made("fp32"), features)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < 1e-4


@pytest.mark.parametrize(("name", "float_layers"), QUANTIZED.items())
def test_a_quantized_file_tells_which_layers_are_in_float(made, name, float_layers):
    model = made(name)
    facts = model.quantized
    assert (facts.layers, facts.float_layers) == (11, float_layers)
    assert len(facts.kept) == float_layers
    assert model.bytes == model.path.stat().st_size


@pytest.mark.parametrize("name", QUANTIZED)
def test_quantized_outputs_are_close_to_those_of_fp32(made, name):
    features = noise(2, 120)
    expected, found = run(made("fp32"), features), run(made(name), features)
    error = np.linalg.norm(found - expected) / np.linalg.norm(expected)
    assert 1e-4 < error < 0.1


def counts_of(size):
    """Weights and biases of each layer."""
    return [(one.kernel * one.inputs + 1) * one.outputs for one in size.layers]


def test_int8_takes_a_quarter_and_kept_layers_their_share(made):
    whole = made("fp32").bytes
    assert whole == pytest.approx(4 * sum(counts_of(SMALL)), rel=0.02)
    counts = counts_of(SMALL)
    for name in QUANTIZED:
        share = kept_share(counts, parse(name).step_of(Quantization).keep)
        expected = 4 * sum(counts_of(SMALL)) * (share + (1 - share) / 4)
        # Biases stay wider, and the graph has a few kilobytes of its own.
        assert made(name).bytes == pytest.approx(expected, rel=0.06), name


def kept_share(counts, keep):
    """Of the parameters, those in layers that `keep` leaves in float."""
    kept = kept_layers([str(i) for i in range(len(counts))], keep)
    return sum(counts[int(i)] for i in kept) / sum(counts)


def test_the_published_size_keeps_little_in_float():
    counts = counts_of(WAV2LETTER)
    first, edges = (kept_share(counts, keep) for keep in ("first", "edges"))
    assert first == pytest.approx(0.020, abs=5e-4)
    assert edges == pytest.approx(0.211, abs=5e-4)
    assert first + (1 - first) / 4 < 0.27  # of fp32's bytes


def test_pruning_zeroes_half_of_each_layers_weights(made):
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(made(PRUNED).path).graph
    arrays = [numpy_helper.to_array(x) for x in graph.initializer if len(x.dims) == 3]
    assert len(arrays) == 11
    assert all((w == 0).mean() == pytest.approx(0.5, abs=1e-3) for w in arrays)
    assert made(PRUNED).quantized is None


def test_a_pruned_module_says_how_little_is_left_to_store(model_of):
    facts = model_of(PRUNED).file.facts
    assert facts["parameters"] == sum(counts_of(SMALL))
    assert (facts["layers_changed"], facts["layers_left"]) == (11, "none")
    assert facts["zeros_percent"] == pytest.approx(50, abs=0.1)
    assert 0.5 < facts["bitmap_bytes"] / (4 * sum(counts_of(SMALL))) < 0.55


def test_a_pruned_model_can_be_quantized(made):
    both = made(f"{PRUNED}+int8-static")
    assert both.quantized.float_layers == 0
    assert both.bytes < 0.3 * made(PRUNED).bytes
    features = noise(1, 80)
    pruned, plain = run(made(PRUNED), features), run(made("int8-static"), features)
    found = run(both, features)
    assert np.linalg.norm(found - pruned) < 0.5 * np.linalg.norm(found - plain)


def test_the_log_probabilities_have_a_symbol_for_each_letter(made):
    assert run(made("fp32"), noise(1, 40)).shape[2] == LETTERS.outputs


def test_an_int8_torch_model_has_int8_weights_but_in_kept_layers(model_of):
    with torch._inductor.config.patch(freezing=False):  # put back after it
        opened = COMPILE.open(model_of("int8-static-keep-first"), Opening(Place()))
    module = opened.session.forward
    held = [*module.buffers(), *module.parameters()]
    int8 = sorted(one.numel() for one in held if one.dtype == torch.int8)
    counts = counts_of(SMALL)
    channels = [64] * 8 + [256, 256, LETTERS.outputs]
    weighted = [a - b for a, b in zip(counts, channels, strict=True)]
    assert int8 == sorted(weighted[1:])
    assert opened.float_layers == 1
