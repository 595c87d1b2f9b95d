import numpy as np
import pytest
import torch
from torch.nn import functional as F

from workloads.separation.norms import EPS, GlobalLayerNorm


def norm_of(channels, **options):
    torch.manual_seed(0)
    norm = GlobalLayerNorm(channels, **options)
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    return norm


def noise(*shape):
    return 2 + 3 * torch.randn(*shape, generator=torch.Generator().manual_seed(1))


def test_values_are_those_worked_out_by_hand():
    norm = GlobalLayerNorm(2)
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([1.0, 10.0]))
        norm.bias.copy_(torch.tensor([0.0, 5.0]))
    x = torch.tensor([[[1.0, 3.0], [3.0, 1.0]]])  # mean 2, variance 1
    expected = torch.tensor([[[-1.0, 1.0], [15.0, -5.0]]])
    torch.testing.assert_close(norm(x), expected)


def test_it_agrees_with_a_plain_reference():
    norm, x = norm_of(4), noise(3, 4, 7)
    for one, found in zip(x.numpy(), norm(x).detach().numpy(), strict=True):
        scaled = (one - one.mean()) / np.sqrt(one.var() + EPS)
        gain, bias = norm.weight.detach().numpy(), norm.bias.detach().numpy()
        expected = gain[:, None] * scaled + bias[:, None]
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("shape", [(3, 4, 7), (2, 4, 5, 3)])
def test_it_is_a_group_norm_of_one_group(shape):
    norm, x = norm_of(4), noise(*shape)
    expected = F.group_norm(x, 1, norm.weight, norm.bias, EPS)
    torch.testing.assert_close(norm(x), expected, rtol=1e-5, atol=1e-5)


def test_channels_may_lie_last():
    x = noise(2, 5, 3, 4)
    found = norm_of(4, axis=-1)(x)
    expected = norm_of(4)(x.movedim(-1, 1)).movedim(1, -1)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("axis", [1, -1])
def test_channels_of_zeros_that_were_taken_out_still_count(axis):
    whole, x = norm_of(4, axis=axis), noise(2, 4, 7)
    x[:, 1] = 0
    stay = torch.tensor([0, 2, 3])
    part = norm_of(3, axis=axis, counted=4)
    with torch.no_grad():
        part.weight.copy_(whole.weight[stay])
        part.bias.copy_(whole.bias[stay])
    expected, kept = whole(x.movedim(1, axis)), x[:, stay].movedim(1, axis)
    torch.testing.assert_close(part(kept), expected.index_select(axis, stay))
    part.counted = 3
    assert (part(kept) - expected.index_select(axis, stay)).abs().max() > 0.1


def test_every_utterance_has_a_mean_of_its_own():
    norm, x = norm_of(4), noise(2, 4, 7)
    torch.testing.assert_close(norm(x)[:1], norm(x[:1]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_silence_gives_the_bias(dtype):
    norm = norm_of(4).to(dtype)
    found = norm(torch.zeros(1, 4, 7, dtype=dtype))
    torch.testing.assert_close(found, norm.bias.view(1, 4, 1).expand(1, 4, 7))


@pytest.mark.parametrize("exported", [False, True])
def test_fp16_holds_more_entries_than_its_largest_number(monkeypatch, exported):
    monkeypatch.setattr(torch.onnx, "is_in_onnx_export", lambda: exported)
    norm, x = norm_of(64), noise(1, 64, 4_000)
    assert x.numel() > torch.finfo(torch.float16).max
    expected = norm(x)
    found = norm.half()(x.half())
    torch.testing.assert_close(found.float(), expected, rtol=0.01, atol=0.01)
