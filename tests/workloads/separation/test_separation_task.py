"""What the separators state of themselves.

Axes: `B` mixtures, `C` sources, `S` samples.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from separators import macs_of_size

from workloads.compression.known import parse
from workloads.corpora.mixtures import builtin
from workloads.corpora.mixtures.scenes import MANDARIN
from workloads.separation import dataset
from workloads.separation.dataset import MixtureSet
from workloads.separation.loss import pit_loss
from workloads.separation.scoring import score_set, scores_of
from workloads.separation.sizes import CONV_TASNET, CONV_TASNET_SMALL
from workloads.separation.task import (
    CALIBRATION_MIXTURES,
    SEPARATION,
    UTTERANCE_S,
    VALIDATION_MIXTURES,
)
from workloads.task import DataRequest, NotHereError

SAMPLES = 32_000  # of what is timed, at 8 kHz


@pytest.mark.parametrize(
    ("batch_size", "order"),
    [(1, [[0], [1], [2], [3]]), (3, [[0, 1, 2], [3, 0, 1]]), (4, [[0, 1, 2, 3]])],
)
def test_held_out_mixtures_of_one_length_are_timed(conv, pairs, batch_size, order):
    found = SEPARATION.inputs(conv, pairs, batch_size, {})
    held = pairs.validation.held
    assert len(found) == len(order)
    for one, places in zip(found, order, strict=True):
        assert one.features.shape == (batch_size, SAMPLES, 1)
        assert one.features.shape == SEPARATION.only_shape(conv, batch_size, {})
        assert one.lengths == (SAMPLES,) * batch_size
        assert one.audio_s == batch_size * UTTERANCE_S
        for row, place in zip(one.features[:, :, 0], places, strict=True):
            np.testing.assert_array_equal(row[:2000], held[place].mixture)
            np.testing.assert_array_equal(row[2000:4000], held[place].mixture)


def test_no_more_than_eight_different_batches_are_timed(conv, pairs):
    many = replace(pairs, validation=pairs.train)
    assert len(many.validation.mixtures) == 12
    assert len(SEPARATION.inputs(conv, many, 1, {})) == 8


def test_a_deployed_model_takes_samples_as_frames_of_one_feature(tiny):
    deployed = SEPARATION.deployed(SEPARATION.model(tiny)).eval()
    frames, features = SEPARATION.example(tiny)
    assert (frames, features) == (4_000, 1)  # half a second
    with torch.inference_mode():
        assert deployed(torch.zeros(2, frames, features)).shape == (2, frames, 2)


def test_all_but_the_convolutional_ones_are_recurrent(conv, lstm, dpt):
    found = [SEPARATION.is_recurrent(size) for size in (conv, lstm, dpt)]
    assert found == [False, True, True]


def test_only_dptnet_once_computed_otherwise(conv, lstm, dpt):
    assert SEPARATION.arithmetic(conv) == SEPARATION.arithmetic(lstm) == ""
    assert SEPARATION.arithmetic(dpt).startswith("norms over each sequence")


def test_an_utterance_costs_what_the_model_was_counted_to_cost(tiny):
    model = SEPARATION.model(tiny).eval()
    found = SEPARATION.count(tiny, model)
    assert found["parameters"] == sum(one.numel() for one in model.parameters())
    assert found["macs"] == macs_of_size(tiny, SAMPLES)
    assert SEPARATION.macs(tiny, 5, {"macs": 7}) == 7.0


def test_accuracy_is_that_of_all_held_out_mixtures(conv, pairs):
    def run(waves):
        return np.concatenate([0.5 * waves, -waves], axis=2)

    found = SEPARATION.score(run, pairs, batch_size=3)
    assert found == scores_of(score_set(run, pairs.validation, 3))
    assert found.measures["si_sdr"].n == len(pairs.validation.mixtures)


def test_si_sdr_may_fall_by_a_twentieth_of_the_improvement():
    assert SEPARATION.gates.keys() == {"si_sdr_improvement"}
    assert SEPARATION.gates["si_sdr_improvement"].of(8.0) == pytest.approx(0.4)


def test_ranges_are_taken_of_training_mixtures(pairs):
    found = SEPARATION.calibration(pairs)
    held = pairs.train.held
    assert len(found) == len(held) == 12
    for wave, one in zip(found, held, strict=True):
        np.testing.assert_array_equal(wave, one.mixture[:, None])


def test_no_more_training_mixtures_are_calibrated_with_than_it_takes(pairs):
    twice = MixtureSet(2 * pairs.train.mixtures, pairs.train.sample_rate_hz)
    many = replace(pairs, train=twice)
    assert len(SEPARATION.calibration(many)) == CALIBRATION_MIXTURES == 16
    assert len(SEPARATION.gradient_sample(many, 3)) == 3
    assert len(SEPARATION.calibration(many)) == CALIBRATION_MIXTURES


def test_gradients_are_those_of_the_loss_of_a_mixture(conv, pairs):
    model = SEPARATION.model(conv)
    item, *_ = SEPARATION.gradient_sample(pairs, 1)
    found = SEPARATION.gradient_loss(model, item)
    mixture, sources = torch.from_numpy(item.mixture), torch.from_numpy(item.sources)
    expected = pit_loss(model(mixture[None]), sources[None])
    assert found.shape == ()
    assert found.item() == pytest.approx(expected.item())
    found.backward()
    assert all(one.grad is not None for one in model.parameters())


def test_a_loss_that_an_offset_does_not_change_has_no_gradient_of_the_last_bias(
    conv, pairs
):
    model = SEPARATION.model(conv)
    SEPARATION.gradient_loss(model, pairs.train.held[0]).backward()
    grads = {key: float(one.grad.norm()) for key, one in model.named_parameters()}
    assert grads.pop("decoder.bias") < 1e-3 * max(grads.values())


@pytest.mark.parametrize(("places", "count"), [(None, 12), ((3,), 1), ((0, 5, 6), 3)])
def test_work_goes_by_the_mixtures_that_are_learnt_from(conv, pairs, places, count):
    expected = (count, count * 4.0, 3 * count * macs_of_size(conv, SAMPLES))
    assert SEPARATION.work_of(conv, pairs, places) == expected


def test_typical_batches_are_full_and_lie_evenly_over_the_training_part(pairs):
    assert SEPARATION.typical_batches(pairs, 5, 8) == [
        (0, 1, 2, 3, 4),
        (5, 6, 7, 8, 9),
    ]
    few = SEPARATION.typical_batches(pairs, 1, 3)
    assert len(few) == 3
    (first,), (middle,), (last,) = few
    assert first < middle < last
    assert SEPARATION.typical_batches(pairs, 100, 8) == [tuple(range(12))]


@pytest.mark.parametrize(
    ("compression", "runtime", "device", "options", "expected"),
    [
        ("fp32", "eager", "cpu", {"weights": "csr"}, None),
        ("fp32", "onnxruntime", "cpu", {"weights": "csr"}, "has no sparse products"),
        ("fp32", "eager", "cpu", {"weights": "2of4"}, "for CUDA: use --hardware=cuda"),
        ("fp16", "eager", "cuda:0", {"weights": "2of4"}, None),
        ("int8-dynamic", "openvino", "cpu", {}, "products of an int8-dynamic file in"),
        ("int8-dynamic", "onnxruntime", "cpu", {}, None),
        ("int8-static", "openvino", "cpu", {}, None),
    ],
)
def test_what_separators_cannot_have_is_said(
    conv, compression, runtime, device, options, expected
):
    case = (conv, parse(compression), runtime, device, options)
    reason = SEPARATION.why_not(*case)
    assert reason is None if expected is None else expected in reason


@pytest.mark.parametrize(
    ("compression", "runtime", "layers"),
    [
        ("int8-static", "openvino", 1),
        ("int8-qat", "openvino", 1),
        ("int8-static", "onnxruntime", 0),  # its file tells of it
        ("int8-dynamic", "openvino", 0),
        ("fp32", "openvino", 0),
    ],
)
def test_the_decoder_stays_in_float_where_it_was_to_be_quantized(
    compression, runtime, layers
):
    assert SEPARATION.float_layers(parse(compression), runtime) == layers


def test_weights_in_csr_separate_as_dense_ones_do(conv):
    model = SEPARATION.deployed(SEPARATION.model(conv)).eval()
    assert SEPARATION.adapted(model, {}) == (model, {})
    sparse, facts = SEPARATION.adapted(model, {"weights": "csr"})
    assert facts["layers_sparse"] > 0
    assert "decoder" in facts["layers_dense"]
    waves = torch.randn(1, 400, 1)
    with torch.inference_mode():
        torch.testing.assert_close(sparse(waves), model(waves), atol=1e-5, rtol=1e-4)


@pytest.fixture
def built(pairs, monkeypatch):
    """What built-in mixtures were asked for, none of which is made."""
    asked = []

    def builtin_mixtures(size, mixtures, scene, progress):
        asked.append((mixtures, scene))
        return pairs

    monkeypatch.setattr(dataset, "builtin_mixtures", builtin_mixtures)
    return asked


@pytest.mark.parametrize(
    ("profile", "mixtures"),
    [
        ("smoke", builtin.SMOKE),
        ("commit", builtin.QUICK),
        ("quick", builtin.QUICK),
        ("standard", builtin.STANDARD),
    ],
)
def test_a_profile_has_its_built_in_mixtures(conv, pairs, built, profile, mixtures):
    assert SEPARATION.dataset(conv, DataRequest(profile)) is pairs
    assert built == [(mixtures, None)]


def test_a_case_may_be_of_mandarin(conv, built):
    SEPARATION.dataset(conv, DataRequest("quick", options={"corpus": "mandarin"}))
    assert built == [(builtin.QUICK, MANDARIN)]


def test_a_training_has_as_many_seconds_as_it_asks_for(conv, built):
    SEPARATION.dataset(conv, DataRequest("quick", train_s=1_200.0))
    ((mixtures, _),) = built
    assert (mixtures.train, mixtures.validation) == (300, VALIDATION_MIXTURES)


@pytest.mark.usefixtures("built")
def test_the_paper_profile_asks_for_the_papers_corpora(conv):
    with pytest.raises(NotHereError, match="give --data-root, the folder that holds L"):
        SEPARATION.dataset(conv, DataRequest("paper"))


def test_a_corpus_of_built_in_mixtures_is_none_of_the_users(conv, tmp_path):
    request = DataRequest("quick", tmp_path, {"corpus": "mandarin"})
    with pytest.raises(NotHereError, match="of built-in mixtures: no --data-root"):
        SEPARATION.dataset(conv, request)


@pytest.mark.parametrize("profile", ["quick", "paper"])
@pytest.mark.parametrize("has_training", [True, False])
def test_the_users_corpus_trains_on_built_in_mixtures_where_it_cannot(
    conv, pairs, built, tmp_path, monkeypatch, profile, has_training
):
    train = pairs.train if has_training else MixtureSet((), 8_000)
    theirs = replace(pairs, name="theirs", checksum="1" * 64, train=train)
    monkeypatch.setattr(dataset, "on_disk", lambda *_, **__: theirs)
    found = SEPARATION.dataset(conv, DataRequest(profile, tmp_path))
    assert found.is_whole == has_training
    assert found.train == pairs.train
    assert found.validation == theirs.validation
    assert found.name == ("theirs" if has_training else "pairs+theirs")
    assert (found.checksum == theirs.checksum) == has_training
    assert len(built) == (not has_training)


def test_small_sizes_are_timed_at_8_khz_and_full_ones_at_16():
    found = [
        SEPARATION.only_shape(size, 2, {}) for size in (CONV_TASNET_SMALL, CONV_TASNET)
    ]
    assert found == [(2, 32_000, 1), (2, 64_000, 1)]
