from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from workloads.separation.framing import (
    Decoder,
    OfSamples,
    Separator,
    encoded,
    encoder,
    whole_windows,
)
from workloads.separation.sizes import CONV_TASNET, Framing

FRAMING = Framing(filters=5, window=6, stride=3)


@pytest.mark.parametrize(
    ("samples", "count"), [(6, 1), (7, 2), (8, 2), (9, 2), (10, 3), (50, 16)]
)
def test_every_sample_lies_in_a_window(samples, count):
    frames = encoder(FRAMING)(whole_windows(torch.ones(2, samples), FRAMING))
    assert frames.shape == (2, 5, count)
    covered = FRAMING.stride * (frames.shape[2] - 1) + FRAMING.window
    assert samples <= covered < samples + FRAMING.stride


def test_windows_are_filled_up_with_zeros_behind():
    waves = torch.arange(1.0, 9.0)[None]
    found = whole_windows(waves, FRAMING)
    assert found.tolist() == [[[1, 2, 3, 4, 5, 6, 7, 8, 0, 0]]]


@pytest.mark.parametrize("samples", [0, 5])
def test_less_than_a_window_is_refused(samples):
    expected = (
        f"^waveforms of {samples} samples, expected 6 or more, one window of the "
        "encoder: leave out shorter mixtures$"
    )
    with pytest.raises(ValueError, match=expected):
        whole_windows(torch.ones(1, samples), FRAMING)


def test_masks_choose_what_is_decoded():
    class Halves(Separator):
        def masks(self, frames):  # the first source is all, the second nothing
            return torch.stack([torch.ones_like(frames), torch.zeros_like(frames)], 1)

    torch.manual_seed(0)
    separator = Halves(replace(CONV_TASNET, framing=FRAMING))
    separator.decoder = of_source = Decoder(FRAMING)
    waves = torch.randn(2, 13)
    found, frames = separator(waves), separator.frames(whole_windows(waves, FRAMING))
    assert frames.shape == (2, 5, 4)
    assert found.shape == (2, 2, 13)
    torch.testing.assert_close(found[:, 0], of_source(frames[:, None])[:, 0, :13])
    assert of_source.bias is not None
    torch.testing.assert_close(found[:, 1], of_source.bias.expand(2, 13))


def test_encoder_and_decoder_have_biases():
    assert encoder(FRAMING).weight.shape == (5, 1, 6)
    assert Decoder(FRAMING).weight.shape == (5, 1, 6)
    assert encoder(FRAMING).bias is not None
    assert Decoder(FRAMING).bias is not None


@pytest.mark.parametrize(("window", "stride"), [(6, 3), (5, 2), (4, 4)])
def test_a_decoder_is_a_transposed_convolution_of_each_source(window, stride):
    torch.manual_seed(0)
    of_source = Decoder(Framing(filters=5, window=window, stride=stride))
    frames = torch.randn(2, 3, 5, 7)
    found = of_source(frames)
    plain = F.conv_transpose1d(
        frames.reshape(6, 5, 7), of_source.weight, of_source.bias, stride
    )
    torch.testing.assert_close(found, plain.reshape(2, 3, -1))


def test_frames_lie_one_after_the_other_in_memory():
    torch.manual_seed(0)
    of_waves, windows = encoder(FRAMING), torch.randn(2, 1, 30)
    found = encoded(windows, of_waves)
    torch.testing.assert_close(found, of_waves(windows))
    assert found.transpose(1, 2).is_contiguous()


def test_runtimes_hand_over_samples_of_one_feature():
    class Echo(torch.nn.Module):
        def forward(self, waves):  # (B, S) to (B, C, S)
            return torch.stack((waves, 2 * waves, 3 * waves), 1)

    samples = torch.arange(8.0).reshape(2, 4, 1)
    found = OfSamples(Echo())(samples)
    assert found.shape == (2, 4, 3)
    assert found[1, 2].tolist() == [6, 12, 18]
