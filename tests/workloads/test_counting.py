from dataclasses import replace

import pytest
import torch
from separators import CONV, DPT, LSTM
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from workloads.compression.factorization.factorize import factorize
from workloads.counting import macs_of, macs_of_layers
from workloads.separation.attention import SelfAttention
from workloads.separation.sizes import (
    CONV_TASNET,
    DPTNET,
    LSTM_TASNET,
    with_sources,
)
from workloads.separation.task import SEPARATION
from workloads.task import parameters_of


def flops_of_torch(size, samples):
    """On the meta device, in training: there LSTMs and attention are products of
    matrices that torch counts."""
    with torch.device("meta"):
        model, waves = SEPARATION.model(size), torch.empty(1, samples)
    with FlopCounterMode(display=False) as counter:
        model(waves)
    return counter.get_total_flops()


class Codes(nn.Module):
    """Whose inputs are rows to look up."""

    def __init__(self):
        super().__init__()
        self.rows = nn.Embedding(9, 4)

    def forward(self, x):
        return self.rows(x.long())


@pytest.mark.parametrize("samples", [16, 203])
@pytest.mark.parametrize("sources", [2, 8])
@pytest.mark.parametrize("tiny", [CONV, LSTM, DPT], ids=lambda size: size.name)
def test_costs_agree_with_torchs_own_counter(tiny, sources, samples):
    size = with_sources(tiny, sources)
    assert 2 * macs_of(SEPARATION.model(size), 1, samples) == flops_of_torch(
        size, samples
    )


@pytest.mark.parametrize(
    ("size", "macs"),
    [(LSTM_TASNET, 903_002_880), (CONV_TASNET, 486_199_296), (DPTNET, 856_886_272)],
    ids=lambda value: getattr(value, "name", None),
)
def test_full_sizes_cost_what_formulas_say(size, macs):
    assert macs_of(SEPARATION.model(size), 1, 800) == macs


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (nn.Linear(5, 3), (2, 7, 5), 2 * 7 * 5 * 3),
        (nn.Conv1d(4, 6, 3, stride=2), (2, 4, 11), 2 * 5 * 6 * 4 * 3),
        (nn.Conv1d(4, 4, 3, groups=4), (1, 4, 11), 9 * 4 * 3),
        (nn.Conv2d(4, 6, (3, 2)), (1, 4, 5, 7), 3 * 6 * 6 * 4 * 6),
        (nn.ConvTranspose1d(4, 2, 3, stride=2), (2, 4, 11), 2 * 11 * 4 * 2 * 3),
        (nn.LSTM(3, 5, 2), (2, 7, 3), 14 * (20 * (3 + 5) + 20 * (5 + 5))),
        (Codes(), (2, 7), 0),
        # four matrices; queries with keys, weights with values
        (SelfAttention(6, 2, 3), (2, 7, 6), 2 * (7 * 6 * 24 + 2 * 7 * 7 * 6)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_layer_costs_what_was_worked_out_by_hand(layer, shape, expected):
    assert macs_of(layer, *shape) == expected


@pytest.mark.parametrize(
    "layer",
    [
        nn.GRU(3, 5),
        nn.ConvTranspose2d(3, 2, 3),
        nn.MultiheadAttention(4, 2),
        nn.Bilinear(3, 3, 2),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_a_layer_whose_products_are_not_known_is_refused(layer):
    model = nn.Sequential(nn.Linear(3, 3), layer)
    kind = type(layer).__name__
    with pytest.raises(ValueError, match=rf"^1 is a {kind}, whose mul.*macs_besides$"):
        macs_of(model, 2, 7, 3)
    with pytest.raises(ValueError, match=f"^the model is a {kind}, whose"):
        macs_of(layer, 2, 7, 3)


def test_attention_within_a_fast_path_of_torch_is_refused_too():
    layer = nn.TransformerEncoderLayer(4, 2, batch_first=True).eval()
    with pytest.raises(ValueError, match=r"^self_attn is a MultiheadAttention, whose"):
        macs_of(layer, 2, 7, 4)


def test_layers_are_told_apart_and_one_that_is_used_twice_counts_twice():
    first, second = nn.Linear(4, 3), nn.Linear(3, 3)
    model = nn.Sequential(first, nn.ReLU(), second, second)
    found = macs_of_layers(model, 5, 4)
    assert (found["0"], found["1"], found["2"]) == (5 * 12, 0, 2 * 5 * 9)
    assert macs_of(model, 5, 4) == 5 * 12 + 2 * 5 * 9


def test_a_factorized_model_has_fewer_parameters_and_costs_less():
    model = SEPARATION.model(replace(CONV, hidden=40, bottleneck=30))
    small = factorize(model, "tucker", 50).model
    assert parameters_of(small) < parameters_of(model)
    assert macs_of(small, 1, 203) < macs_of(model, 1, 203)


def test_pruned_weights_that_are_still_there_count():
    model = SEPARATION.model(CONV)
    before = parameters_of(model), macs_of(model, 1, 203)
    nn.init.zeros_(model.bottleneck.weight)
    assert (parameters_of(model), macs_of(model, 1, 203)) == before


def test_counting_leaves_the_model_as_it_was():
    model = SEPARATION.model(LSTM)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    waves = torch.randn(1, 203)
    expected = model(waves)
    macs_of(model, 1, 203)
    assert not any(module._forward_hooks for module in model.modules())
    assert model(waves).equal(expected)
    assert all(value.equal(before[key]) for key, value in model.state_dict().items())
