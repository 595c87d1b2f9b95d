"""Convolutions of few channels in bf16 are right, whatever kernels this CPU has."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from workloads.few_channels import ENOUGH, padded_channels
from workloads.frame_convolution import FrameConv1d

FEW = [(8, 32), (8, 8), (4, 16), (2, 48), (12, 7)]  # channels, taps
STRIDED = [(8, 16, 8), (16, 16, 4), (24, 40, 8), (20, 32, 16)]  # and strides


def relative(found, plain):
    return float((found.float() - plain).norm() / plain.norm())


@pytest.mark.parametrize(("channels", "taps"), FEW)
def test_a_convolution_of_few_channels_in_bf16_is_right(channels, taps):
    """On AMX, oneDNN's own is garbage for all of these."""
    torch.manual_seed(0)
    layer = FrameConv1d(channels, 64, taps, padding=taps // 2)
    x = torch.randn(2, channels, 100)
    with torch.inference_mode():
        plain = layer(x)
        assert relative(layer.bfloat16()(x.bfloat16()), plain) < 0.01


@pytest.mark.parametrize(("channels", "taps", "stride"), STRIDED)
def test_a_convolution_of_long_strides_in_bf16_is_right(channels, taps, stride):
    """On AMX, these are garbage, also where 8 channels are filled up to 16."""
    torch.manual_seed(0)
    layer, x = FrameConv1d(channels, 64, taps, stride), torch.randn(2, channels, 200)
    with torch.inference_mode():
        plain = layer(x)
        assert relative(layer.bfloat16()(x.bfloat16()), plain) < 0.01


def test_a_convolution_of_few_channels_under_autocast_is_right_both_ways():
    torch.manual_seed(0)
    layer, x = FrameConv1d(8, 64, 32), torch.randn(2, 8, 100)

    def gradient(bf16):
        layer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            loss = layer(x).float().square().sum()
        loss.backward()
        return layer.weight.grad.clone()

    assert relative(gradient(bf16=True), gradient(bf16=False)) < 0.02


@pytest.mark.parametrize(("channels", "taps"), FEW)
def test_channels_of_zeros_change_no_value(channels, taps):
    x = torch.randn(2, channels, 1, 100).bfloat16()
    weight = torch.randn(5, channels, 1, taps).bfloat16()
    wide, filled = padded_channels(x, weight)
    assert (wide.shape, filled.shape) == ((2, ENOUGH, 1, 100), (5, ENOUGH, 1, taps))
    exact = [F.conv2d(a.double(), b.double()) for a, b in ((x, weight), (wide, filled))]
    torch.testing.assert_close(exact[0], exact[1])


@pytest.mark.parametrize(
    ("channels", "taps", "dtype"),
    [
        (8, 32, torch.float32),  # other arithmetic
        (7, 32, torch.bfloat16),  # odd
        (16, 32, torch.bfloat16),  # enough
        (8, 7, torch.bfloat16),  # 56 products
    ],
)
def test_what_has_no_wrong_kernel_is_left_as_it_is(channels, taps, dtype):
    x = torch.zeros(2, channels, 100, dtype=dtype)
    weight = torch.zeros(5, channels, taps, dtype=dtype)
    left = padded_channels(x, weight)
    assert left[0] is x
    assert left[1] is weight


def test_groups_are_left_as_they_are():
    torch.manual_seed(0)
    frames = FrameConv1d(16, 16, 32, groups=2).bfloat16()
    plain = nn.Conv1d(16, 16, 32, groups=2)
    plain.load_state_dict({k: v.float() for k, v in frames.state_dict().items()})
    x = torch.randn(2, 16, 100).bfloat16()
    assert frames(x).shape == plain(x.float()).shape
