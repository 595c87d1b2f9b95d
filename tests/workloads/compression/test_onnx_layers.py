"""LSTMs and PReLUs in ONNX: what they become, and that they compute the same."""

from collections import Counter

import onnx
import pytest
import torch
from torch import nn

from workloads.compression.export import export_onnx
from workloads.compression.onnx_layers import for_onnx


class Recurrent(nn.Module):
    def __init__(self, **settings):
        super().__init__()
        torch.manual_seed(0)
        self.first = settings.pop("first", True)
        self.lstm = nn.LSTM(3, 4, batch_first=self.first, **settings)

    def forward(self, x):
        if self.first:
            return self.lstm(x)[0]
        return self.lstm(x.transpose(0, 1))[0].transpose(0, 1)


def operators(path):
    return Counter(node.op_type for node in onnx.load(path).graph.node)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"num_layers": 2},
        {"num_layers": 3, "bidirectional": True},
        {"bias": False},
        {"first": False},
    ],
)
def test_an_lstm_becomes_one_operator_a_layer(tmp_path, settings):
    """For any batch and length: the export compares several with the module."""
    layers = settings.get("num_layers", 1)
    path = tmp_path / "m.onnx"
    module = Recurrent(**settings).eval()
    assert export_onnx(module, torch.randn(1, 5, 3), path) < 1e-6
    assert operators(path)["LSTM"] == layers


def test_an_lstm_with_projections_is_refused():
    with pytest.raises(ValueError, match="projections of size 2, which the LSTM of"):
        for_onnx(nn.LSTM(3, 4, proj_size=2))


def test_states_are_refused(tmp_path):
    lstm = for_onnx(nn.LSTM(3, 4))
    with pytest.raises(ValueError, match="given states: it is exported without"):
        lstm(torch.zeros(5, 1, 3), (torch.zeros(1, 1, 4), torch.zeros(1, 1, 4)))


def test_a_prelu_of_one_slope_becomes_a_leaky_relu(tmp_path):
    path = tmp_path / "m.onnx"
    module = nn.Sequential(nn.PReLU(init=0.3), nn.PReLU(3, init=0.1)).eval()
    example = torch.randn(2, 3, 3)  # PReLU takes the second axis for the channels

    assert [type(part) for part in for_onnx(module)] == [nn.LeakyReLU, nn.PReLU]
    assert torch.equal(for_onnx(module)(example), module(example))
    export_onnx(module[:1].eval(), example, path)
    assert operators(path) == {"LeakyRelu": 1}
    slope = onnx.load(path).graph.node[0].attribute[0].f
    assert slope == pytest.approx(0.3)


def test_the_module_itself_is_not_changed():
    module = nn.Sequential(nn.LSTM(3, 4), nn.PReLU())
    for_onnx(module)
    assert [type(part) for part in module] == [nn.LSTM, nn.PReLU]
