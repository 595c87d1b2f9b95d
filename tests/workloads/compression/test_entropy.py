import itertools

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from workloads.compression.entropy import (
    TABLE_BYTES,
    code_lengths,
    compressed_bytes,
    huffman_bytes,
)
from workloads.compression.graph import load_onnx
from workloads.compression.known import parse
from workloads.compression.quantization import quantize


def payload_bytes(values):
    return huffman_bytes(np.asarray(values, np.int8)) - TABLE_BYTES


def best_prefix_code_bits(counts):
    """By trying every set of code lengths that a prefix code can have (Kraft)."""
    longest = max(1, len(counts) - 1)
    return min(
        sum(c * n for c, n in zip(counts, lengths, strict=True))
        for lengths in itertools.product(range(1, longest + 1), repeat=len(counts))
        if sum(2.0**-n for n in lengths) <= 1
    )


@pytest.mark.parametrize(
    "counts", [(1,), (9,), (5, 3), (5, 2, 1), (8, 8, 8, 8), (40, 9, 3, 2, 1)]
)
def test_no_prefix_code_is_shorter(counts):
    values = np.repeat(np.arange(len(counts)), counts)
    assert payload_bytes(values) == -(-best_prefix_code_bits(counts) // 8)


def test_rare_symbols_get_long_words_and_absent_ones_none():
    assert code_lengths([40, 0, 9, 3, 2, 1]) == [1, 0, 2, 3, 4, 4]
    assert code_lengths([0, 7, 0]) == [0, 1, 0]
    values = np.repeat(np.arange(6), [40, 0, 9, 3, 2, 1])
    assert payload_bytes(values) == -(-(40 + 18 + 9 + 8 + 4) // 8)


@pytest.mark.parametrize("spread", [0.3, 2, 20])
def test_the_size_lies_within_a_bit_of_the_entropy(spread):
    rng = np.random.default_rng(0)
    values = np.rint(rng.normal(0, spread, 10_000)).clip(-128, 127).astype(np.int8)
    _, counts = np.unique(values, return_counts=True)
    p = counts / counts.sum()
    entropy_bits = -(p * np.log2(p)).sum() * values.size
    bits = payload_bytes(values) * 8
    assert entropy_bits <= bits + 1e-6
    assert bits < entropy_bits + values.size + 8


def test_a_single_symbol_takes_a_bit_each_time():
    assert huffman_bytes(np.full((20, 40), -7, np.int8)) == 256 + 100


def test_all_symbols_alike_cannot_be_shortened():
    values = np.tile(np.arange(256, dtype=np.uint8), 16)
    assert huffman_bytes(values) == 256 + values.size


def test_signs_and_shapes_do_not_matter():
    values = np.arange(-60, 60, dtype=np.int8).reshape(2, 60)
    assert huffman_bytes(values.T) == huffman_bytes(values.view(np.uint8).ravel())


@pytest.fixture
def model(tmp_path):
    """Two layers of 8-bit weights, a float layer, and small things."""

    def save(**tensors):
        named = [numpy_helper.from_array(a, n) for n, a in tensors.items()]
        x = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
        y = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])
        node = onnx.helper.make_node("Identity", ["x"], ["y"])
        graph = onnx.helper.make_graph([node], "g", [x], [y], named)
        path = tmp_path / "model.onnx"
        onnx.save(onnx.helper.make_model(graph), path)
        return path

    return save


def test_a_model_is_what_remains_after_its_8_bit_weights_are_coded(model):
    zeros = np.zeros((100, 80), np.int8)
    path = model(w=zeros, f=np.zeros((9, 9), np.float32), s=np.zeros(300, np.int8))
    saved = zeros.size - (256 + zeros.size // 8)
    assert compressed_bytes(path) == path.stat().st_size - saved


def test_a_tensor_that_a_code_would_enlarge_is_left_as_it_lies(model):
    path = model(w=np.zeros((10, 10), np.uint8))
    assert compressed_bytes(path) == path.stat().st_size


def test_a_pruned_and_quantized_model_becomes_smaller(pruned_onnx, tmp_path):
    out = tmp_path / "int8.onnx"
    quantize(pruned_onnx, out, parse("prune-l1-unstructured-70+int8-dynamic"))
    tensors = load_onnx(out).graph.initializer
    weights = [numpy_helper.to_array(x) for x in tensors if len(x.dims) == 3]
    coded = [w for w in weights if w.dtype == np.uint8]
    saved = sum(max(0, w.size - huffman_bytes(w)) for w in coded)
    assert len(coded) == 6
    assert compressed_bytes(out) == out.stat().st_size - saved
    assert saved > 0.3 * sum(w.size for w in coded)


def test_a_file_that_is_no_model_is_refused(tmp_path):
    (tmp_path / "x.onnx").write_bytes(b"no model")
    with pytest.raises(ValueError, match="cannot read an ONNX model from"):
        compressed_bytes(tmp_path / "x.onnx")
