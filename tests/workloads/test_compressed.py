"""A task's compressed model: as a module, as an ONNX file, on a plain path."""

import json
from functools import partial

import numpy as np
import onnxruntime
import pytest
import torch
from separators import CONV
from tiny_task import SIZE, TINY, TinySize, TinyTask, tiny_data

from workloads import compressed
from workloads.compressed import (
    FACTS,
    MODEL,
    MODULE,
    CompressedModel,
    ModuleFile,
    changes,
    compress,
    export_into,
    load_module,
    write_module,
    write_outputs,
)
from workloads.compression import artifacts
from workloads.compression.known import parse
from workloads.compression.sparse.formats import FORMATS
from workloads.separation.task import SEPARATION
from workloads.training import weights
from workloads.training.weights import Weights
from workloads.values import plain

DATA = tiny_data()
PRUNED = "prune-l1-unstructured-50"
RANDOM = Weights(None)


def model_of(name, found=RANDOM, size=SIZE, data=DATA):
    return CompressedModel(TINY, size, parse(name), found, data)


def noise(*shape):
    rng = np.random.default_rng(1)
    return rng.normal(size=(*shape, 8)).astype(np.float32)


def output_of(module, features):
    with torch.inference_mode():
        return module(torch.from_numpy(features)).numpy()


def run_file(path, features):
    session = onnxruntime.InferenceSession(path)
    return session.run(["output"], {"features": features})[0]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def cached(cache, monkeypatch):
    """One for all tests: making models takes seconds."""
    monkeypatch.setenv("SPEECHMARK_CACHE", str(cache))


@pytest.mark.usefixtures("cached")
def test_a_module_is_made_of_its_weights_and_once(monkeypatch):
    model = model_of(PRUNED)
    expected = compress(TINY, weights.untrained(TINY, SIZE), parse(PRUNED))
    features = noise(3, 12)
    np.testing.assert_array_equal(
        output_of(model.module(), features), output_of(expected, features)
    )
    assert not model.module().training
    assert model.file.facts["zeros_percent"] == pytest.approx(50, abs=1)
    monkeypatch.setattr(artifacts, "run_elsewhere", None)
    assert model_of(PRUNED).file == model.file


@pytest.mark.usefixtures("cached")
@pytest.mark.parametrize("shape", [(1, 2), (1, 12), (3, 12), (2, 37)])
def test_the_onnx_file_computes_what_the_module_does(shape):
    features = noise(*shape)
    expected = output_of(model_of(PRUNED).module(), features)
    found = run_file(model_of(PRUNED).onnx().path, features)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.usefixtures("cached")
def test_a_file_is_quantized_after_its_pruning(monkeypatch):
    asked = []
    calibration = type(TINY).calibration

    def watched(task, data):
        asked.append(data)
        return calibration(task, data)

    monkeypatch.setattr(type(TINY), "calibration", watched)
    whole, small = model_of(PRUNED).onnx(), model_of(f"{PRUNED}+int8-static").onnx()
    assert whole.quantized is None
    assert (small.quantized.layers, small.quantized.float_layers) == (2, 0)
    assert asked == [DATA]
    features = noise(4, 12)
    expected, found = (run_file(one.path, features) for one in (whole, small))
    error = np.linalg.norm(found - expected) / np.linalg.norm(expected)
    assert 1e-5 < error < 0.1


@pytest.mark.usefixtures("cached")
@pytest.mark.parametrize("base", ["bf16", "fp16"])
def test_half_precision_is_computed_from_the_file_of_fp32(base):
    assert model_of(f"{PRUNED}+{base}").onnx() == model_of(PRUNED).onnx()


@pytest.mark.usefixtures("cached")
def test_plain_outputs_are_the_modules_by_position(monkeypatch):
    model, batches = model_of(PRUNED), [noise(2, 12), noise(1, 30)]
    found = model.plain_outputs(batches)
    assert list(found) == ["0", "1"]
    for output, batch in zip(found.values(), batches, strict=True):
        np.testing.assert_allclose(output, output_of(model.module(), batch), atol=1e-5)
    monkeypatch.setattr(artifacts, "run_elsewhere", None)
    assert model.plain_outputs(batches).keys() == found.keys()  # kept


def test_what_is_written_is_the_module_with_what_was_counted_of_it(tmp_path):
    write_module(tmp_path, TINY, SIZE, parse("fp32"), RANDOM, ())
    module = load_module(tmp_path / MODULE)
    plain_model = weights.untrained(TINY, SIZE)
    assert output_of(module, noise(2, 12)) == pytest.approx(
        output_of(plain_model, noise(2, 12))
    )
    facts = json.loads((tmp_path / FACTS).read_text())
    assert facts == {"parameters": 8 * 32 + 32 + 32 * 3 + 3}


class Renamed(TinyTask):
    onnx_names = ("bands", "scores")


def test_an_exported_file_has_the_tasks_names(tmp_path):
    write_module(tmp_path, Renamed(), SIZE, parse("fp32"), RANDOM, ())
    export_into(tmp_path, Renamed(), SIZE, tmp_path / MODULE)
    session = onnxruntime.InferenceSession(tmp_path / MODEL)
    assert [one.name for one in session.get_inputs()] == ["bands"]
    assert [one.name for one in session.get_outputs()] == ["scores"]


def test_outputs_are_those_of_the_deployed_model(tmp_path):
    """Separators take samples (B, S, 1) once deployed."""
    write_module(tmp_path, SEPARATION, CONV, parse("fp32"), RANDOM, ())
    wave = np.random.default_rng(0).normal(size=(1, 200, 1)).astype(np.float32)
    write_outputs(tmp_path, SEPARATION, tmp_path / MODULE, [wave])
    with np.load(tmp_path / plain.OUTPUTS) as kept:
        found = kept["0"]
    deployed = SEPARATION.deployed(load_module(tmp_path / MODULE)).eval()
    np.testing.assert_allclose(found, output_of(deployed, wave), atol=1e-5)
    assert found.shape == (1, 200, 2)


def changed(name):
    model = compress(SEPARATION, weights.untrained(SEPARATION, CONV), parse(name))
    return changes(SEPARATION, CONV, parse(name), model)


def test_a_compression_of_numbers_alone_changes_no_layer():
    assert changed("int8-static") == {}


def test_single_zeros_are_counted_and_stored_in_every_format():
    found = changed(PRUNED)
    assert found["layers_left"] == "none"
    assert found["zeros_percent"] == pytest.approx(50, abs=1)
    stored = {f"{format.name}_bytes" for format in FORMATS}
    assert stored < found.keys()
    assert found["bitmap_bytes"] < 4 * sum(
        p.numel() for p in SEPARATION.model(CONV).parameters()
    )


def test_whole_channels_leave_no_zeros_to_store():
    found = changed("prune-l1-structured-50")
    assert found.keys() == {"layers_changed", "layers_left"}
    assert found["layers_changed"] == 18
    assert found["layers_left"].startswith("decoder: it has one output channel")


@pytest.fixture
def keys(tmp_path, monkeypatch):
    """Of all modules that would have been made; nothing is."""
    (tmp_path / FACTS).write_text("{}")
    asked = []

    def made(key, make, arguments):
        assert make is write_module
        asked.append((dict(key), arguments))
        return tmp_path

    monkeypatch.setattr(compressed, "made", made)
    return asked


def key_of(keys, model):
    assert isinstance(model.file, ModuleFile)
    return keys[-1][0]


def test_modules_are_kept_apart_by_all_that_they_depend_on(keys, tmp_path):
    path = tmp_path / "weights"
    path.write_bytes(b"some weights")
    key = partial(key_of, keys)
    found = [
        key(model_of("fp32")),
        key(model_of(PRUNED)),
        key(model_of("fp32", Weights(path))),
        key(model_of(PRUNED, Weights(path))),
        key(model_of(PRUNED, Weights(path, is_fitted=True))),
        key(model_of("fp32", size=TinySize("wide"))),
    ]
    assert len({str(one) for one in found}) == len(found)


def test_what_is_done_to_the_module_later_is_no_part_of_its_key(keys, tmp_path):
    key = partial(key_of, keys)
    assert key(model_of(f"{PRUNED}+int8-static")) == key(model_of(PRUNED))
    assert (
        key(model_of("bf16")) == key(model_of("int8-static")) == key(model_of("fp32"))
    )
    other = tiny_data(checksum="1" * 64)
    assert key(model_of(PRUNED, data=other)) == key(model_of(PRUNED))


def test_a_pruning_by_gradients_depends_on_the_corpus_and_gets_items_of_it(
    keys, pairs, tmp_path
):
    def separator(name, found=RANDOM):
        return CompressedModel(SEPARATION, CONV, parse(name), found, pairs)

    by_gradients = key_of(keys, separator("prune-gradient-structured-50"))
    *_, sample = keys[-1][1]
    assert by_gradients["gradients"] == pairs.checksum
    assert len(sample) == len(pairs.train.mixtures)
    by_size = key_of(keys, separator("prune-l1-structured-50"))
    *_, sample = keys[-1][1]
    assert (by_size["gradients"], sample) == ("", ())
    path = tmp_path / "weights"
    path.write_bytes(b"trained after it")
    fitted = separator("prune-gradient-structured-50", Weights(path, is_fitted=True))
    assert key_of(keys, fitted)["gradients"] == ""  # there is nothing left to prune
