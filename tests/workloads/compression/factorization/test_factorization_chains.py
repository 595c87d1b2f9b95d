"""Chains beside the convolution by the kernel that they stand for."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from workloads.compression.factorization.chains import (
    Plan,
    chain_of_zeros,
    fill,
    kernel,
    macs,
    plan,
    tap_axes,
    weight_count,
)
from workloads.compression.factorization.decompositions import decompose


def seeded(kind, *arguments, **options):
    torch.manual_seed(0)
    return kind(*arguments, **options)


def chain_of(layer, own):
    chain = chain_of_zeros(layer, own)
    fill(chain, decompose(kernel(layer), own), layer.bias)
    return chain


def standing_for(chain, form):
    """The kernel (O, I, *taps) of its weights, written out."""
    weights = {name: stage.weight.detach() for name, stage in chain.named_children()}
    reduce, expand = weights.pop("reduce"), weights.pop("expand")
    if isinstance(chain[-1 if form == "svd-input" else 0], nn.ConvTranspose1d):
        reduce, expand = (
            (reduce.transpose(0, 1), expand)
            if form == "svd-output"
            else (reduce, expand.transpose(0, 1))
        )
    if form == "svd-output":
        return torch.einsum("or,ri...->oi...", expand.flatten(1), reduce)
    if form == "svd-input":
        return torch.einsum("or...,ri->oi...", expand, reduce.flatten(1))
    if form == "tucker":
        core = weights["kernel"]
        if isinstance(chain.kernel, nn.ConvTranspose1d):
            core = core.transpose(0, 1)
        terms = expand.flatten(1), core, reduce.flatten(1)
        return torch.einsum("oq,qr...,ri->oi...", *terms)
    taps = torch.ones(())
    for weight in weights.values():
        taps = taps * weight.squeeze(1)
    return torch.einsum("or,r...,ri->oi...", expand.flatten(1), taps, reduce.flatten(1))


def with_kernel(layer, values):
    """The layer with other weights (O, I, *taps)."""
    other = copy.deepcopy(layer)
    kernel(other).copy_(values)
    return other


LAYERS = [
    seeded(nn.Linear, 12, 9),
    seeded(nn.Linear, 12, 9, bias=False),
    seeded(nn.Conv1d, 12, 9, 1),
    seeded(nn.Conv1d, 12, 9, 1, stride=2, padding=3),
    seeded(nn.Conv1d, 1, 20, 8, stride=4),
    seeded(nn.Conv1d, 20, 1, 8, stride=4),
    seeded(nn.Conv1d, 12, 9, 5),
    seeded(nn.Conv1d, 12, 9, 5, stride=2, padding=2, dilation=3, bias=False),
    seeded(nn.Conv1d, 12, 9, 5, padding="same", dilation=2),
    seeded(nn.Conv1d, 12, 9, 5, padding=4, padding_mode="reflect"),
    seeded(nn.Conv2d, 12, 9, 1, stride=(2, 1)),
    seeded(nn.Conv2d, 12, 9, 3),
    seeded(nn.Conv2d, 12, 9, (3, 5), (2, 3), (1, 4), (2, 1), bias=False),
    seeded(nn.Conv2d, 12, 9, (1, 5), (2, 1), (1, 2)),
    seeded(nn.Conv2d, 12, 9, (5, 1), (1, 2), (2, 1)),
    seeded(nn.Conv2d, 12, 9, (3, 5), padding="same", padding_mode="circular"),
    seeded(nn.ConvTranspose1d, 20, 1, 8, stride=4),
    seeded(nn.ConvTranspose1d, 1, 20, 8, stride=4),
    seeded(nn.ConvTranspose1d, 12, 9, 1, stride=2),
    seeded(nn.ConvTranspose1d, 12, 9, 5, 3, 2, 1, dilation=2, bias=False),
]


@pytest.mark.parametrize("method", ["cp", "tucker"])
@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_a_chain_computes_what_the_kernel_does_that_it_stands_for(layer, method):
    own = plan(layer, method, 30)
    chain = chain_of(layer, own)
    shape = {nn.Linear: (2, 12), nn.Conv2d: (2, 12, 15, 16)}.get(type(layer))
    x = torch.randn(shape or (2, layer.in_channels, 33))
    expected = with_kernel(layer, standing_for(chain, own.form))(x)
    assert torch.allclose(chain(x), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("method", ["cp", "tucker"])
@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_a_chain_keeps_no_more_than_its_share(layer, method):
    for percent in (10, 30, 50):
        chain = chain_of_zeros(layer, plan(layer, method, percent))
        assert weight_count(chain) <= (1 - percent / 100) * layer.weight.numel()


@pytest.mark.parametrize(
    ("layer", "own"),
    [
        (LAYERS[0], Plan("svd-output", (9,))),
        (LAYERS[3], Plan("svd-output", (9,))),
        (LAYERS[4], Plan("svd-output", (8,))),
        (LAYERS[5], Plan("svd-input", (8,))),
        (LAYERS[7], Plan("tucker", (9, 12))),
        (LAYERS[12], Plan("tucker", (9, 12))),
        (LAYERS[16], Plan("svd-input", (8,))),
        (LAYERS[19], Plan("tucker", (9, 12))),
    ],
    ids=str,
)
def test_full_ranks_reproduce_the_layer(layer, own):
    chain = chain_of(layer, own)
    shape = {nn.Linear: (2, 12), nn.Conv2d: (2, 12, 15, 16)}.get(type(layer))
    x = torch.randn(shape or (2, layer.in_channels, 33))
    expected = layer(x)
    assert (chain(x) - expected).norm() <= 1e-5 * expected.norm()


def test_cp_reproduces_a_layer_of_few_terms():
    layer = seeded(nn.Conv1d, 12, 9, 5, padding=2)
    terms = [torch.randn(size, 2) for size in (9, 12, 5)]
    with torch.no_grad():
        layer.weight.copy_(torch.einsum("or,ir,kr->oik", *terms))
    x = torch.randn(2, 12, 33)
    expected = layer(x)
    chain = chain_of(layer, Plan("cp", (2,)))
    assert (chain(x) - expected).norm() <= 1e-4 * expected.norm()


def test_the_bias_goes_to_the_last_layer():
    layer = seeded(nn.Conv1d, 12, 9, 5)
    chain = chain_of(layer, Plan("cp", (4,)))
    assert [stage.bias is None for stage in chain] == [True, True, False]
    assert torch.equal(chain[-1].bias, layer.bias)


@pytest.mark.parametrize(
    ("layer", "method", "own"),
    [
        (nn.Linear(128, 512), "tsvd", Plan("svd-output", (71,))),
        (nn.Conv1d(128, 512, 1), "tucker", Plan("svd-output", (71,))),
        (nn.Conv1d(128, 512, 1), "cp", Plan("svd-output", (71,))),
        # 0.7 * 512 * 16 / (512 + 16) = 10.9
        (nn.Conv1d(1, 512, 16, 8), "tucker", Plan("svd-output", (10,))),
        (nn.ConvTranspose1d(512, 1, 16, 8), "cp", Plan("svd-input", (10,))),
        (nn.ConvTranspose1d(128, 512, 1), "cp", Plan("svd-input", (71,))),
        (nn.Conv1d(32, 64, 3), "cp", Plan("cp", (43,))),
        (nn.Conv1d(32, 64, 3), "tucker", Plan("tucker", (33, 16))),
        (nn.ConvTranspose1d(32, 64, 3), "tucker", Plan("tucker", (33, 16))),
        # 0.7 * 64 * 32 * 9 / (64 + 32 + 6) = 126.5
        (nn.Conv2d(32, 64, 3), "cp", Plan("cp", (126,))),
    ],
    ids=str,
)
def test_matrices_have_a_closed_form_and_other_kernels_the_ranks_of_the_method(
    layer, method, own
):
    assert plan(layer, method, 30) == own


def test_taps_along_two_axes_are_two_layers_in_cp():
    chain = chain_of_zeros(nn.Conv2d(4, 6, (3, 5), (2, 4)), Plan("cp", (7,)))
    shapes = {name: tuple(stage.weight.shape) for name, stage in chain.named_children()}
    assert shapes == {
        "reduce": (7, 4, 1, 1),
        "taps_0": (7, 1, 3, 1),
        "taps_1": (7, 1, 1, 5),
        "expand": (6, 7, 1, 1),
    }
    assert [stage.stride for stage in chain] == [(1, 1), (2, 1), (1, 4), (1, 1)]


def test_an_axis_of_one_tap_goes_with_the_first_of_more():
    assert tap_axes((1, 3)) == [[1, 0]]
    assert tap_axes((3, 1, 2)) == [[0, 1], [2]]


@pytest.mark.parametrize(
    ("layer", "own", "expected"),
    [
        (nn.Linear(9, 8), Plan("svd-output", (2,)), 2 * 9 + 8 * 2),
        (nn.Conv1d(9, 8, 3), Plan("cp", (2,)), 2 * 9 + 2 * 3 + 8 * 2),
        # The first layer also runs where the stride of the second skips.
        (nn.Conv1d(9, 8, 3, 4), Plan("cp", (2,)), 4 * 2 * 9 + 2 * 3 + 8 * 2),
        (nn.Conv1d(1, 8, 6, 4), Plan("svd-output", (2,)), 2 * 6 + 8 * 2),
        (
            nn.Conv2d(9, 8, 3, (4, 5)),
            Plan("cp", (2,)),
            20 * 2 * 9 + 5 * 2 * 3 + 2 * 3 + 8 * 2,
        ),
        (nn.ConvTranspose1d(9, 8, 3, 4), Plan("cp", (2,)), 2 * 9 + 2 * 3 + 4 * 8 * 2),
        (nn.ConvTranspose1d(9, 1, 6, 4), Plan("svd-input", (2,)), 2 * 9 + 2 * 6),
    ],
    ids=str,
)
def test_macs_count_how_often_each_layer_runs(layer, own, expected):
    assert macs(chain_of_zeros(layer, own)) == expected


def test_a_chain_has_the_type_and_the_mode_of_its_layer():
    layer = nn.Conv1d(12, 9, 5, dtype=torch.bfloat16).eval().requires_grad_(False)
    chain = chain_of_zeros(layer, Plan("tucker", (4, 3)))
    assert not any(stage.training for stage in chain)
    assert not any(parameter.requires_grad for parameter in chain.parameters())
    assert {parameter.dtype for parameter in chain.parameters()} == {torch.bfloat16}
    assert chain_of_zeros(nn.Linear(9, 8), Plan("svd-output", (2,)))[0].training


def test_a_chain_of_zeros_draws_no_random_numbers():
    before = torch.get_rng_state()
    chain = chain_of_zeros(nn.Conv1d(1, 1, 1), Plan("svd-output", (1,)))
    torch.set_rng_state(before)
    chain = chain_of_zeros(LAYERS[6], Plan("cp", (4,)))
    assert torch.equal(torch.get_rng_state(), before)
    assert not any(bool(parameter.any()) for parameter in chain.parameters())


def test_the_kernel_of_a_transposed_convolution_has_its_outputs_first():
    layer = nn.ConvTranspose1d(3, 2, 4)
    impulse = F.one_hot(torch.tensor(1), 3).float().reshape(1, 3, 1)  # channel 1 alone
    output = layer(impulse) - layer.bias[:, None]
    assert torch.allclose(output[0], kernel(layer)[:, 1])
