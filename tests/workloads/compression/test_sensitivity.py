"""The layer that was made to break under 8 bits is found."""

import copy
import re

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto
from torch import nn

from workloads.compression.export import export_onnx
from workloads.compression.graph import load_onnx, weighted_nodes
from workloads.compression.known import POST_TRAINING, parse
from workloads.compression.quantization import (
    NothingQuantizedError,
    layers_of,
    quantize,
)
from workloads.compression.sensitivity import analyse, mean_change
from workloads.metrics.error_rates import ErrorRate

FEATURES, LAYERS = 8, 6  # of the tiny model
N = 30


def broken(tiny, number):
    """A channel that is always zero has huge weights in layer `number`: they change
    nothing in float, and take all precision from the others in 8 bits."""
    model = copy.deepcopy(tiny)
    before, layer = model.layers[3 * (number - 2)], model.layers[3 * (number - 1)]
    with torch.no_grad():
        before.weight[0], before.bias[0] = 0, 0
        layer.weight[:, 0] = 500
    return model


def runner(utterances, calls=None):
    def listen(path):
        session = onnxruntime.InferenceSession(path)
        if calls is not None:
            calls.append(path)
        return [session.run(None, {"features": x[None]})[0][0] for x in utterances]

    return listen


def scorer(reference):
    """Frames whose likeliest output is not the reference's."""

    def score(outputs):
        pairs = zip(reference, outputs, strict=True)
        wrong = [int((a.argmax(1) != b.argmax(1)).sum()) for a, b in pairs]
        return ErrorRate("frames", tuple(wrong), tuple(len(x) for x in reference))

    return score


@pytest.fixture(scope="module")
def utterances():
    rng = np.random.default_rng(5)
    return [
        rng.normal(size=(int(rng.integers(30, 60)), FEATURES)).astype(np.float32)
        for _ in range(N)
    ]


@pytest.fixture
def analysed(tmp_path, utterances, calibration):
    def make(module, name, **settings):
        path = tmp_path / "fp32.onnx"
        export_onnx(module, torch.randn(2, 12, FEATURES), path)
        listen = runner(utterances)
        score = scorer(listen(path))
        return analyse(path, parse(name), calibration, listen, score, **settings)

    return make


@pytest.mark.parametrize("name", POST_TRAINING)
@pytest.mark.parametrize("number", [3, 5])
def test_the_layer_that_8_bits_break_is_ranked_first(analysed, tiny, name, number):
    found = analysed(broken(tiny, number), name)
    (first, cost), (_, second) = found.ranked()[:2]
    assert first.number == number
    assert cost.shows
    assert cost.difference.value > 5 * max(second.difference.value, 0.01)
    assert cost.output_change > 5 * second.output_change


def test_layers_are_reported_in_the_graph_s_order_as_they_are_done(analysed, tiny):
    done = []
    found = analysed(tiny, "int8-dynamic", on_layer=lambda *one: done.append(one))
    assert [layer.number for layer, _ in done] == list(range(1, LAYERS + 1))
    assert {count for _, count in done} == {LAYERS}
    assert tuple(layer for layer, _ in done) == found.layers


def test_shares_of_the_weights_add_up(analysed, tiny):
    found = analysed(tiny, "int8-dynamic")
    assert found.layers[0].layer.shape == (24, FEATURES, 6)
    weights = 24 * FEATURES * 6 + 4 * 24 * 24 * 3 + 5 * 24
    expected = 100 * 24 * FEATURES * 6 / weights
    assert found.layers[0].weights_percent == pytest.approx(expected)
    assert sum(layer.weights_percent for layer in found.layers) == pytest.approx(100)


def test_the_model_in_float_and_all_layers_are_the_references(
    analysed, tiny, utterances, tmp_path
):
    found = analysed(tiny, "int8-dynamic")
    assert found.baseline.value == 0
    assert found.baseline_bytes == (tmp_path / "fp32.onnx").stat().st_size
    whole = tmp_path / "whole.onnx"
    quantize(tmp_path / "fp32.onnx", whole, parse("int8-dynamic"))
    a, b = (runner(utterances)(x) for x in (tmp_path / "fp32.onnx", whole))
    expected = np.abs(np.concatenate(a) - np.concatenate(b)).mean()
    assert found.together.output_change == pytest.approx(expected, rel=1e-4)
    assert found.together.model_bytes == whole.stat().st_size


def test_quantized_copies_do_not_stay(tiny_onnx, utterances):
    ran = []
    listen = runner(utterances, ran)
    score = scorer(runner(utterances)(tiny_onnx))
    analyse(tiny_onnx, parse("int8-dynamic"), None, listen, score)
    assert [path.exists() for path in ran] == [True] + [False] * (LAYERS + 1)


def test_a_layer_that_the_compression_leaves_in_float_has_no_cost(dense_onnx):
    rng = np.random.default_rng(0)
    noise = [rng.normal(size=(30, FEATURES)).astype(np.float32) for _ in range(N)]
    listen = runner(noise)
    score = scorer(listen(dense_onnx))
    found = analyse(dense_onnx, parse("int8-dynamic"), None, listen, score)
    assert [layer.cost is None for layer in found.layers] == [False] * 3 + [True]
    assert len(found.ranked()) == 3


def test_outputs_that_overflow_name_the_layer(tiny_onnx):
    def listen(path):
        return [np.full((3, 5), 0.0 if path == tiny_onnx else np.nan, np.float32)]

    expected = "node_conv1d quantized alone gives outputs that are not finite"
    with pytest.raises(ValueError, match=expected):
        analyse(
            tiny_onnx,
            parse("int8-dynamic"),
            None,
            listen,
            lambda outputs: ErrorRate("frames", (0,), (3,)),
        )


def test_long_utterances_weigh_more_in_the_change_of_outputs():
    a, b = [np.zeros((9, 2)), np.zeros((1, 2))], [np.ones((9, 2)), np.zeros((1, 2))]
    assert mean_change(a, b, "it") == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("name", "stored"), [("int8-dynamic", "UINT8"), ("int8-static", "INT8")]
)
def test_only_the_named_layer_is_quantized(
    tiny_onnx, tmp_path, calibration, name, stored
):
    out = tmp_path / "one.onnx"
    third = layers_of(tiny_onnx)[2].name
    facts = quantize(tiny_onnx, out, parse(name), calibration, only=[third])
    assert (facts.layers, facts.float_layers) == (LAYERS, LAYERS - 1)
    assert third not in facts.kept
    graph = onnx.load(out).graph
    kinds = {x.name: TensorProto.DataType.Name(x.data_type) for x in graph.initializer}
    weights = [node.input[1] for node in weighted_nodes(load_onnx(out))]
    floats = [weight for weight in weights if kinds.get(weight) == "FLOAT"]
    assert len(floats) == LAYERS - 1
    assert stored in [kinds[x.name] for x in graph.initializer if len(x.dims) == 3]


def test_sums_beside_the_named_layer_stay_in_float(tmp_path, calibration):
    class Summing(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = nn.Linear(FEATURES, 4), nn.Linear(FEATURES, 4)

        def forward(self, features):
            a, b = self.one(features), self.two(features)
            return (a + b) * (a - b)

    path, out = tmp_path / "fp32.onnx", tmp_path / "one.onnx"
    export_onnx(Summing().eval(), torch.randn(2, 12, FEATURES), path)
    layer = layers_of(path)[0].name
    quantize(path, out, parse("int8-static"), calibration, only=[layer])
    nodes = onnx.load(out).graph.node
    rounded = {n.output[0] for n in nodes if n.op_type == "DequantizeLinear"}
    plain = [n for n in nodes if n.op_type in ("Sub", "Mul")]
    assert len(plain) == 2
    assert not rounded & {name for node in plain for name in node.input}


@pytest.mark.parametrize(("only", "called"), [(["none"], "none"), ([], "nothing")])
def test_a_layer_that_is_not_there_is_refused(tiny_onnx, tmp_path, only, called):
    names = [layer.name for layer in layers_of(tiny_onnx)]
    expected = f"no layer is called {called}: give one or more of {', '.join(names)}"
    with pytest.raises(ValueError, match=re.escape(expected)):
        quantize(tiny_onnx, tmp_path / "x.onnx", parse("int8-dynamic"), only=only)


def test_a_layer_that_cannot_be_quantized_alone_has_an_error_of_its_own(
    dense_onnx, tmp_path
):
    last = layers_of(dense_onnx)[-1]
    assert last.operator == "ConvTranspose"
    with pytest.raises(NothingQuantizedError):
        quantize(
            dense_onnx, tmp_path / "x.onnx", parse("int8-dynamic"), only=[last.name]
        )
