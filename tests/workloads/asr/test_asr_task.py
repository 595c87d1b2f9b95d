"""Deep Speech 2's own: what the paper says of its training, and its measures."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from workloads.asr import task as asr_task
from workloads.asr.alphabet import ALPHABET
from workloads.asr.decoding import LEXICON_DECODERS, best_path
from workloads.asr.ds2 import (
    DS2_PAPER,
    DS2_SMALL,
    DeepSpeech2,
    DeepSpeech2Size,
    output_length,
)
from workloads.asr.task import ASR, PAPER_BEAM, QUICK_BEAM, recordings_for
from workloads.recognition.batches import stream
from workloads.recognition.data import Part
from workloads.recognition.searches import SEARCHES
from workloads.task import DataRequest, NotHereError
from workloads.training.learner import Learner
from workloads.training.objective import ALONE, autocast
from workloads.training.recipe import AdaDelta
from workloads.wav2letter.arrays import ArrayRows

CPU = torch.device("cpu")
BATCHES = [(0, 5, 69), (64, 2), (63, 65, 3, 1), (7,)]
TINY = DeepSpeech2Size("tiny", channels=16, hidden=16, layers=2)


def learner_of(size, data):
    recipe = ASR.recipe(size, data)
    torch.manual_seed(0)
    objective = ASR.objective(size, recipe, data, CPU, ALONE)
    return Learner(ASR.model(size), objective, recipe, CPU)


def test_trainings_follow_the_paper(spoken):
    """AdaDelta with gradients of a norm of at most 100, short utterances first, and
    the paper's beam on the paper's corpus."""
    for profile, beam in (("paper", PAPER_BEAM), ("quick", QUICK_BEAM)):
        recipe = ASR.timed_recipe(DS2_SMALL, spoken, profile)
        assert recipe.optimizer == AdaDelta(1.0, 0.95, 1e-6)
        assert (recipe.batch_size, recipe.clip_norm) == (32, 100.0)
        assert recipe.schedule is None
        assert (recipe.own.beam_width, recipe.own.shortest_first) == (beam, True)
        assert recipe.own.augment is None
    assert PAPER_BEAM == 256


def test_weights_are_trained_in_smaller_batches_to_the_last_epoch(spoken):
    recipe = ASR.recipe(DS2_SMALL, spoken)
    assert (recipe.batch_size, recipe.epochs, recipe.best_by) == (16, 30, None)
    assert recipe.own.beam_width == 64


@pytest.mark.parametrize(
    ("size", "seconds"), [(DS2_PAPER, 36_000.0), (DS2_SMALL, None)]
)
def test_the_published_size_has_ten_hours_to_train_on(size, seconds):
    assert ASR.train_s(size) == seconds


def test_the_paper_s_profile_asks_for_its_corpus():
    with pytest.raises(NotHereError, match="--data-root, the folder that holds Libri"):
        ASR.dataset(DS2_PAPER, DataRequest("paper"))


def test_one_step_changes_all_weights_of_the_published_size(spoken):
    learner = learner_of(DS2_PAPER, spoken)
    before = {n: p.detach().clone() for n, p in learner.model.named_parameters()}
    loss = learner.update(learner.objective.batch((3, 8)), 2)
    assert 0 < float(loss) < float("inf")
    for name, parameter in learner.model.named_parameters():
        assert not parameter.equal(before[name]), name


def test_a_small_model_learns_its_batch(spoken):
    learner = learner_of(TINY, spoken)
    batch = learner.objective.batch(range(8))
    losses = [float(learner.update(batch, 8)) for _ in range(30)]
    assert losses[-1] < 0.7 * losses[0]


def test_bf16_agrees_with_fp32_within_its_precision(spoken):
    learner = learner_of(TINY, spoken)
    batch, model = learner.objective.batch(range(8)), learner.model.eval()
    logits = {}
    for precision in ("fp32", "bf16"):
        with torch.no_grad(), autocast(precision, CPU):
            logits[precision] = model(batch.features, batch.lengths)[0]
    assert logits["bf16"].dtype == torch.bfloat16
    difference = (logits["bf16"].float() - logits["fp32"]).abs().max()
    assert 0 < difference < 0.1 * logits["fp32"].abs().max()


def test_errors_are_pooled_from_counts(spoken):
    part = replace(spoken.validation, texts=("a cat", "cool"))
    measures = ASR.scores_of(part, ["a cat", "cooling"]).measures
    rates = {name: one.value for name, one in measures.items()}
    assert rates == {"wer": 1 / 3, "cer": 3 / 9, "cer_max": 3 / 12}


def test_what_was_understood_stands_beside_what_was_said(spoken):
    part = replace(spoken.validation, texts=("a cat", "cool"))
    texts = ASR.scores_of(part, ["a cat", "cooling"]).transcribed
    assert (texts.references, texts.hypotheses) == (
        ["a cat", "cool"],
        ["a cat", "cooling"],
    )
    assert (list(texts.edits), list(texts.lengths)) == ([0, 3], [5, 4])
    assert texts.unit == "character"


def test_log_probabilities_of_a_deployed_model_s_logits_are_normalised():
    logits = torch.randn(2, 5, 30).numpy()
    found = torch.from_numpy(ASR.as_log_probs(logits))
    torch.testing.assert_close(found.exp().sum(2), torch.ones(2, 5))
    torch.testing.assert_close(found.argmax(2), torch.from_numpy(logits).argmax(2))


@pytest.mark.parametrize("frames", [11, 100, 333, 1670])
@pytest.mark.parametrize("size", [DS2_PAPER, DS2_SMALL], ids=lambda size: size.name)
def test_each_weight_multiplies_once_per_output_frame(size, frames):
    with torch.device("meta"):
        model = DeepSpeech2(size)
    matrices = [p.numel() for p in model.parameters() if p.dim() > 1]
    assert ASR.macs(size, frames, {}) == output_length(frames) * sum(matrices)


def test_the_paper_s_model_has_its_published_macs():
    assert ASR.macs(DS2_PAPER, 1670, {}) / 1e9 == pytest.approx(21.25, abs=0.005)


def test_training_costs_three_forward_passes_less_the_gradient_of_the_features():
    convolution = output_length(100) * 93 * 11 * DS2_SMALL.channels
    expected = 3 * ASR.macs(DS2_SMALL, 100, {}) - convolution
    assert ASR.training_macs(DS2_SMALL, 100) == expected


def part_of(*texts):
    return Part(ArrayRows(()), texts, (), ALPHABET)


def test_a_beam_of_one_is_the_best_path():
    assert ASR.decoder(part_of(), 1) is best_path


def test_a_wider_beam_is_a_search_in_the_words_of_the_training_part():
    log_probs = np.full((6, 30), -8.0, np.float32)
    path = [x for label in ALPHABET.encode("cot") for x in (label, ALPHABET.blank)]
    log_probs[range(6), path] = -0.1
    decode = ASR.decoder(part_of("a cat", "the dog"), 16)
    assert best_path(log_probs) == "cot"
    assert decode(log_probs) in ("cat", "dog", "a", "the")
    assert ASR.decoder(part_of("a cat", "the cot"), 16)(log_probs) == "cot"


@pytest.mark.parametrize("search", [None, *LEXICON_DECODERS])
def test_a_search_is_chosen_by_name_and_is_else_one_that_installs_everywhere(search):
    name = search or "kaldi-decoder"
    if reason := SEARCHES[name].why_not_installed():
        pytest.skip(reason)
    decode = ASR.decoder(part_of("a cat"), 16, search)
    assert type(decode.__self__) is LEXICON_DECODERS[name]


def test_a_search_without_a_lexicon_is_none_of_this_task_s():
    with pytest.raises(ValueError, match="no search is called 'fast-ctc-decode' here"):
        ASR.decoder(part_of("a cat"), 16, "fast-ctc-decode")


def test_shards_and_computing_on_the_fly_give_the_same_batches(
    tones, spoken, feature_cache, monkeypatch
):
    assert spoken.checksum == tones.checksum
    monkeypatch.setenv("SPEECHMARK_CACHE", str(feature_cache))
    monkeypatch.setattr(asr_task, "speech_of", lambda request: tones)
    ahead, now = (
        recordings_for(DataRequest("quick"), on_the_fly, readers=2, prefetch=3)
        for on_the_fly in (False, True)
    )
    for data in (ahead, now):
        assert (data.readers, data.prefetch) == (2, 3)
    assert ahead.train.rows.directory == spoken.train.rows.directory
    assert not hasattr(now.train.rows, "directory")
    batches = (stream(data.train, data, BATCHES, CPU) for data in (ahead, now))
    for one, other in zip(*batches, strict=True):
        assert one.targets.equal(other.targets)
        torch.testing.assert_close(one.features, other.features, rtol=1e-4, atol=1e-4)
