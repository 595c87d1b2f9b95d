import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from workloads.asr.ds2 import (
    DS2_PAPER,
    DS2_SMALL,
    BetweenLayers,
    DeepSpeech2,
    DeepSpeech2Size,
    Logits,
    output_length,
)

TINY = DeepSpeech2Size("tiny", channels=8, hidden=6, layers=2, dropout=0.0)


def padded(lengths, frames):
    torch.manual_seed(1)
    features = torch.randn(len(lengths), max(lengths), 93)
    batch = torch.zeros(len(lengths), frames, 93)
    for row, example, length in zip(batch, features, lengths, strict=True):
        row[:length] = example[:length]
    return batch, torch.tensor(lengths)


def parameter_count(model):
    return sum(parameter.numel() for parameter in model.parameters())


def test_the_paper_s_model_has_its_published_parameters():
    model = DeepSpeech2(DS2_PAPER)
    assert parameter_count(model) == 25_639_630
    norms = sum(parameter_count(layer.norm) for layer in model.between)
    second_biases = sum(lstm.bias_hh_l0.numel() for lstm in model.lstms)
    assert parameter_count(model) - norms - second_biases == 25_614_430


def test_the_small_model_fits_its_file():
    assert 4 * parameter_count(DeepSpeech2(DS2_SMALL)) < 8e6


@pytest.mark.parametrize(
    ("frames", "outputs"), [(11, 1), (12, 1), (13, 2), (1670, 830)]
)
def test_output_length_is_that_of_a_valid_convolution(frames, outputs):
    assert output_length(frames) == outputs
    features, lengths = padded([frames], frames)
    logits, counted = DeepSpeech2(TINY).eval()(features, lengths)
    assert logits.shape == (1, outputs, 30)
    assert counted.tolist() == [outputs]


def test_too_short_an_utterance_is_named_by_its_length():
    features, lengths = padded([10, 40], 40)
    with pytest.raises(ValueError, match="10 frames"):
        DeepSpeech2(TINY)(features, lengths)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_padding_changes_neither_outputs_nor_gradients(training, dtype):
    torch.manual_seed(0)
    model = DeepSpeech2(TINY).to(dtype).train(training)
    results = []
    for frames in (60, 97):
        model_copy = copy.deepcopy(model)
        features, counts = padded([31, 60, 45], frames)
        logits, lengths = model_copy(features.to(dtype), counts)
        true = torch.cat([x[:n] for x, n in zip(logits, lengths, strict=True)])
        true.square().sum().backward()
        gradients = [p.grad for p in model_copy.parameters()]
        buffers = list(model_copy.buffers())
        results.append([true.detach(), *gradients, *buffers])
    # In fp32 sums in another order round otherwise, by the largest of what is added.
    largest = max(float(one.abs().max()) for one in results[0])
    rtol, atol = (1e-4, max(1e-5, 5e-7 * largest))
    if dtype == torch.float64:
        rtol, atol = 1e-9, 1e-11 * largest
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, rtol=rtol, atol=atol)


def test_a_deployed_model_gives_the_logits_of_all_frames():
    torch.manual_seed(0)
    model = DeepSpeech2(TINY).eval()
    features, lengths = padded([60, 31], 60)
    with torch.no_grad():
        found, (expected, counted) = Logits(model)(features), model(features, lengths)
    assert found.shape == (2, 25, 30)
    for one, other, length in zip(found, expected, counted, strict=True):
        torch.testing.assert_close(one[:length], other[:length])


def test_evaluation_moves_no_true_frames():
    """To pick them out of the padding and put them back took an eighth of a batch."""
    model, batch = DeepSpeech2(TINY), padded([31, 60, 45], 60)
    picked = {}
    for training in (True, False):
        model.train(training)
        with torch.profiler.profile() as profile, torch.no_grad():
            model(*batch)
        names = [event.name for event in profile.events()]
        picked[training] = [
            names.count(f"aten::index_{way}") for way in ("select", "copy_")
        ]
    layers = len(model.between)
    assert picked[True] == [layers, layers]
    assert picked[False] == [0, 0]


def test_batch_norm_agrees_with_torch_on_the_true_frames_alone():
    torch.manual_seed(0)
    layer, reference = BetweenLayers(5, dropout=0.0), nn.BatchNorm1d(5)
    x = torch.randn(7, 3, 5)  # (U, B, width)
    true = torch.arange(7)[:, None] < torch.tensor([7, 4, 5])
    y = layer(x, true.flatten().nonzero()[:, 0])
    torch.testing.assert_close(y[true], reference(x[true]))
    assert y[~true].eq(0).all()
    torch.testing.assert_close(layer.norm.running_var, reference.running_var)


def test_the_model_agrees_with_a_plain_reference():
    torch.manual_seed(0)
    model = DeepSpeech2(TINY).eval()
    features, lengths = padded([50, 50], 50)
    with torch.no_grad():
        logits, _ = model(features, lengths)
        x = F.conv1d(features.transpose(1, 2), model.conv.weight, model.conv.bias, 2)
        x = model.between[0].norm(x.clamp(0, 20)).transpose(1, 2)  # (B, U, C)
        for lstm, between in zip(model.lstms, model.between[1:], strict=True):
            x = between.norm(unrolled(lstm, x).transpose(1, 2)).transpose(1, 2)
        torch.testing.assert_close(logits, model.output(x), rtol=1e-4, atol=1e-5)


def unrolled(lstm, x):
    """Step by step, after Hochreiter and Schmidhuber with forget gates."""
    h = c = torch.zeros(len(x), lstm.hidden_size)
    outputs = []
    for step in x.unbind(1):
        gates = F.linear(step, lstm.weight_ih_l0, lstm.bias_ih_l0)
        gates = gates + F.linear(h, lstm.weight_hh_l0, lstm.bias_hh_l0)
        i, f, g, o = gates.chunk(4, dim=1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        outputs.append(h)
    return torch.stack(outputs, dim=1)


def test_the_rectifier_of_the_convolution_ends_at_twenty():
    model = DeepSpeech2(DeepSpeech2Size("tiny", 8, 6, 2, dropout=0.0)).eval()
    features, lengths = padded([40], 40)
    outputs = []
    for bias in (10.0, 30.0, 50.0):
        torch.nn.init.zeros_(model.conv.weight)
        torch.nn.init.constant_(model.conv.bias, bias)
        outputs.append(model(features, lengths)[0])
    assert not outputs[0].equal(outputs[1])
    assert outputs[1].equal(outputs[2])
    assert model.activation(torch.tensor([-1.0, 19.0, 21.0])).tolist() == [0, 19, 20]


def test_dropout_is_active_in_training_only():
    torch.manual_seed(0)
    model = DeepSpeech2(DeepSpeech2Size("tiny", 8, 6, 2, dropout=0.5))
    batch = padded([40, 30], 40)
    assert not model(*batch)[0].equal(model(*batch)[0])
    model.eval()
    assert model(*batch)[0].equal(model(*batch)[0])


def test_each_lstm_gate_is_initialised_as_a_matrix_of_its_own():
    torch.manual_seed(0)
    lstm = DeepSpeech2(DeepSpeech2Size("square", 64, 64, 1)).lstms[0]
    limit = (6 / (64 + 64)) ** 0.5
    for gate in lstm.weight_hh_l0.chunk(4):
        assert gate.abs().max().item() == pytest.approx(limit, rel=0.01)
    assert lstm.bias_ih_l0.eq(0).all()
