"""Made models: what each file holds, and that none is made twice."""

import json

import numpy as np
import onnxruntime
import pytest
import torch
from workloads.wav2letter.models import (
    CALIBRATION_UTTERANCES,
    calibration_of,
    onnx_model,
    torch_model,
)

from workloads.compression import artifacts, onnx_models
from workloads.compression.names import parse
from workloads.compression.quantization import kept_layers
from workloads.feeding.normaliser import Normaliser
from workloads.wav2letter import trained
from workloads.wav2letter.model import parameter_counts
from workloads.wav2letter.sizes import SIZES, WAV2LETTER, WAV2LETTER_SMALL
from workloads.wav2letter.symbols import LETTERS

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
    monkeypatch.setenv("SPEECHMARK_CACHE", str(cache))


@pytest.fixture(scope="module")
def speech():
    """Sixteen made-up utterances (T, 40) to calibrate with."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(60, 160, size=16)
    return [rng.normal(size=(n, 40)).astype(np.float32) for n in lengths]


@pytest.fixture
def made(speech):
    """A compression's file of untrained weights; made once for all tests."""
    return lambda name: onnx_model(SMALL, parse(name), None, lambda: speech)


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
        expected = trained.load_model(SMALL, None)(torch.from_numpy(features)).numpy()
    found = run(made("fp32"), features)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < 1e-4


@pytest.mark.parametrize(("name", "float_layers"), QUANTIZED.items())
def test_a_quantized_file_tells_which_layers_are_in_float(made, name, float_layers):
    model = made(name)
    facts = model.quantized
    assert (facts.layers, facts.float_layers) == (11, float_layers)
    assert len(facts.kept) == float_layers
    assert model.bytes == facts.model_bytes == model.path.stat().st_size


@pytest.mark.parametrize("name", QUANTIZED)
def test_quantized_outputs_are_close_to_those_of_fp32(made, name):
    features = noise(2, 120)
    expected, found = run(made("fp32"), features), run(made(name), features)
    error = np.linalg.norm(found - expected) / np.linalg.norm(expected)
    assert 1e-4 < error < 0.1


def test_int8_takes_a_quarter_and_kept_layers_their_share(made):
    whole = made("fp32").bytes
    assert whole == pytest.approx(4 * SMALL.parameters, rel=0.02)
    counts = parameter_counts(SMALL)
    for name in QUANTIZED:
        share = kept_share(counts, parse(name).keep)
        expected = 4 * SMALL.parameters * (share + (1 - share) / 4)
        # Biases stay wider, and the graph has a few kilobytes of its own.
        assert made(name).bytes == pytest.approx(expected, rel=0.06), name


def kept_share(counts, keep):
    """Of the parameters, those in layers that `keep` leaves in float."""
    kept = kept_layers([str(i) for i in range(len(counts))], keep)
    return sum(counts[int(i)] for i in kept) / sum(counts)


def test_the_published_size_keeps_little_in_float():
    counts = parameter_counts(WAV2LETTER)
    first, edges = (kept_share(counts, keep) for keep in ("first", "edges"))
    assert first == pytest.approx(0.020, abs=5e-4)
    assert edges == pytest.approx(0.211, abs=5e-4)
    assert first + (1 - first) / 4 < 0.27  # of fp32's bytes


def test_pruning_zeroes_half_of_each_layers_weights(made):
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(made(PRUNED).path).graph
    weights = [numpy_helper.to_array(x) for x in graph.initializer if len(x.dims) == 3]
    assert len(weights) == 11
    assert all((w == 0).mean() == pytest.approx(0.5, abs=1e-3) for w in weights)
    assert made(PRUNED).quantized is None


def test_a_pruned_model_can_be_quantized(made):
    both = made(f"{PRUNED}+int8-static")
    assert both.quantized.float_layers == 0
    assert both.bytes < 0.3 * made(PRUNED).bytes
    features = noise(1, 80)
    pruned, plain = run(made(PRUNED), features), run(made("int8-static"), features)
    found = run(both, features)
    assert np.linalg.norm(found - pruned) < 0.5 * np.linalg.norm(found - plain)


@pytest.mark.parametrize("name", ["fp32", *QUANTIZED, PRUNED])
def test_a_model_is_made_once(made, name, monkeypatch):
    first = made(name)
    monkeypatch.setattr(artifacts, "run_elsewhere", None)
    again = made(name)
    assert again == first


@pytest.mark.parametrize("name", ["bf16", "fp16"])
def test_half_precision_is_computed_from_the_file_of_fp32(made, name):
    assert made(name) == made("fp32")


@pytest.fixture
def keys(tmp_path, monkeypatch):
    """The keys of what would have been made."""
    (tmp_path / onnx_models.QUANTIZED).write_text(
        json.dumps({"kept": [], "layers": 1, "float_layers": 0, "model_bytes": 1})
    )
    asked = []

    def made(key, make, arguments):
        asked.append((dict(key), arguments))
        return tmp_path

    monkeypatch.setattr(onnx_models, "made", made)
    return asked


def asked_for(keys, *arguments):
    del keys[:]
    *others, speech = arguments
    onnx_model(*others, lambda: speech)
    return [key for key, _ in keys]


def test_a_models_key_holds_all_that_it_depends_on(keys, speech, tmp_path):
    weights, others = tmp_path / "weights", tmp_path / "others"
    weights.write_bytes(b"some weights")
    others.write_bytes(b"others")
    static, pruned = parse("int8-static"), parse(f"{PRUNED}+int8-static")
    found = [
        asked_for(keys, SMALL, static, weights, speech),
        asked_for(keys, SMALL, static, others, speech),
        asked_for(keys, SMALL, static, None, speech),
        asked_for(keys, WAV2LETTER, static, weights, speech),
        asked_for(keys, SMALL, pruned, weights, speech),
    ]
    exported, quantized = ([str(key[i]) for key in found] for i in (0, 1))
    assert len(set(exported)) == len(set(quantized)) == len(found)
    others = [
        asked_for(keys, SMALL, static, weights, speech[1:]),
        asked_for(keys, SMALL, parse("int8-qat"), weights, speech),
        asked_for(keys, SMALL, parse("int8-static-keep-first"), weights, speech),
    ]
    assert all(key[0] == found[0][0] for key in others)  # the same fp32 file
    assert len({str(key[1]) for key in (found[0], *others)}) == 4


def test_calibration_data_are_no_part_of_what_needs_none(keys, speech):
    dynamic = parse("int8-dynamic")
    key = asked_for(keys, SMALL, dynamic, None, speech)
    assert asked_for(keys, SMALL, dynamic, None, speech[1:]) == key
    assert keys[1][1][-1] == []  # nor are they sent to the other process


def test_calibration_utterances_lie_evenly_over_the_lengths(letters):
    part, normaliser = letters.train, letters.normaliser
    found = calibration_of(part, normaliser)
    lengths = [len(one) for one in found]
    assert len(found) == CALIBRATION_UTTERANCES == 32
    assert lengths == sorted(lengths)
    assert (lengths[0], lengths[-1]) == (min(part.frames), max(part.frames))
    middle = sorted(part.frames)[len(part.frames) // 2]
    assert lengths[16] == pytest.approx(middle, abs=6)
    longest = int(np.argmax(part.frames))
    (raw,) = part.rows.read([longest])
    expected = (raw - normaliser.mean) / normaliser.std
    np.testing.assert_allclose(found[-1], expected, rtol=1e-6)


def test_of_few_utterances_all_are_calibrated_with(letters):
    assert len(calibration_of(letters.validation, letters.normaliser)) == 10


def test_a_torch_model_is_in_fp32_unless_it_is_calibrated():
    for name in ("fp32", "bf16", "int8-dynamic"):
        module = torch_model(SMALL, parse(name), None, [])
        assert {p.dtype for p in module.parameters()} == {torch.float32}
        assert not module.training


def test_a_torch_model_is_pruned_as_its_name_says():
    module = torch_model(SMALL, parse(PRUNED), None, [])
    weights = [p for p in module.parameters() if p.ndim == 3]
    assert all(w.eq(0).float().mean() == pytest.approx(0.5, abs=1e-3) for w in weights)


def test_an_int8_torch_model_has_int8_weights_but_in_kept_layers(speech):
    keeping = torch_model(SMALL, parse("int8-static-keep-first"), None, speech[:2])
    held = [*keeping.buffers(), *keeping.parameters()]
    int8 = sorted(one.numel() for one in held if one.dtype == torch.int8)
    counts = parameter_counts(SMALL)
    channels = [64] * 8 + [256, 256, SMALL.outputs]
    weights = [a - b for a, b in zip(counts, channels, strict=True)]
    assert int8 == sorted(weights[1:])


def test_weights_of_a_file_are_those_that_are_exported(tmp_path, speech):
    size, path = SIZES["wav2letter-small"], tmp_path / "wav2letter-small.safetensors"
    plain = Normaliser(np.zeros(40, np.float32), np.ones(40, np.float32))
    torch.manual_seed(9)
    model = trained.load_model(size, None)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.1)
    trained.save(model, plain, {}, path)
    features = noise(1, 70)
    with torch.no_grad():
        expected = trained.load_model(size, path)(torch.from_numpy(features)).numpy()
    found = run(onnx_model(size, parse("fp32"), path, list), features)
    assert np.abs(found - expected).max() < 1e-4
    assert LETTERS.outputs == found.shape[2]
