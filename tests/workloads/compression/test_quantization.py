"""Quantized copies of a tiny model: sizes, kept layers, errors, and who runs them."""

import os
import subprocess
import sys
from collections import Counter

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from workloads.compression import calibration as calibration_module
from workloads.compression.graph import (
    kept_layers,
    load_onnx,
    output_axis,
    weighted_nodes,
)
from workloads.compression.known import parse
from workloads.compression.quantization import layers_of, quantize
from workloads.compression.steps.int16_weights import int16_per_channel

BOUNDS = {  # relative errors of the logits of a random network, far from each other
    "int8-dynamic": 0.08,
    "int8-static": 0.12,
    "int8-qat": 0.12,
    "int16-weights": 0.001,
    "w16a8": 0.12,
}


@pytest.fixture
def quantized(tiny_onnx, tmp_path, calibration):
    """Quantizes the tiny model by a compression's name; returns facts and path."""

    def make(name, model=tiny_onnx, data=calibration, **settings):
        out = tmp_path / f"{name}.onnx"
        return quantize(model, out, parse(name), data, **settings), out

    return make


def outputs(path, x, optimised=None):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if optimised:
        options.optimized_model_filepath = str(optimised)
    session = onnxruntime.InferenceSession(path, options)
    return session.run(None, {"features": x})[0]


def logits_error(path, reference, x):
    """Of log-probabilities, which hold logits up to a constant of each frame."""
    a, b = (outputs(p, x) for p in (path, reference))
    a, b = (y - y.mean(-1, keepdims=True) for y in (a, b))
    return np.linalg.norm(a - b) / np.linalg.norm(b)


def ran(path, x, folder):
    """How often each operator stands in the graph that ONNX Runtime makes of it."""
    outputs(path, x, folder / "optimised.onnx")
    nodes = onnx.load(folder / "optimised.onnx").graph.node
    return Counter(node.op_type for node in nodes)


def stored(path):
    """Type and number of dimensions of each layer's weights."""
    tensors = onnx.load(path).graph.initializer
    return Counter(
        TensorProto.DataType.Name(x.data_type) for x in tensors if len(x.dims) == 3
    )


@pytest.mark.parametrize("name", BOUNDS)
def test_the_logits_stay_close_to_those_in_float(quantized, tiny_onnx, unseen, name):
    _, path = quantized(name)
    assert 0 < logits_error(path, tiny_onnx, unseen) < BOUNDS[name]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("int8-dynamic", {"UINT8": 6}),
        ("int8-static", {"INT8": 6}),
        ("int8-static-keep-first", {"FLOAT": 1, "INT8": 5}),
        ("int8-dynamic-keep-edges", {"FLOAT": 4, "UINT8": 2}),
        ("w16a8", {"INT16": 6}),
    ],
)
def test_weights_are_stored_in_the_type_named(quantized, name, expected):
    facts, path = quantized(name)
    assert stored(path) == expected
    assert facts.layers == 6
    assert facts.float_layers == expected.get("FLOAT", 0)


@pytest.mark.parametrize("base", ["int8-dynamic", "int8-static"])
def test_keep_first_leaves_exactly_the_first_layer_in_float(quantized, tiny_onnx, base):
    facts, path = quantized(f"{base}-keep-first")
    first = weighted_nodes(load_onnx(tiny_onnx))[0].name
    assert facts.kept == (first,)
    left = [n for n in weighted_nodes(load_onnx(path)) if n.input[0] == "transpose"]
    assert [node.name for node in left] == [first]
    assert facts.float_layers == 1


def test_keep_edges_leaves_the_first_and_last_two_in_float(quantized, tiny_onnx):
    facts, _ = quantized("int8-static-keep-edges")
    names = [node.name for node in weighted_nodes(load_onnx(tiny_onnx))]
    assert facts.kept == (*names[:2], *names[-2:])
    assert facts.float_layers == 4


def test_a_static_model_computes_with_integers_alone(quantized, unseen, tmp_path):
    operators = ran(quantized("int8-static")[1], unseen, tmp_path)
    assert operators["QLinearConv"] == 6
    assert not {"Conv", "FusedConv"} & set(operators)


def test_kept_layers_compute_in_float(quantized, unseen, tmp_path):
    operators = ran(quantized("int8-static-keep-edges")[1], unseen, tmp_path)
    assert operators["QLinearConv"] == 2
    assert operators["Conv"] + operators["FusedConv"] == 4


def test_a_dynamic_model_computes_with_integers(quantized, unseen, tmp_path):
    operators = ran(quantized("int8-dynamic-keep-first")[1], unseen, tmp_path)
    assert operators["ConvInteger"] == operators["DynamicQuantizeLinear"] == 5


def test_16_bit_weights_become_float_when_the_model_is_loaded(
    quantized, unseen, tmp_path
):
    operators = ran(quantized("int16-weights")[1], unseen, tmp_path)
    assert operators["Conv"] + operators["FusedConv"] == 6
    assert not {"Cast", "Mul", "DequantizeLinear"} & set(operators)


def test_16_bit_weights_beside_8_bit_activations_run_in_float(
    quantized, unseen, tmp_path
):
    operators = ran(quantized("w16a8")[1], unseen, tmp_path)
    assert operators["Conv"] + operators["FusedConv"] == 6
    assert "QLinearConv" not in operators


def test_static_weights_have_a_scale_for_each_output_channel(quantized):
    tensors = onnx.load(quantized("int8-static")[1]).graph.initializer
    scales = [x.dims for x in tensors if "weight_scale" in x.name]
    assert sorted(d[0] for d in scales) == [5, 24, 24, 24, 24, 24]


def test_activations_are_unsigned(quantized):
    graph = onnx.load(quantized("int8-static")[1]).graph
    types = {x.name: x.data_type for x in graph.initializer}
    zeros = [n.input[2] for n in graph.node if n.op_type == "QuantizeLinear"]
    assert zeros
    assert {types[name] for name in zeros} == {TensorProto.UINT8}


def widest_scale(path):
    """Of the model's input, whose outliers are the farthest out."""
    graph = onnx.load(path).graph
    scales = {x.name: numpy_helper.to_array(x) for x in graph.initializer}
    first = next(n for n in graph.node if n.op_type == "QuantizeLinear")
    return float(scales[first.input[1]])


def test_outliers_are_clipped(quantized, calibration):
    extent = max(x.max() for x in calibration) - min(x.min() for x in calibration)
    assert widest_scale(quantized("int8-static")[1]) < 0.99 * extent / 255


def test_a_lower_percentile_clips_more(quantized, monkeypatch):
    scales = []
    for level in (100, 99, 90):
        monkeypatch.setattr(calibration_module, "PERCENTILE", level)
        scales.append(widest_scale(quantized("int8-static")[1]))
    assert scales == sorted(scales, reverse=True)
    assert scales[2] < 0.7 * scales[0]


def test_every_utterance_counts_wherever_it_stands(quantized, calibration):
    quiet, loud = [x / 100 for x in calibration[1:]], calibration[0]
    alone, last, first = (
        widest_scale(quantized("int8-static", data=data)[1])
        for data in (quiet, [*quiet, loud], [loud, *quiet])
    )
    assert alone < last == first


def test_dense_layers_are_quantized_too(quantized, dense_onnx, tmp_path):
    facts, path = quantized("int8-static", model=dense_onnx)
    assert (facts.layers, facts.float_layers) == (4, 0)
    x = np.random.default_rng(0).normal(size=(2, 30, 8)).astype(np.float32)
    a, b = outputs(path, x), outputs(dense_onnx, x)
    assert np.linalg.norm(a - b) < 0.1 * np.linalg.norm(b)


def test_what_dynamic_quantization_cannot_do_is_counted(quantized, dense_onnx):
    facts, _ = quantized("int8-dynamic", model=dense_onnx)
    assert (facts.kept, facts.float_layers) == ((), 1)  # the ConvTranspose


def test_a_gemm_can_be_kept_from_dynamic_quantization(quantized, dense_onnx):
    facts, _ = quantized("int8-dynamic-keep-first", model=dense_onnx)
    assert facts.float_layers == 2


def test_16_bit_weights_of_any_layer_give_the_same_output(quantized, dense_onnx):
    facts, path = quantized("int16-weights", model=dense_onnx)
    x = np.random.default_rng(0).normal(size=(2, 30, 8)).astype(np.float32)
    assert np.abs(outputs(path, x) - outputs(dense_onnx, x)).max() < 2e-4
    assert (facts.layers, facts.float_layers) == (4, 0)


def test_16_bit_values_are_exact_to_half_a_step():
    weights = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32)
    weights[1] = 0
    values, scale = int16_per_channel(weights, axis=0)
    assert values.dtype == np.int16
    assert scale.shape == (3, 1, 1)
    assert np.abs(values).max(axis=(1, 2)).tolist() == [32767, 0, 32767]
    assert (np.abs(values * scale - weights) <= scale * 0.5001).all()


@pytest.mark.parametrize(
    ("operator", "settings", "axis"),
    [
        ("Conv", {}, 0),
        ("ConvTranspose", {}, 1),
        ("MatMul", {}, 2),
        ("Gemm", {}, 1),
        ("Gemm", {"transB": 1}, 0),
    ],
)
def test_output_channels_lie_on_the_axis_of_the_operator(operator, settings, axis):
    node = helper.make_node(operator, ["x", "w"], ["y"], **settings)
    assert output_axis(node, axes=3) == axis


def test_layers_of_a_front_end_stay_in_float_before_those_that_are_kept(
    quantized, tiny_onnx
):
    names = [layer.name for layer in layers_of(tiny_onnx)]
    for name, kept in (("int8-static", 2), ("int8-static-keep-first", 3)):
        facts, _ = quantized(name, front=2)
        assert list(facts.kept) == names[:kept]
        assert facts.float_layers == kept


@pytest.mark.parametrize(
    ("keep", "expected"), [("none", ""), ("first", "a"), ("edges", "abde")]
)
def test_which_layers_are_kept_follows_from_their_order(keep, expected):
    assert kept_layers("abcde", keep) == tuple(expected)


@pytest.mark.parametrize(
    ("layers", "keep"), [("ab", "edges"), ("abc", "edges"), ("a", "first")]
)
def test_no_layer_is_kept_twice(layers, keep):
    assert kept_layers(layers, keep) == tuple(layers)


def test_pruned_weights_stay_zero(quantized, pruned_onnx):
    _, path = quantized("prune-l1-unstructured-70+int8-static", model=pruned_onnx)
    tensors = onnx.load(path).graph.initializer
    weights = [numpy_helper.to_array(x) for x in tensors if len(x.dims) == 3]
    assert all((w == 0).mean() >= 0.69 for w in weights)


def test_a_model_that_is_not_pruned_is_no_pruned_model(quantized):
    expected = r"0 of 1152 weights of .* are zero, expected 70 %: prune the model"
    with pytest.raises(ValueError, match=expected):
        quantized("prune-l1-unstructured-70+int8-dynamic")


@pytest.mark.parametrize("name", ["fp32", "bf16", "fp16", "prune-l1-unstructured-20"])
def test_what_is_no_quantization_is_refused(quantized, name):
    expected = (
        f"{name} is no quantization of ONNX files: give one of int8-dynamic, "
        "int8-static, int8-qat, int16-weights, w16a8$"
    )
    with pytest.raises(ValueError, match=expected):
        quantized(name)


@pytest.mark.parametrize("name", ["int8-static", "int8-qat", "w16a8"])
@pytest.mark.parametrize("data", [None, []])
def test_static_activations_need_calibration_data(quantized, name, data):
    with pytest.raises(ValueError, match="no calibration data"):
        quantized(name, data=data)


def test_others_need_none(quantized):
    assert quantized("int8-dynamic", data=None)[0].float_layers == 0


def broken(calibration, utterance):
    return [*calibration[:3], utterance]


def test_calibration_data_of_another_width_are_refused(quantized, calibration):
    data = broken(calibration, np.zeros((50, 9), np.float32))
    expected = r"calibration utterance 3 has shape \(50, 9\), expected \(frames, 8\)"
    with pytest.raises(ValueError, match=expected):
        quantized("int8-static", data=data)


def test_calibration_data_of_other_axes_are_refused(quantized, calibration):
    data = broken(calibration, calibration[0][None])
    with pytest.raises(ValueError, match=r"utterance 3 has shape \(1, "):
        quantized("int8-static", data=data)


def test_calibration_data_with_holes_are_refused(quantized, calibration):
    utterance = calibration[3].copy()
    utterance[2, :3] = np.nan, np.inf, -np.inf
    expected = rf"utterance 3 holds 3 of {utterance.size} values that are not finite"
    with pytest.raises(ValueError, match=expected):
        quantized("int8-static", data=broken(calibration, utterance))


def test_calibration_data_without_frames_are_refused(quantized, calibration):
    data = broken(calibration, np.zeros((0, 8), np.float32))
    with pytest.raises(ValueError, match="utterance 3 has no frames"):
        quantized("int8-static", data=data)


def test_an_absent_model_is_named(quantized, tmp_path):
    with pytest.raises(ValueError, match=r"ONNX model from .*absent\.onnx"):
        quantized("int8-dynamic", model=tmp_path / "absent.onnx")


def test_a_file_that_was_cut_is_no_model(quantized, tiny_onnx, tmp_path):
    cut = tmp_path / "cut.onnx"
    cut.write_bytes(tiny_onnx.read_bytes()[:5000])
    with pytest.raises(ValueError, match="cannot read an ONNX model"):
        quantized("int8-dynamic", model=cut)


def made_of(tmp_path, inputs):
    """A model without weights, of inputs of these shapes."""
    values = [
        helper.make_tensor_value_info(f"x{i}", TensorProto.FLOAT, shape)
        for i, shape in enumerate(inputs)
    ]
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, inputs[0])
    nodes = [helper.make_node("Relu", ["x0"], ["y"])]
    graph = helper.make_graph(nodes, "g", values, [out])
    opset = [helper.make_opsetid("", 20)]
    path = tmp_path / "odd.onnx"
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=10), path)
    return path


@pytest.mark.parametrize("inputs", [[[1, 2]], [[1, 2, 8], [1, 2, 8]]])
def test_a_model_of_other_inputs_is_refused(quantized, tmp_path, inputs):
    with pytest.raises(ValueError, match=r"has the inputs .*'x0'.*expected a single"):
        quantized("int8-dynamic", model=made_of(tmp_path, inputs))


def test_a_model_without_weights_is_refused(quantized, tmp_path):
    model = made_of(tmp_path, [["b", "t", 8]])
    with pytest.raises(ValueError, match="has no layer with weights"):
        quantized("int8-dynamic", model=model)


def test_to_keep_every_layer_is_refused(quantized, tmp_path, dense_onnx):
    with pytest.raises(ValueError, match="leaves all 4 layers of"):
        quantized("int8-dynamic-keep-edges", model=dense_onnx)


def test_nothing_is_printed(quantized, capfd):
    quantized("int8-static")
    quantized("w16a8")
    assert capfd.readouterr() == ("", "")


def test_torch_is_not_loaded_for_it():
    modules = ("known", "quantization", "entropy", "artifacts", "calibration", "graph")
    lines = [f"import workloads.compression.{name}" for name in modules]
    lines.append("import sys; assert not {'torch', 'onnxruntime'} & set(sys.modules)")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], check=True, env=environment
    )
