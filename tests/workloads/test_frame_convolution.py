"""Axes: `B` utterances, `I` input and `O` output channels, `T` frames."""

import copy
import shutil

import pytest
import torch
from torch import nn

from workloads.frame_convolution import FrameConv1d


def pair(*sizes, **options):
    """A convolution of frames, and torch's with the same weights."""
    torch.manual_seed(0)
    plain = nn.Conv1d(*sizes, **options)
    frames = FrameConv1d(*sizes, **options)
    frames.load_state_dict(plain.state_dict())
    return frames, plain


def frame_by_frame(*shape):
    """(B, I, T), the channels of each frame side by side."""
    noise = torch.randn(*shape, generator=torch.Generator().manual_seed(1))
    return noise.transpose(1, 2).contiguous().transpose(1, 2)


@pytest.mark.parametrize(
    ("sizes", "options"),
    [
        ((6, 4, 1), {}),
        ((6, 4, 1), {"bias": False}),
        ((6, 4, 3), {"padding": 1}),
        ((6, 4, 3), {"padding": 1, "stride": 2}),
        ((6, 4, 8), {"padding": 4, "stride": 2}),
        ((6, 4, 3), {"padding": 7}),
        ((6, 6, 3), {"padding": 8, "dilation": 8, "groups": 6}),
        ((6, 6, 3), {"dilation": 2, "groups": 3}),
    ],
    ids=str,
)
def test_it_computes_what_torchs_does(sizes, options):
    frames, plain = pair(*sizes, **options)
    x = frame_by_frame(2, 6, 31)
    torch.testing.assert_close(frames(x), plain(x))


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("kernel", [1, 3])
def test_frames_stay_together_in_memory(batch, kernel):
    frames, plain = pair(6, 4, kernel, padding=kernel // 2)
    x = frame_by_frame(batch, 6, 31)
    assert frames(x).transpose(1, 2).is_contiguous()
    assert not plain(x).transpose(1, 2).is_contiguous()


def test_input_that_lies_otherwise_gives_the_same():
    frames, _ = pair(6, 4, 3, padding=1)
    x = frame_by_frame(2, 6, 31)
    torch.testing.assert_close(frames(x.contiguous()), frames(x))


@pytest.mark.parametrize("batch", [1, 2])
def test_a_row_gives_a_row(batch):
    frames, plain = pair(6, 4, 3, padding=1)
    x = frame_by_frame(batch, 6, 31)
    row = frames(x.unsqueeze(2))
    torch.testing.assert_close(row.squeeze(2), plain(x))
    assert row.is_contiguous(memory_format=torch.channels_last)


def test_the_channels_of_a_tap_stay_neighbours():
    """Through loading, copies and precisions: else each call would move them."""
    frames, plain = pair(6, 4, 3)
    copied = copy.deepcopy(frames).to(torch.bfloat16)
    for layer in (frames, copied):
        assert layer.weight.transpose(1, 2).is_contiguous()
        assert layer.weight.unsqueeze(2).is_contiguous(
            memory_format=torch.channels_last
        )
    assert not plain.weight.transpose(1, 2).is_contiguous()


@pytest.mark.parametrize(("dilation", "padded"), [(1, 0), (4, 1)])
def test_neighbouring_taps_are_padded_by_the_convolution_itself(dilation, padded):
    frames, _ = pair(6, 6, 3, padding=dilation, dilation=dilation)
    with torch.profiler.profile() as profile:
        frames(frame_by_frame(2, 6, 31))
    names = [event.name for event in profile.events()]
    assert names.count("aten::constant_pad_nd") == padded


def test_gradients_are_those_of_torchs():
    frames, plain = pair(6, 6, 3, padding=4, dilation=4, groups=6)
    x = frame_by_frame(2, 6, 31)
    for layer in (frames, plain):
        layer(x).square().sum().backward()
    torch.testing.assert_close(frames.weight.grad, plain.weight.grad)
    torch.testing.assert_close(frames.bias.grad, plain.bias.grad)


def test_it_is_exported_as_one_convolution():
    frames, _ = pair(6, 6, 3, padding=2, dilation=2, groups=6)
    exported = torch.onnx.export(
        frames, (frame_by_frame(2, 6, 31),), dynamo=True, verbose=False
    )
    (node,) = exported.model.graph
    assert node.op_type == "Conv"
    assert list(node.attributes["pads"].as_ints()) == [2, 2]


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs g++")
@pytest.mark.parametrize("batch", [1, 2])
def test_it_is_compiled(batch):
    """Of one utterance, torch takes a compiled row's output to lie otherwise."""
    import torch._dynamo
    import torch._inductor.config

    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv1d(1, 8, 4, stride=2),
        nn.ReLU(),
        FrameConv1d(8, 16, 1),
        FrameConv1d(16, 16, 3, padding=2, dilation=2, groups=16),
        nn.PReLU(),
        FrameConv1d(16, 8, 1),
    ).eval()
    x = torch.randn(batch, 1, 100)
    torch._dynamo.reset()
    with torch.inference_mode(), torch._inductor.config.patch(freezing=True):
        compiled = torch.compile(model, dynamic=True)(x)
        torch.testing.assert_close(compiled, model(x))
    torch._dynamo.reset()
