"""Axes: `B` utterances, `N` filters, `T` frames, `C` sources, `P` chunks of `K`."""

from dataclasses import replace

import pytest
import torch
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
    """Each frame lies in two chunks."""
    x = noise(2, frames, 3)
    torch.testing.assert_close(overlap_added(chunked(x, chunk), frames), 2 * x)


@pytest.mark.parametrize("frames", [1, 4, 5, 9, 10, 11, 12, 37, 999])
@pytest.mark.parametrize("chunk", [4, 10, 100])
def test_there_are_as_many_chunks_as_the_size_says(dpt, frames, chunk):
    chunks = replace(dpt, chunk=chunk).chunks(frames)
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


def test_overlaps_are_added_up():
    chunks = torch.arange(1.0, 21.0).reshape(1, 5, 4, 1)
    # the second halves of chunks 1, 2 and 3 with the first halves of the next ones
    expected = [7 + 9, 8 + 10, 11 + 13, 12 + 14, 15 + 17]
    assert overlap_added(chunks, 5)[0, :, 0].tolist() == expected


def test_a_transformer_is_two_sums_with_norms(dpt):
    layer, x = transformer_of(dpt), noise(2, 3, 5, 12)
    sequences = x.reshape(6, 5, 12)
    attended = x + layer.attention(sequences).reshape(2, 3, 5, 12)
    between = layer.norm_1(attended)
    hidden, _ = layer.lstm(between.reshape(6, 5, 12))
    mixed = layer.linear(hidden.relu()).reshape(2, 3, 5, 12)
    torch.testing.assert_close(layer(x), layer.norm_2(between + mixed))


def test_a_transformer_looks_along_its_sequences_alone(dpt):
    layer, x = transformer_of(dpt), noise(1, 3, 5, 12).requires_grad_()
    layer.norm_1 = layer.norm_2 = nn.Identity()  # they hear the whole utterance
    layer(x)[0, 1, 2].sum().backward()
    assert x.grad is not None
    heard = x.grad[0].abs().sum(2) > 0
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
