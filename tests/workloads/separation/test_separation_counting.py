from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from workloads.compression.factorization.factorize import factorize
from workloads.separation.attention import SelfAttention
from workloads.separation.counting import macs_of
from workloads.separation.models import make
from workloads.separation.sizes import FULL, with_sources
from workloads.task import parameters_of


def flops_of_torch(size, samples):
    """On the meta device, in training: there LSTMs and attention are products of
    matrices that torch counts."""
    with torch.device("meta"):
        model, waves = make(size), torch.empty(1, samples)
    with FlopCounterMode(display=False) as counter:
        model(waves)
    return counter.get_total_flops()


@pytest.mark.parametrize("samples", [16, 203])
@pytest.mark.parametrize("sources", [2, 8])
def test_costs_agree_with_arithmetic_and_with_torchs_own_counter(
    tiny, sources, samples
):
    size = with_sources(tiny, sources)
    found = macs_of(make(size), samples)
    assert found == size.macs(samples)
    assert 2 * found == flops_of_torch(size, samples)


def test_the_last_residual_costs_what_it_should(conv):
    size = replace(conv, last_residual=True)
    assert macs_of(make(size), 203) == size.macs(203) > conv.macs(203)
    assert 2 * size.macs(203) == flops_of_torch(size, 203)


@pytest.mark.parametrize("size", FULL, ids=lambda size: size.name)
def test_full_sizes_cost_what_arithmetic_says(size):
    assert macs_of(make(size), 800) == size.macs(800)


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (nn.Linear(5, 3), (2, 7, 5), 2 * 7 * 5 * 3),
        (nn.Conv1d(4, 6, 3, stride=2), (2, 4, 11), 2 * 5 * 6 * 4 * 3),
        (nn.Conv1d(4, 4, 3, groups=4), (1, 4, 11), 9 * 4 * 3),
        (nn.Conv2d(4, 6, (3, 2)), (1, 4, 5, 7), 3 * 6 * 6 * 4 * 6),
        (nn.ConvTranspose1d(4, 2, 3, stride=2), (2, 4, 11), 2 * 11 * 4 * 2 * 3),
        (nn.LSTM(3, 5, 2), (2, 7, 3), 14 * (20 * (3 + 5) + 20 * (5 + 5))),
        # four matrices; queries with keys, weights with values
        (SelfAttention(6, 2, 3), (2, 7, 6), 2 * (7 * 6 * 24 + 2 * 7 * 7 * 6)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_layer_costs_what_was_worked_out_by_hand(layer, shape, expected):
    class OfZeros(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = layer

        def forward(self, _):
            return self.layer(torch.zeros(shape))

    assert macs_of(OfZeros(), samples=1) == expected


def test_a_factorized_model_has_fewer_parameters_and_costs_less(conv):
    model = make(replace(conv, hidden=40, bottleneck=30))
    small = factorize(model, "tucker", 50).model
    assert parameters_of(small) < parameters_of(model)
    assert macs_of(small, 203) < macs_of(model, 203)


def test_pruned_weights_that_are_still_there_count(conv):
    model = make(conv)
    before = parameters_of(model), macs_of(model, 203)
    nn.init.zeros_(model.bottleneck.weight)
    assert (parameters_of(model), macs_of(model, 203)) == before


@pytest.mark.parametrize("samples", [203, 1])
def test_counting_leaves_nothing_behind(conv, samples):
    model = make(conv)
    try:
        macs_of(model, samples)
    except ValueError:
        assert samples == 1  # less than a window
    assert not any(module._forward_hooks for module in model.modules())
