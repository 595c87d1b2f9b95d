"""Axes: `B` utterances, `N` filters, `T` frames, `C` sources, `P` chunks of `K`."""

import copy
from dataclasses import replace

import pytest
import torch
from dptnet_in_words import masks
from torch import nn

from workloads.separation.dptnet import DptNet, Transformer, chunked, overlap_added


def noise(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


def transformer_of(size):
    torch.manual_seed(0)
    return Transformer(size).eval()


@pytest.mark.parametrize("frames", [1, 4, 5, 9, 10, 11, 12, 37])
@pytest.mark.parametrize("chunk", [2, 4, 10])
def test_overlap_adding_inverts_chunking(frames, chunk):
    x = noise(2, frames, 3)
    torch.testing.assert_close(overlap_added(chunked(x, chunk), frames), x)


@pytest.mark.parametrize("frames", [1, 4, 5, 9, 10, 11, 12, 37, 999])
@pytest.mark.parametrize("chunk", [4, 10, 100])
def test_there_are_as_many_chunks_as_begin_every_half(frames, chunk):
    """With a whole chunk of zeros on either side."""
    chunks = (frames + chunk) // (chunk // 2) + 1
    assert chunked(noise(2, frames, 3), chunk).shape == (2, chunks, chunk, 3)


def test_chunks_overlap_by_half_after_one_of_zeros():
    x = torch.arange(1.0, 6.0).reshape(1, 5, 1)
    assert chunked(x, 4)[0, :, :, 0].tolist() == [
        [0, 0, 0, 0],
        [0, 0, 1, 2],
        [1, 2, 3, 4],
        [3, 4, 5, 0],
        [5, 0, 0, 0],
    ]


def test_a_frame_is_the_mean_of_both_chunks_that_hold_it():
    chunks = torch.arange(1.0, 21.0).reshape(1, 5, 4, 1)
    # the second halves of chunks 1, 2 and 3 with the first halves of the next ones
    expected = [(7 + 9) / 2, (8 + 10) / 2, (11 + 13) / 2, (12 + 14) / 2, (15 + 17) / 2]
    assert overlap_added(chunks, 5)[0, :, 0].tolist() == expected


def test_a_transformer_is_two_sums_with_norms(dpt):
    layer, x = transformer_of(dpt), noise(2, 3, 5, 12)
    sequences = x.reshape(6, 5, 12)
    between = layer.norm_1(sequences + layer.attention(sequences))
    hidden, _ = layer.lstm(between)
    expected = layer.norm_2(between + layer.linear(hidden.relu()))
    torch.testing.assert_close(layer(x), expected.reshape(2, 3, 5, 12))


def test_a_transformer_looks_along_its_sequences_alone(dpt):
    layer, x = transformer_of(dpt), noise(1, 3, 5, 12).requires_grad_()
    layer(x)[0, 1, 2].sum().backward()
    assert x.grad is not None
    heard = x.grad[0].abs().sum(2) > 0  # its norms look no further, either
    assert heard.all(1).tolist() == [False, True, False]
    assert heard.any(1).tolist() == [False, True, False]


def test_a_pair_looks_within_chunks_and_then_across_them(dpt):
    torch.manual_seed(0)
    pair, x = DptNet(dpt).eval().pairs[0], noise(1, 4, 10, 12)
    within = pair.intra(x)
    expected = pair.inter(within.transpose(1, 2)).transpose(1, 2)
    torch.testing.assert_close(pair(x), expected)
    turned = pair.intra(x.transpose(1, 2)).transpose(1, 2)
    assert (turned - within).abs().max() > 0.01  # the axes are not the same


def test_there_are_as_many_pairs_as_the_size_says(dpt):
    assert len(DptNet(replace(dpt, pairs=3)).pairs) == 3


def test_masks_are_sigmoids_of_gated_sums_of_chunks(dpt):
    torch.manual_seed(0)
    model, frames = DptNet(replace(dpt, sources=3)).eval(), noise(2, 12, 37)
    chunks = chunked(model.norm(frames).mT, 10)
    for pair in model.pairs:
        chunks = pair(chunks)
    weights, biases = model.split.weight[:, :, 0, 0], model.split.bias
    split = overlap_added(model.prelu(chunks) @ weights.T + biases, 37)
    masks = model.masks(frames)
    assert masks.shape == (2, 3, 12, 37)
    for source in range(3):
        x = split[:, :, 12 * source : 12 * source + 12].mT
        gated = model.output(x).tanh() * model.gate(x).sigmoid()
        torch.testing.assert_close(masks[:, source], gated.sigmoid())


def test_the_encoder_ends_with_a_relu(dpt):
    torch.manual_seed(0)
    model = DptNet(dpt).eval()
    nn.init.constant_(model.encoder.bias, -1e3)
    found = model(noise(1, 40))
    torch.testing.assert_close(found, model.decoder.bias.expand(1, 2, 40))


@pytest.mark.parametrize("frames", [37, 40, 151])
@pytest.mark.parametrize("sources", [2, 3])
def test_masks_equal_those_of_the_paper_written_down_plainly(dpt, frames, sources):
    torch.manual_seed(0)
    model = DptNet(replace(dpt, sources=sources)).eval()
    for name, parameter in model.named_parameters():
        if "norm" in name:  # gains of one and biases of zero would hide much
            nn.init.normal_(parameter, 1.0, 0.3)
    heard = noise(2, 12, frames).relu()
    plain = copy.deepcopy(model).double()
    with torch.inference_mode():
        expected = torch.stack([masks(plain, one.double()) for one in heard])
        found = model.masks(heard)
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=1e-6)


def test_what_follows_in_time_changes_no_norm_of_a_chunk_before(dpt):
    """Within chunks: the first ones of an utterance do not hear how it ends."""
    torch.manual_seed(0)
    intra = DptNet(dpt).eval().pairs[0].intra
    quiet, loud = noise(1, 4, 10, 12), noise(1, 4, 10, 12)
    loud[:, 3] *= 100
    torch.testing.assert_close(intra(loud)[:, :3], intra(quiet)[:, :3])
