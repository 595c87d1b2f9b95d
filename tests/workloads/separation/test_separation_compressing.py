"""Compressed separators, made from a model or from weights that were trained after."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from workloads.separation.compressing import (
    Layers,
    compress,
    layers_of,
    load,
    load_mended,
    pruning_recipe,
)

from workloads.compression.factorization.factorize import factorize
from workloads.compression.names import parse
from workloads.compression.pruning.prune import prune
from workloads.separation import trained
from workloads.separation.channels import channel_groups
from workloads.separation.counting import parameters_of

FACTS = {"command": "by hand"}


def separator(size):
    """With biases and norms that would show if a channel's were forgotten."""
    model = load(size, None)
    torch.manual_seed(1)
    for parameter in model.parameters():
        if parameter.ndim == 1:
            nn.init.normal_(parameter, 0.5, 0.5)
    return model


def assert_same_function(one, other):
    waves = torch.randn(2, 203, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        expected = one(waves)
        torch.testing.assert_close(other(waves), expected, rtol=1e-5, atol=1e-5)
    assert expected.abs().max() > 1e-3


def test_untrained_models_are_the_same_each_time(tiny):
    one, other = (load(tiny, None) for _ in range(2))
    assert not one.training
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    assert all(a.equal(b) for a, b in pairs)


def test_trained_models_are_loaded_from_their_weights(tiny, tmp_path):
    model, path = separator(tiny).half().float(), tmp_path / "it.safetensors"
    trained.save(model, FACTS, path)
    loaded = load(tiny, path)
    assert not loaded.training
    assert_same_function(model, loaded)


def test_pruned_channels_are_taken_out_when_weights_are_loaded(tiny, tmp_path):
    compression, path = parse("prune-l1-structured-50"), tmp_path / "it.safetensors"
    model = separator(tiny)
    masked = prune(model, pruning_recipe(model, compression.pruning, ())).model
    trained.save(masked, FACTS, path)
    dense = load(tiny, path)  # in the shapes that training had
    small = load_mended(tiny, compression, path)
    assert not small.training
    assert parameters_of(dense) == parameters_of(model)
    assert parameters_of(small) < 0.45 * parameters_of(model)
    assert_same_function(dense, small)


def test_single_weights_that_were_pruned_stay_where_they_are(tiny, tmp_path):
    path = tmp_path / "it.safetensors"
    compression = parse("prune-l1-unstructured-50")
    trained.save(compress(separator(tiny), compression), FACTS, path)
    found = load_mended(tiny, compression, path)
    for parameter in found.parameters():
        if parameter.ndim > 1:
            assert int((parameter == 0).sum()) == round(parameter.numel() / 2)
    assert_same_function(load(tiny, path), found)


@pytest.mark.parametrize("name", ["tucker-50", "cp-50"])
def test_factors_come_back_as_they_were_trained(conv, tmp_path, name):
    size, path = replace(conv, hidden=40, bottleneck=30), tmp_path / "it.safetensors"
    compression = parse(name)
    model = compress(separator(size), compression).half().float()
    trained.save(model, FACTS, path)
    loaded = load_mended(size, compression, path)
    assert not loaded.training
    assert_same_function(model, loaded)
    with pytest.raises(ValueError, match=r"it\.safetensors does not fit the model"):
        load_mended(size, parse("tucker-10"), path)


def test_weights_trained_for_int8_are_loaded_as_they_are(conv, tmp_path):
    path = tmp_path / "it.safetensors"
    trained.save(separator(conv), FACTS, path)
    assert_same_function(load(conv, path), load_mended(conv, parse("int8-qat"), path))


@pytest.mark.parametrize(
    "name", ["prune-random-structured-30", "prune-l1-unstructured-30", "cp-30"]
)
def test_compressing_leaves_the_model_before_as_it_was(conv, name):
    model, same = separator(conv), separator(conv)
    compress(model, parse(name))
    pairs = zip(model.parameters(), same.parameters(), strict=True)
    assert all(one.equal(other) for one, other in pairs)


def test_whole_channels_make_a_model_that_is_physically_smaller(tiny):
    model = separator(tiny)
    found = compress(model, parse("prune-l1-structured-50"))
    assert not found.training
    groups = {group.name: group.channels for group in channel_groups(model)}
    for group in channel_groups(found):
        assert group.channels == groups[group.name] - round(groups[group.name] / 2)


def test_more_is_taken_out_where_more_was_pruned(tiny):
    model = separator(tiny)
    counts = [
        parameters_of(compress(model, parse(f"prune-l2-structured-{percent}")))
        for percent in (10, 30, 70)
    ]
    assert parameters_of(model) > counts[0] > counts[1] > counts[2]


def test_what_goes_by_gradients_hears_mixtures(tiny, pairs):
    model, heard = separator(tiny), pairs.train.held[:2]
    small = compress(model, parse("prune-gradient-structured-50"), heard)
    assert parameters_of(small) < 0.45 * parameters_of(model)
    with pytest.raises(ValueError, match="prune-gradient-structured-50 needs gradi"):
        compress(model, parse("prune-gradient-structured-50"))


def test_other_mixtures_have_other_gradients(conv, pairs):
    compression = parse("prune-gradient-unstructured-50")
    one, other = (
        compress(separator(conv), compression, pairs.train.held[part])
        for part in (slice(0, 1), slice(1, 2))
    )
    weights = (model.get_parameter("mask.weight") for model in (one, other))
    assert not next(weights).equal(next(weights))


def test_weights_stay_without_pruning_or_factorization(conv):
    model = separator(conv)
    assert_same_function(model, compress(model, parse("int8-static")))
    assert layers_of(conv, parse("int8-static")) == Layers(0, ())


def test_layers_that_whole_channels_cannot_leave_are_listed(tiny):
    found = layers_of(tiny, parse("prune-l1-structured-30"))
    (left,) = found.left
    assert (left.name, left.kind) == ("decoder", "Decoder")
    assert left.reason == "it has one output channel, which must stay"
    assert layers_of(tiny, parse("prune-l1-unstructured-30")).left == ()


def test_all_layers_with_weights_are_counted(conv):
    """Encoder, bottleneck, mask and decoder; of each block three, of three a fourth."""
    assert layers_of(conv, parse("prune-l1-unstructured-30")).changed == 4 + 4 * 3 + 3
    assert layers_of(conv, parse("prune-l1-structured-30")).changed == 18


@pytest.mark.parametrize("method", ["cp", "tucker", "tsvd"])
def test_layers_that_factors_do_not_change_are_listed(tiny, method):
    found = layers_of(tiny, parse(f"{method}-30"))
    expected = factorize(load(tiny, None), method, 30)
    assert (found.changed, found.left) == (len(expected.changed), expected.left)
    assert all(one.reason for one in found.left)


def test_depthwise_and_recurrent_layers_say_why_they_are_left(conv, lstm):
    of_conv = {one.name: one for one in layers_of(conv, parse("tucker-30")).left}
    assert of_conv["blocks.0.depthwise"].reason.startswith("depth-wise: no channel")
    of_lstm = {one.name: one for one in layers_of(lstm, parse("tsvd-30")).left}
    assert of_lstm["lstm"].reason.startswith("a recurrent kernel takes its matrices")
