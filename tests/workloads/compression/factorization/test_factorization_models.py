"""Whole models: what changes, what is left and why."""

import pytest
import torch
from torch import nn

from workloads.compression.export import export_onnx
from workloads.compression.factorization.chains import Plan, weight_count
from workloads.compression.factorization.factorize import (
    FINE_TUNE_RATE_FACTOR,
    SkippedLayer,
    factorize,
    structure_like,
)
from workloads.compression.step import CompressionError
from workloads.frame_convolution import FrameConv1d
from workloads.separation.sizes import (
    CONV_TASNET_SMALL,
    DPTNET_SMALL,
    LSTM_TASNET_SMALL,
    SMALL,
)
from workloads.separation.task import SEPARATION

METHODS = ("cp", "tucker", "tsvd")


class Mixed(nn.Module):
    """A layer of each kind. Axes: B utterances, T frames, F = 8 features."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Conv1d(8, 16, 5, padding=2)
        self.depthwise = nn.Conv1d(16, 16, 3, padding=1, groups=16)
        self.grouped = nn.Conv1d(16, 16, 3, padding=1, groups=2)
        self.norm, self.prelu = nn.BatchNorm1d(16), nn.PReLU()
        self.lstm = nn.LSTM(16, 12, batch_first=True)
        self.blocks = nn.ModuleList([nn.Linear(12, 10), nn.Linear(10, 1)])

    def forward(self, features):
        x = self.prelu(self.norm(self.first(features.transpose(1, 2))))
        x, _ = self.lstm(self.grouped(self.depthwise(x)).transpose(1, 2))
        return self.blocks[1](self.blocks[0](x))


@pytest.fixture
def model():
    return Mixed().eval()


def test_cp_changes_the_convolution_and_says_why_all_else_stays(model):
    found = factorize(model, "cp", 30)
    (changed,) = found.changed
    # R = 0.7 * 640 / 29 = 15.4; 15 * (16 + 8 + 5) = 435
    assert (changed.names, changed.plan) == (("first",), Plan("cp", (15,)))
    assert (changed.layer, weight_count(changed.chain)) == (model.first, 435)
    linear = "cp changes only nn.Conv1d, nn.Conv2d, nn.ConvTranspose1d"
    assert found.left == (
        SkippedLayer(
            "depthwise",
            "Conv1d",
            "depth-wise: no channel shares its kernel's factors with another",
        ),
        SkippedLayer("grouped", "Conv1d", "its 2 groups keep channels apart already"),
        SkippedLayer(
            "lstm",
            "LSTM",
            "a recurrent kernel takes its matrices whole, for all frames at once",
        ),
        SkippedLayer("blocks.0", "Linear", linear),
        SkippedLayer("blocks.1", "Linear", linear),
    )


@pytest.mark.parametrize("method", ["cp", "tucker"])
def test_convolutions_of_frames_become_chains_of_such(method):
    layer = FrameConv1d(8, 16, 3)
    chain = factorize(nn.Sequential(layer), method, 30).model[0]
    assert {type(stage) for stage in chain} == {FrameConv1d}


@pytest.mark.parametrize(
    ("method", "kind", "sizes"),
    [("tucker", nn.Conv1d, (16, 16, 3)), ("tsvd", nn.Linear, (16, 16))],
)
def test_a_layer_whose_weight_may_be_read_is_left(method, kind, sizes):
    class Odd(kind):
        pass

    (left,) = factorize(nn.Sequential(Odd(*sizes)), method, 30).left
    assert left.reason == "Odd has a forward of its own, which may read its weight"


def test_tucker_changes_the_convolution(model):
    (changed,) = factorize(model, "tucker", 30).changed
    # 640 r^2 + 320 r = 448 has r = 0.6232; 16 r = 9.97, 8 r = 4.99
    assert changed.plan == Plan("tucker", (9, 4))
    assert weight_count(changed.chain) == 9 * 16 + 4 * 8 + 9 * 4 * 5


def test_tsvd_changes_linear_layers_that_gain(model):
    found = factorize(model, "tsvd", 30)
    (changed,) = found.changed
    # R = 0.7 * 120 / 22 = 3.8
    assert (changed.names, changed.plan) == (("blocks.0",), Plan("svd-output", (3,)))
    assert weight_count(changed.chain) == 66
    matrix = model.blocks[0].weight.detach()
    values = torch.linalg.svdvals(matrix)
    lost = matrix - changed.chain[1].weight @ changed.chain[0].weight
    assert float(lost.detach().norm()) == pytest.approx(float(values[3:].norm()))
    reasons = {left.name: left.reason for left in found.left}
    assert (
        reasons["blocks.1"] == "ranks (1,) need 11 weights, more than 70 percent of 10"
    )
    assert reasons["first"] == "tsvd changes only nn.Linear"


@pytest.mark.parametrize("method", METHODS)
def test_the_model_given_stays_as_it_is(model, method):
    before = {name: values.clone() for name, values in model.state_dict().items()}
    factorize(model, method, 30)
    structure_like(model, method, 30)
    after = model.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], before[name]) for name in before)


@pytest.mark.parametrize("method", METHODS)
def test_less_left_out_comes_closer(model, method):
    x = torch.randn(2, 20, 8, generator=torch.Generator().manual_seed(0))
    expected = model(x)
    lost = [(factorize(model, method, p).model(x) - expected).norm() for p in (5, 80)]
    assert lost[0] < lost[1]


@pytest.mark.parametrize("method", METHODS)
def test_saved_weights_fit_the_structure_made_without_a_decomposition(model, method):
    saved = factorize(model, method, 30).model
    other = Mixed().eval()
    for parameter in other.parameters():
        nn.init.zeros_(parameter)
    structure = structure_like(other, method, 30).model
    structure.load_state_dict(saved.state_dict())
    x = torch.randn(2, 20, 8)
    assert torch.equal(structure(x), saved(x))


def test_names_of_saved_weights_are_stable(model):
    names = list(factorize(model, "cp", 30).model.state_dict())
    assert names[:4] == [
        "first.reduce.weight",
        "first.taps_0.weight",
        "first.expand.weight",
        "first.expand.bias",
    ]
    names = list(factorize(model, "tucker", 30).model.state_dict())
    assert names[1] == "first.kernel.weight"
    names = list(factorize(model, "tsvd", 30).model.state_dict())
    assert "blocks.0.reduce.weight" in names


def test_a_factorized_model_can_be_factorized_otherwise(model):
    both = factorize(factorize(model, "tucker", 30).model, "tsvd", 30)
    assert [changed.names for changed in both.changed] == [("blocks.0",)]


def test_a_factorized_model_learns(model):
    found = factorize(model, "cp", 30).model.train()
    found(torch.randn(2, 20, 8)).square().sum().backward()
    assert all(bool(p.grad.isfinite().all()) for p in found.first.parameters())


@pytest.mark.parametrize(
    ("method", "factor"), [("cp", 0.1), ("tucker", 1), ("tsvd", 1)]
)
def test_cp_learns_at_a_lower_rate(method, factor):
    assert FINE_TUNE_RATE_FACTOR[method] == factor


def test_a_single_layer_is_a_model():
    found = factorize(nn.Linear(12, 10), "tsvd", 30)
    assert isinstance(found.model, nn.Sequential)
    assert [changed.names for changed in found.changed] == [("",)]


def test_a_layer_under_two_names_is_changed_under_both():
    layer = nn.Linear(12, 12)
    found = factorize(nn.ModuleDict({"a": layer, "b": layer}), "tsvd", 30)
    assert [changed.names for changed in found.changed] == [("a", "b")]
    assert found.model["a"] is found.model["b"]
    assert isinstance(found.model["a"], nn.Sequential)


def test_weights_that_two_layers_own_stay_shared():
    model = nn.Sequential(nn.Linear(12, 12), nn.Linear(12, 12))
    model[1].weight = model[0].weight
    left = factorize(model, "tsvd", 30).left
    assert [layer.name for layer in left] == ["0", "1"]
    assert "also that of another layer" in left[0].reason


def test_a_parent_may_still_ask_for_the_width_of_a_layer():
    assert factorize(nn.Linear(12, 10), "tsvd", 30).model.in_features == 12


def test_layers_whose_weights_the_parent_reads_are_left():
    attention = nn.MultiheadAttention(16, 4)
    found = factorize(attention, "tsvd", 30)
    assert [left.name for left in found.left] == ["", "out_proj"]
    assert not found.changed


def test_a_stride_that_eats_the_gain_is_named():
    (left,) = factorize(nn.Conv1d(16, 32, 3, 4), "cp", 30).left
    # 4 * 16 * 21 + 21 * 3 + 21 * 32
    assert left.reason.startswith(
        "ranks (21,) need 2079 multiply-accumulates a position, no fewer than its 1536"
    )
    assert factorize(nn.Conv1d(16, 32, 3, 2), "cp", 30).changed


def test_ranks_too_coarse_for_the_share_are_named():
    (left,) = factorize(nn.Conv1d(2, 3, 2), "tucker", 50).left
    assert left.reason == "ranks (1, 1) need 7 weights, more than 50 percent of 12"


def test_weights_that_are_not_finite_are_named(model):
    with torch.no_grad():
        model.first.weight[0, 0, 0] = float("nan")
    with pytest.raises(
        CompressionError, match="first cannot be factorized: it holds weights"
    ):
        factorize(model, "cp", 30)


@pytest.mark.parametrize("size", SMALL, ids=lambda size: size.name)
@pytest.mark.parametrize("method", METHODS)
def test_each_layer_of_a_separator_is_changed_or_left(size, method):
    model = SEPARATION.model(size).eval()
    found = factorize(model, method, 30)
    named = [layer.names[0] for layer in found.changed]
    named += [layer.name for layer in found.left]
    with_matrices = {
        n.rpartition(".")[0] for n, p in model.named_parameters() if p.ndim > 1
    }
    assert sorted(named) == sorted(with_matrices)
    sizes = [(c.layer.weight.numel(), weight_count(c.chain)) for c in found.changed]
    saved = sum(before - after for before, after in sizes)
    counts = [sum(p.numel() for p in m.parameters()) for m in (model, found.model)]
    assert counts[0] - counts[1] == saved
    assert all(after <= 0.7 * before for before, after in sizes)
    assert found.model(torch.randn(1, 900)).shape == (1, 2, 900)


@pytest.mark.parametrize(
    ("size", "method", "count"),
    [
        # bottleneck, masks, and 3 in each of 12 blocks but the last
        (CONV_TASNET_SMALL, "tucker", 37),
        (CONV_TASNET_SMALL, "tsvd", 0),
        (LSTM_TASNET_SMALL, "cp", 0),  # encoders and decoder alone are convolutions
        (LSTM_TASNET_SMALL, "tsvd", 1),
        (DPTNET_SMALL, "cp", 3),  # two gates, Conv2d
        (DPTNET_SMALL, "tsvd", 12),  # four transformers of 3
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_how_many_layers_of_a_separator_change(size, method, count):
    assert len(factorize(SEPARATION.model(size), method, 30).changed) == count


@pytest.mark.parametrize("method", ["cp", "tsvd"])
def test_a_factorized_model_becomes_an_onnx_graph(model, method, tmp_path):
    found = factorize(model, method, 30).model
    assert export_onnx(found, torch.randn(2, 20, 8), tmp_path / "model.onnx") < 1e-4
