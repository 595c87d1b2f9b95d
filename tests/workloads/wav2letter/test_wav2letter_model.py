from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from workloads.wav2letter.model import Wav2Letter, initialise
from workloads.wav2letter.sizes import WAV2LETTER, WAV2LETTER_SMALL

LAYERS = 11


def made(size, seed=0):
    torch.manual_seed(seed)
    return Wav2Letter(size).eval()


def inputs_of_layers(model, features):
    """What each convolution reads, and what the last one gives."""
    seen = []
    found = [layer for layer in model.modules() if isinstance(layer, nn.Conv1d)]
    hooks = [
        layer.register_forward_hook(
            lambda _, read, out: seen.append((read[0].squeeze(2), out.squeeze(2)))
        )
        for layer in found
    ]
    with torch.no_grad():
        model(features)
    for hook in hooks:
        hook.remove()
    return [read for read, _ in seen], seen[-1][1]


def test_each_layer_has_its_published_parameters():
    counts = [480_250, *[437_750] * 7, 16_002_000, 4_002_000, 70_035]
    with torch.device("meta"):
        module = Wav2Letter(WAV2LETTER)
    layers = [layer for layer in module.layers if isinstance(layer, nn.Conv1d)]
    assert [sum(p.numel() for p in x.parameters()) for x in layers] == counts
    assert len(list(module.parameters())) == 2 * LAYERS  # nothing else has any


def test_the_model_agrees_with_a_plain_reference(tiny):
    model = made(tiny)
    weights = [p.detach() for p in model.parameters()]
    features = torch.randn(3, 57, 40)
    shapes = [(2, 23), *[(1, 3)] * 7, (1, 16), (1, 0), (1, 0)]  # strides, paddings
    x = features.mT
    for number, (stride, padding) in enumerate(shapes):
        weight, bias = weights[2 * number : 2 * number + 2]
        x = F.conv1d(F.pad(x, (padding, padding)), weight, bias, stride)
        x = x.clamp(min=0) if number < LAYERS - 1 else x
    expected = x.mT - x.mT.logsumexp(2, keepdim=True)
    torch.testing.assert_close(model(features).detach(), expected)


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_its_layers_pass_on_rows_of_whole_frames(precision):
    """Nothing is to be moved between layers: neither frames nor weights."""
    model, read = made(WAV2LETTER_SMALL).to(precision), []
    layers = [layer for layer in model.layers if isinstance(layer, nn.Conv1d)]
    for layer in layers:
        layer.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0]))
    with torch.inference_mode():
        model(torch.randn(2, 60, 40, dtype=precision))
    assert len(read) == LAYERS
    for row, layer in zip(read, layers, strict=True):
        assert row.ndim == 4
        assert row.is_contiguous(memory_format=torch.channels_last)
        assert layer.weight.transpose(1, 2).is_contiguous()


def test_bf16_gives_what_fp32_does_but_for_rounding():
    """On AMX, oneDNN 3.12 computes some bf16 convolutions of few channels wrongly."""
    for layer in made(WAV2LETTER_SMALL).layers:
        if not isinstance(layer, nn.Conv1d):
            continue
        row = torch.randn(2, layer.in_channels, 1, 90)
        row = row.contiguous(memory_format=torch.channels_last)
        with torch.inference_mode():
            exact = layer(row)
            rounded = layer.to(torch.bfloat16)(row.to(torch.bfloat16)).float()
        error = (rounded - exact).norm() / exact.norm()
        assert error < 0.01, layer


@pytest.mark.parametrize("frames", [2, 51, 100])
def test_probabilities_of_a_frame_add_up_to_one(frames):
    log_probs = made(WAV2LETTER_SMALL)(torch.randn(2, frames, 40))
    sums = log_probs.exp().sum(2)
    torch.testing.assert_close(sums, torch.ones_like(sums))


def test_the_logits_are_not_rectified(tiny):
    model = made(tiny)
    features = torch.randn(2, 40, 40)
    _, logits = inputs_of_layers(model, features)
    assert (logits < 0).any()
    torch.testing.assert_close(model(features).detach(), logits.mT.log_softmax(2))


def test_dropout_comes_after_all_layers_but_the_last(tiny):
    model = made(replace(tiny, dropout=0.5)).train()
    features = torch.rand(2, 40, 40) + 0.1
    # Without dropout or a rectifier no number would be zero: half of them are.
    for layer in model.layers:
        if isinstance(layer, nn.Conv1d):
            nn.init.constant_(layer.weight, 0.01)
            nn.init.constant_(layer.bias, 0.01)
    read, logits = inputs_of_layers(model, features)
    zeros = [x.eq(0).float().mean().item() for x in (*read, logits)]
    assert zeros[0] == zeros[-1] == 0
    assert zeros[1:-1] == pytest.approx([0.5] * (LAYERS - 1), abs=0.1)


def test_dropout_is_active_in_training_only(tiny):
    model, features = made(tiny), torch.randn(2, 40, 40)
    assert model(features).equal(model(features))
    model.train()
    assert not model(features).equal(model(features))


def test_the_sizes_dropout_is_the_one_applied(tiny):
    model, features = made(replace(tiny, dropout=0.0)).train(), torch.randn(2, 40, 40)
    assert model(features).equal(model(features))


def test_utterances_of_one_length_do_not_see_each_other(tiny):
    model, features = made(tiny), torch.randn(3, 44, 40)
    together = model(features)
    for row, expected in zip(features, together, strict=True):
        torch.testing.assert_close(model(row[None])[0], expected)


def test_a_signal_passes_all_layers_at_the_start_of_training():
    """Torch's own initialisation lets it fade; see `initialise`."""
    features = torch.randn(4, 200, 40)
    fading, model = made(WAV2LETTER_SMALL), made(WAV2LETTER_SMALL)
    initialise(model)
    scales = []
    for one in (fading, model):
        read, _ = inputs_of_layers(one, features)
        # What differs from frame to frame, before the last layer and in the input.
        scales.append((read[-1].std(2).mean() / read[0].std(2).mean()).item())
    assert scales[0] < 0.01
    assert 0.3 < scales[1] < 5
