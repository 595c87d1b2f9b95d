"""Axes: `B` utterances, `N` filters, `T` frames, `C` sources."""

from dataclasses import replace

import torch
from torch import nn

from workloads.separation.framing import whole_windows
from workloads.separation.lstm_tasnet import LstmTasNet


def model_of(size):
    torch.manual_seed(0)
    return LstmTasNet(size).eval()


def noise(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


def with_masks_of_a_half(model):
    nn.init.zeros_(model.mask.weight)
    nn.init.zeros_(model.mask.bias)
    return model


def test_the_encoder_is_a_relu_that_another_one_gates(lstm):
    model, waves = with_masks_of_a_half(model_of(lstm)), noise(1, 40)
    windows = whole_windows(waves, lstm.framing)
    frames = model.encoder(windows).relu() * model.encoder_gate(windows).sigmoid()
    expected = model.decoder(0.5 * frames[:, None])[0, 0, :40]
    for found in model(waves)[0]:
        torch.testing.assert_close(found, expected)


def test_a_closed_gate_lets_nothing_through(lstm):
    model = model_of(lstm)
    nn.init.constant_(model.encoder_gate.bias, -1e3)
    found = model(noise(1, 40))
    torch.testing.assert_close(found, model.decoder.bias.expand(1, 2, 40))


def test_masks_are_sigmoids_of_each_source(lstm):
    model, frames = model_of(replace(lstm, sources=3)), noise(2, 12, 9)
    masks = model.masks(frames)
    hidden, _ = model.lstm(model.norm(frames).transpose(1, 2))
    for source in range(3):
        rows = slice(12 * source, 12 * source + 12)
        of_source = hidden @ model.mask.weight[rows].T + model.mask.bias[rows]
        torch.testing.assert_close(masks[:, source], of_source.sigmoid().mT)


def test_masks_hear_what_follows(lstm):
    """The LSTMs run in both directions."""
    model, frames = model_of(lstm), noise(1, 12, 9).requires_grad_()
    model.norm = nn.Identity()  # else every frame is heard through it
    model.masks(frames)[0, :, :, 4].sum().backward()
    assert frames.grad is not None
    assert (frames.grad[0].abs().sum(0) > 0).all()


def test_there_are_as_many_layers_and_cells_as_the_size_says(lstm):
    model = model_of(replace(lstm, hidden=7, layers=3))
    assert (model.lstm.num_layers, model.lstm.hidden_size) == (3, 7)
    assert model.lstm.weight_ih_l2_reverse.shape == (4 * 7, 2 * 7)
