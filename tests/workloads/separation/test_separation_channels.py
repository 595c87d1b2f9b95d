from dataclasses import replace

import pytest
import torch
from separators import macs_of_size
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from workloads.compression.export import export_onnx
from workloads.compression.pruning.criteria import STRUCTURED, Pruning
from workloads.compression.pruning.importance import PruningChoice, gradient_magnitudes
from workloads.compression.pruning.masks import SkippedLayer, left
from workloads.compression.pruning.prune import prune
from workloads.compression.pruning.shrink import shrink
from workloads.separation.channels import channel_groups
from workloads.separation.framing import OfSamples
from workloads.separation.sizes import (
    SMALL,
    ConvTasNetSize,
    DptNetSize,
    Framing,
    LstmTasNetSize,
)
from workloads.separation.task import SEPARATION

FRAMING = Framing(filters=12, window=8, stride=4)
CONV = ConvTasNetSize("conv", FRAMING, 6, 10, 8, blocks=2, repeats=2)
LSTM = LstmTasNetSize("lstm", FRAMING, hidden=10, layers=3)
DPT = DptNetSize("dpt", FRAMING, hidden=10, heads=3, chunk=10, pairs=1)
TINY = (CONV, LSTM, DPT)


def by_name(size):
    return size.name


def separator(size):
    """With biases and norms that would show if a channel's were forgotten."""
    torch.manual_seed(0)
    model = SEPARATION.model(size).eval()
    for parameter in model.parameters():
        if parameter.ndim == 1:
            nn.init.normal_(parameter, 0.5, 0.5)
    return model


def recipe_for(model, criterion, percent):
    def gradients(model):
        waves = [torch.randn(1, 200, generator=torch.Generator().manual_seed(1))]
        return gradient_magnitudes(model, waves, lambda m, x: m(x).square().mean())

    return PruningChoice(
        Pruning(criterion, True, percent), channel_groups(model), gradients
    )


def pruned_and_shrunk(size, criterion="l1", percent=50):
    dense = separator(size)
    recipe = recipe_for(dense, criterion, percent)
    masked = prune(dense, recipe)
    return masked, shrink(masked, recipe.groups)


def count(model):
    return sum(parameter.numel() for parameter in model.parameters())


def assert_same_function(masked, small, samples):
    waves = torch.randn(2, samples, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        expected, found = masked(waves), small(waves)
    assert expected.abs().max() > 1e-3
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("percent", range(10, 100, 10))
@pytest.mark.parametrize("sources", [2, 8])
@pytest.mark.parametrize("size", TINY, ids=by_name)
def test_the_shrunk_model_computes_what_the_masked_one_does(size, sources, percent):
    size = replace(size, sources=sources)
    for criterion in STRUCTURED:
        masked, small = pruned_and_shrunk(size, criterion, percent)
        assert count(small) < count(masked)
        assert_same_function(masked, small, samples=203)


@pytest.mark.parametrize("percent", range(10, 100, 10))
@pytest.mark.parametrize("sources", [2, 8])
@pytest.mark.parametrize("size", SMALL, ids=by_name)
def test_small_sizes_shrink_without_a_difference(size, sources, percent):
    size, criterion = replace(size, sources=sources), STRUCTURED[percent // 10 % 4]
    masked, small = pruned_and_shrunk(size, criterion, percent)
    assert_same_function(masked, small, samples=1001)


@pytest.mark.parametrize("size", TINY, ids=by_name)
def test_exactly_the_channels_asked_are_zero(size):
    model = separator(size)
    recipe = recipe_for(model, "l2", 50)
    found = prune(model, recipe)
    changed = {m.parameter for group in recipe.groups for m in group.producers}
    tensors = [p for n, p in found.named_parameters() if n in changed and p.ndim >= 2]
    zeros = sum(int((p == 0).sum()) for p in tensors)
    assert 2 * zeros == sum(p.numel() for p in tensors)
    by_ten = prune(model, recipe_for(model, "l2", 10))
    tensors = dict(by_ten.named_parameters())
    # round(10 % of 12) filters of 8 samples
    assert int((tensors["encoder.weight"] == 0).sum()) == 1 * 8


def halved(size):
    """Half of every kind of channel, attention's too."""
    halves = {"framing": replace(FRAMING, filters=6), "hidden": 5}
    if isinstance(size, ConvTasNetSize):
        halves |= {"bottleneck": 3, "skip": 4}
    return replace(size, **halves)


def macs(model, samples):
    model = model.to("meta").train()
    with FlopCounterMode(display=False) as counter:
        model(torch.empty(1, samples, device="meta"))
    return counter.get_total_flops() // 2


@pytest.mark.parametrize("size", TINY, ids=by_name)
def test_half_of_the_channels_make_a_model_of_half_the_size(size):
    _, small = pruned_and_shrunk(size)
    assert count(small) == count(SEPARATION.model(halved(size)))
    assert macs(small, 203) == macs_of_size(halved(size), 203)


@pytest.mark.parametrize(
    ("size", "parameters", "macs_of_a_second"),
    [
        # 6 filters, 3 residual, 5 hidden, 4 skip channels, 2 sources
        (
            CONV,
            # encoder, norm, bottleneck, 4 blocks, one residual less, PReLU, mask,
            # decoder
            (6 * 8 + 6)
            + 2 * 6
            + (6 * 3 + 3)
            + 4 * ((3 * 5 + 5) + 1 + 10 + (5 * 3 + 5) + 1 + 10 + (5 * 3 + 3))
            + 4 * (5 * 4 + 4)
            - (5 * 3 + 3)
            + 1
            + (4 * 12 + 12)
            + (6 * 8 + 1),
            # 99 frames in 400 samples
            99 * (6 * 8 + 6 * 3 + 4 * (15 + 15 + 20) + 3 * 15 + 4 * 12 + 2 * 6 * 8),
        ),
        # 6 filters, 5 cells in each direction of 3 layers, 2 sources
        (
            LSTM,
            2 * (6 * 8 + 6)
            + 2 * 6
            + 2 * 20 * (6 + 5 + 2)
            + 2 * 2 * 20 * (10 + 5 + 2)
            + (10 * 12 + 12)
            + (6 * 8 + 1),
            99 * (2 * 48 + 2 * 20 * 11 + 4 * 20 * 15 + 10 * 12 + 2 * 48),
        ),
        # 6 filters, 3 heads of 2, 5 cells in each direction, 2 sources; a pair is two
        # transformers
        (
            DPT,
            (6 * 8 + 6)
            + 2 * 6
            + 2 * ((6 * 18 + 18) + (6 * 6 + 6) + 4 * 6 + 2 * 20 * 13 + (10 * 6 + 6))
            + 1
            + (6 * 12 + 12)
            + 2 * (6 * 6 + 6)
            + (6 * 8 + 1),
            # 22 chunks of 10: 220 places, each attending to 10 and to 22 others
            220 * (2 * (6 * 18 + 36 + 2 * 20 * 11 + 60) + 2 * 6 * (10 + 22) + 72)
            + 99 * (48 + 2 * 2 * 36 + 2 * 48),
        ),
    ],
    ids=["conv", "lstm", "dpt"],
)
def test_parameters_and_macs_are_those_worked_out_by_hand(
    size, parameters, macs_of_a_second
):
    _, small = pruned_and_shrunk(size)
    assert count(small) == parameters
    assert macs(small, 400) == macs_of_a_second


@pytest.mark.parametrize("size", TINY, ids=by_name)
def test_a_shrunk_model_can_be_pruned_and_shrunk_again(size):
    _, small = pruned_and_shrunk(size)
    recipe = recipe_for(small, "l1", 30)
    masked = prune(small, recipe)
    smaller = shrink(masked, recipe.groups)
    assert count(smaller) < count(small)
    assert_same_function(masked, smaller, samples=203)


def test_norms_go_on_counting_what_was_taken_out():
    _, small = pruned_and_shrunk(CONV)
    assert (len(small.norm.weight), small.norm.counted) == (6, 12)
    assert (len(small.blocks[0].norm_1.weight), small.blocks[0].norm_1.counted) == (
        5,
        10,
    )


def test_heads_get_thinner_and_keep_their_scale():
    _, small = pruned_and_shrunk(DPT)
    attention = small.pairs[0].intra.attention
    assert (attention.heads, attention.head_dim) == (3, 2)
    assert attention.scale == 4**-0.5


@pytest.mark.parametrize("size", TINY, ids=by_name)
def test_only_the_decoders_output_cannot_be_pruned(size):
    model = separator(size)
    assert left(model, recipe_for(model, "l1", 50)) == (
        SkippedLayer(
            "decoder", "Decoder", "it has one output channel, which must stay"
        ),
    )


@pytest.mark.parametrize("size", TINY, ids=by_name)
def test_weights_of_every_layer_are_pruned_one_by_one(size):
    model, recipe = separator(size), PruningChoice(Pruning("l1", False, 50))
    weights = [p for p in prune(model, recipe).parameters() if p.ndim >= 2]
    assert all(int((p == 0).sum()) == round(p.numel() / 2) for p in weights)
    assert left(model, recipe) == ()


def test_a_shrunk_model_can_be_exported(tmp_path):
    _, small = pruned_and_shrunk(DPT)  # has layers of nearly every kind
    example = 0.1 * torch.randn(2, 400, 1)
    difference = export_onnx(OfSamples(small).eval(), example, tmp_path / "small.onnx")
    assert difference < 1e-5


def test_another_model_is_refused():
    with pytest.raises(
        ValueError, match="channels of a Linear are not known: expected"
    ):
        channel_groups(nn.Linear(2, 2))
