"""Axes: `B` utterances, `N` filters, `T` frames, `C` sources."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from workloads.separation.conv_tasnet import ConvTasNet
from workloads.separation.framing import whole_windows
from workloads.separation.norms import GlobalLayerNorm


def model_of(size):
    torch.manual_seed(0)
    return ConvTasNet(size)


def noise(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


def without_norms(model):
    """Norms let every frame hear every other."""
    for name, module in list(model.named_modules()):
        if isinstance(module, GlobalLayerNorm):
            model.set_submodule(name, nn.Identity())
    return model


def test_dilations_double_within_each_repeat(conv):
    model = model_of(replace(conv, blocks=4, repeats=2))
    dilations = [block.depthwise.dilation for block in model.blocks]
    assert dilations == [(1,), (2,), (4,), (8,)] * 2


@pytest.mark.parametrize(
    ("blocks", "repeats", "kernel", "reach"),
    [(2, 2, 3, 2 * (1 + 2)), (3, 1, 3, 1 + 2 + 4), (2, 1, 5, 2 * (1 + 2))],
)
def test_a_mask_hears_so_many_frames_to_either_side(
    conv, blocks, repeats, kernel, reach
):
    size = replace(conv, blocks=blocks, repeats=repeats, kernel=kernel)
    model, frames = without_norms(model_of(size)), noise(1, 12, 41).requires_grad_()
    nn.init.constant_(model.mask.bias, 10.0)  # so that no ReLU is closed
    model.masks(frames)[0, :, :, 20].sum().backward()
    assert frames.grad is not None
    seen = frames.grad[0].abs().sum(0).nonzero()[:, 0].tolist()
    assert seen == list(range(20 - reach, 20 + reach + 1))


def test_masks_are_not_negative_and_of_each_source(conv):
    masks = model_of(replace(conv, sources=3)).masks(noise(2, 12, 9))
    assert masks.shape == (2, 3, 12, 9)
    assert masks.min() == 0 < masks.max()


def test_constant_masks_pass_the_linear_encoder_to_the_decoder(conv):
    model, waves = model_of(conv), noise(1, 40)
    nn.init.zeros_(model.mask.weight)
    with torch.no_grad():
        model.mask.bias[:12] = -1.0  # a ReLU closes the first source
        model.mask.bias[12:] = 0.5
    frames = model.encoder(whole_windows(waves, conv.framing))
    assert frames.min() < 0  # no ReLU there
    first, second = model(waves)[0]
    torch.testing.assert_close(first, model.decoder.bias.expand(40))
    decoded = model.decoder(0.5 * frames[:, None])
    torch.testing.assert_close(second, decoded[0, 0, :40])


def test_masks_come_from_the_sum_of_all_skips(conv):
    model, frames = model_of(conv), noise(1, 12, 9)
    x, total = model.bottleneck(model.norm(frames)), 0
    for block in model.blocks:
        x, skip = block(x)
        total = total + skip
    masks = torch.relu(model.mask(model.prelu(total))).reshape(1, 2, 12, 9)
    torch.testing.assert_close(model.masks(frames), masks)


def test_a_block_adds_its_residual_to_its_input(conv):
    block, x = model_of(conv).blocks[0], noise(1, 6, 9)
    nn.init.zeros_(block.residual.weight)
    nn.init.constant_(block.residual.bias, 3.0)
    torch.testing.assert_close(block(x)[0], x + 3)


def test_the_last_block_alone_has_no_residual_that_nobody_would_read(conv):
    blocks = model_of(conv).blocks
    has = [block.residual is not None for block in blocks]
    assert has == [True, True, True, False]
