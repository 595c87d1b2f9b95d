"""Compressed models, made from a model or from weights that were trained after."""

from dataclasses import replace

import pytest
import torch
from separators import CONV, DPT, LSTM
from torch import nn

from workloads.compressed import changes, compress, compressed
from workloads.compression.factorization.factorize import factorize
from workloads.compression.known import parse
from workloads.compression.pruning.prune import prune
from workloads.compression.step import ModuleStep
from workloads.separation.task import SEPARATION
from workloads.task import NotHereError, parameters_of
from workloads.training import weights
from workloads.training.weights import Weights
from workloads.wav2letter.sizes import WAV2LETTER_SMALL
from workloads.wav2letter.task import WAV2LETTER

each_size = pytest.mark.parametrize(
    "size", [CONV, LSTM, DPT], ids=lambda size: size.name
)


def separator(size):
    """With biases and norms that would show if a channel's were forgotten."""
    model = weights.load(SEPARATION, size, None)
    torch.manual_seed(1)
    for parameter in model.parameters():
        if parameter.ndim == 1:
            nn.init.normal_(parameter, 0.5, 0.5)
    return model


def shortened(model, name, sample=()):
    return compress(SEPARATION, model, parse(name), sample)


def save(size, model, path):
    facts = {"command": "by hand"}
    weights.save(SEPARATION, size, model.state_dict(), {}, facts, path)


def load_fitted(size, name, path):
    """With weights that were trained after the compression."""
    return compressed(SEPARATION, size, parse(name), Weights(path, is_fitted=True))


def assert_same_function(one, other):
    waves = torch.randn(2, 203, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        expected = one(waves)
        torch.testing.assert_close(other(waves), expected, rtol=1e-5, atol=1e-5)
    assert expected.abs().max() > 1e-3


@each_size
def test_pruned_channels_are_taken_out_when_weights_are_loaded(size, tmp_path):
    name, path = "prune-l1-structured-50", tmp_path / "it.safetensors"
    model = separator(size)
    choice = parse(name).steps[0].choice(SEPARATION, model, ())
    save(size, prune(model, choice), path)
    dense = weights.load(SEPARATION, size, path)  # in the shapes that training had
    small = load_fitted(size, name, path)
    assert not small.training
    assert parameters_of(dense) == parameters_of(model)
    assert parameters_of(small) < 0.45 * parameters_of(model)
    assert_same_function(dense, small)


@each_size
def test_single_weights_that_were_pruned_stay_where_they_are(size, tmp_path):
    name, path = "prune-l1-unstructured-50", tmp_path / "it.safetensors"
    save(size, shortened(separator(size), name), path)
    found = load_fitted(size, name, path)
    for parameter in found.parameters():
        if parameter.ndim > 1:
            assert int((parameter == 0).sum()) == round(parameter.numel() / 2)
    assert_same_function(weights.load(SEPARATION, size, path), found)


@pytest.mark.parametrize("name", ["tucker-50", "cp-50"])
def test_factors_come_back_as_they_were_trained(tmp_path, name):
    size, path = replace(CONV, hidden=40, bottleneck=30), tmp_path / "it.safetensors"
    model = shortened(separator(size), name).half().float()
    save(size, model, path)
    loaded = load_fitted(size, name, path)
    assert not loaded.training
    assert_same_function(model, loaded)
    with pytest.raises(ValueError, match=rf"it\.safetensors is not of {size.name}: "):
        load_fitted(size, "tucker-10", path)


def test_weights_trained_for_int8_are_loaded_as_they_are(tmp_path):
    path = tmp_path / "it.safetensors"
    save(CONV, separator(CONV), path)
    plain = weights.load(SEPARATION, CONV, path)
    assert_same_function(plain, load_fitted(CONV, "int8-qat", path))


def test_weights_of_the_uncompressed_model_are_compressed_on_loading(tmp_path):
    path = tmp_path / "it.safetensors"
    save(CONV, separator(CONV), path)
    name = "prune-l1-structured-50"
    found = compressed(SEPARATION, CONV, parse(name), Weights(path))
    expected = shortened(weights.load(SEPARATION, CONV, path), name)
    assert parameters_of(found) == parameters_of(expected)
    assert_same_function(expected, found)


@pytest.mark.parametrize(
    "name", ["prune-random-structured-30", "prune-l1-unstructured-30", "cp-30"]
)
def test_compressing_leaves_the_model_before_as_it_was(name):
    model, same = separator(CONV), separator(CONV)
    shortened(model, name)
    pairs = zip(model.parameters(), same.parameters(), strict=True)
    assert all(one.equal(other) for one, other in pairs)


@each_size
def test_whole_channels_make_a_model_that_is_physically_smaller(size):
    model = separator(size)
    found = shortened(model, "prune-l1-structured-50")
    assert not found.training
    groups = SEPARATION.channel_groups(model)
    channels = {group.name: group.channels for group in groups}
    for group in SEPARATION.channel_groups(found):
        before = channels[group.name]
        assert group.channels == before - round(before / 2)


@each_size
def test_more_is_taken_out_where_more_was_pruned(size):
    model = separator(size)
    counts = [
        parameters_of(shortened(model, f"prune-l2-structured-{percent}"))
        for percent in (10, 30, 70)
    ]
    assert parameters_of(model) > counts[0] > counts[1] > counts[2]


@each_size
def test_a_pruning_by_gradients_takes_training_items(size, pairs):
    model, sample = separator(size), pairs.train.held[:2]
    small = shortened(model, "prune-gradient-structured-50", sample)
    assert parameters_of(small) < 0.45 * parameters_of(model)
    with pytest.raises(ValueError, match="prune-gradient-structured-50 needs gradi"):
        shortened(model, "prune-gradient-structured-50")


def test_other_items_have_other_gradients(pairs):
    one, other = (
        shortened(separator(CONV), "prune-gradient-unstructured-50", [item])
        for item in pairs.train.held[:2]
    )
    zeros = (model.get_parameter("mask.weight") for model in (one, other))
    assert not next(zeros).equal(next(zeros))


def test_weights_stay_without_pruning_or_factorization():
    model = separator(CONV)
    assert shortened(model, "int8-static") is model
    assert changes(SEPARATION, CONV, parse("int8-static"), model) == {}


def layers_left(size, name):
    step = parse(name).step_of(ModuleStep)
    return step.skipped(SEPARATION, weights.untrained(SEPARATION, size))


def layers_changed(size, name):
    model = shortened(weights.untrained(SEPARATION, size), name)
    return changes(SEPARATION, size, parse(name), model)["layers_changed"]


@each_size
def test_layers_that_whole_channels_cannot_leave_are_listed(size):
    (left,) = layers_left(size, "prune-l1-structured-30")
    assert (left.name, left.kind) == ("decoder", "Decoder")
    assert left.reason == "it has one output channel, which must stay"
    assert layers_left(size, "prune-l1-unstructured-30") == ()


def test_all_layers_with_weights_are_counted():
    """Encoder, bottleneck, mask and decoder; of each block three, of three a fourth."""
    assert layers_changed(CONV, "prune-l1-unstructured-30") == 4 + 4 * 3 + 3
    assert layers_changed(CONV, "prune-l1-structured-30") == 18  # but the decoder


@each_size
@pytest.mark.parametrize("method", ["cp", "tucker", "tsvd"])
def test_layers_that_factors_do_not_change_are_listed(size, method):
    found = layers_left(size, f"{method}-30")
    expected = factorize(weights.load(SEPARATION, size, None), method, 30)
    assert found == expected.left
    assert layers_changed(size, f"{method}-30") == len(expected.changed)
    assert all(one.reason for one in found)


def test_depthwise_and_recurrent_layers_say_why_they_are_left():
    found = layers_left(CONV, "tucker-30")
    of_conv = {one.name: one.reason for one in found}
    assert of_conv["blocks.0.depthwise"].startswith("depth-wise: no channel")
    found = layers_left(LSTM, "tsvd-30")
    of_lstm = {one.name: one.reason for one in found}
    assert of_lstm["lstm"].startswith("a recurrent kernel takes its matrices")


def test_single_weights_of_any_task_are_pruned_but_channels_only_where_it_tells_them():
    model = weights.load(WAV2LETTER, WAV2LETTER_SMALL, None)
    found = compress(WAV2LETTER, model, parse("prune-l1-unstructured-50"))
    pruned = [one for one in found.parameters() if one.ndim == 3]
    assert len(pruned) == 11
    for one in pruned:
        assert one.eq(0).float().mean() == pytest.approx(0.5, abs=1e-3)
    with pytest.raises(NotHereError, match="wav2letter has no pruning of whole chann"):
        compress(WAV2LETTER, model, parse("prune-l1-structured-50"))
