"""Wav2Letter's own: the paper's recipes, its two alphabets, and its arrays on disk."""

import os
import pickle
import subprocess
import sys
from dataclasses import replace

import numpy as np
import paper_arrays
import pytest
import torch

from workloads.compression.known import parse
from workloads.corpora.faults import AbsentError
from workloads.feeding.shards import utterance_frames
from workloads.recognition.data import Part
from workloads.recognition.recipe import SpecAugment
from workloads.task import DataRequest
from workloads.training.recipe import Adam
from workloads.wav2letter import arrays
from workloads.wav2letter import task as wav2letter
from workloads.wav2letter.arrays import ArrayRows
from workloads.wav2letter.phonemes import phonemes
from workloads.wav2letter.sizes import FEATURES, SIZES, WAV2LETTER_SMALL
from workloads.wav2letter.symbols import LETTERS, PHONEMES
from workloads.wav2letter.task import LOG_MEL, QAT_EPOCHS, WAV2LETTER

PHONEMIC = SIZES["wav2letter-small-phonemes"]
TEXTS = {
    "letters": (["the cat", "a", "yes"], ["no"]),
    "phonemes": (["SIL K AE T", "AH", "S"], ["SIL ZH"]),
}


def noise(*frames):
    """Features of which each number tells its utterance, frame and band."""
    rng = np.random.default_rng(0)
    return tuple(rng.normal(size=(n, FEATURES)).astype(np.float32) for n in frames)


def part_of(texts, alphabet):
    rows = ArrayRows(noise(*[20] * len(texts)))
    return Part(rows, tuple(texts), (0.2,) * len(texts), alphabet)


def write_arrays(folder, alphabet):
    """Three utterances to train on and one to validate on; their features."""
    train, dev = noise(30, 10, 20), noise(15)
    texts = TEXTS[alphabet.name]
    paper_arrays.write(folder, alphabet, arrays.TRAIN, train, texts[0])
    paper_arrays.write(folder, alphabet, arrays.DEV, dev, texts[1])
    return train, dev


@pytest.fixture(params=[LETTERS, PHONEMES], ids=lambda one: one.name)
def alphabet(request):
    return request.param


@pytest.mark.parametrize(
    ("size", "rate", "decay"),
    [("wav2letter", 2e-4, 5e-5), ("wav2letter-phonemes", 2e-3, 1e-5)],
)
def test_on_the_paper_s_arrays_trainings_follow_the_paper(tmp_path, size, rate, decay):
    size = SIZES[size]
    write_arrays(tmp_path, size.alphabet)
    recipe = WAV2LETTER.recipe(size, arrays.load(tmp_path, size.alphabet))
    assert recipe.optimizer == Adam(rate, decay)
    assert (recipe.batch_size, recipe.epochs, recipe.clip_norm) == (128, 100, 5.0)
    schedule = recipe.schedule
    assert (schedule.watched, schedule.factor) == ("levenshtein", 0.1)
    assert schedule.patience == 5
    assert recipe.own.augment == SpecAugment(1, 8, 1, 25)
    assert recipe.best_by == "levenshtein"
    assert (recipe.own.beam_width, recipe.own.shortest_first) == (1, False)


@pytest.mark.parametrize(
    ("size", "rate", "batch_size"),
    [
        ("wav2letter", 3e-4, 4),
        ("wav2letter-small", 1e-3, 8),
        ("wav2letter-small-phonemes", 1e-3, 8),
    ],
)
def test_on_built_in_speech_steps_are_more_and_masks_narrower(
    letters, size, rate, batch_size
):
    recipe = WAV2LETTER.recipe(SIZES[size], letters)
    assert (recipe.optimizer.learning_rate, recipe.batch_size) == (rate, batch_size)
    assert (recipe.warmup_steps, recipe.schedule.patience) == (100, 1)
    assert recipe.own.augment == SpecAugment(frequency_bands=4, time_frames=10)


def test_going_on_with_simulated_int8_takes_a_tenth_of_the_rate(letters):
    plain = WAV2LETTER.recipe(WAV2LETTER_SMALL, letters)
    aware = WAV2LETTER.recipe(WAV2LETTER_SMALL, letters, parse("int8-qat"))
    assert aware.optimizer.learning_rate == pytest.approx(1e-4)
    assert aware.epochs == QAT_EPOCHS < plain.epochs
    changed = replace(aware, optimizer=plain.optimizer, epochs=plain.epochs)
    assert changed == plain


def test_a_timed_training_ends_with_its_profile_alone(letters):
    plain = WAV2LETTER.recipe(WAV2LETTER_SMALL, letters)
    timed = WAV2LETTER.timed_recipe(WAV2LETTER_SMALL, letters, "quick")
    assert timed.epochs >= 10_000
    assert replace(timed, epochs=plain.epochs) == plain


def test_arrays_on_disk_become_both_parts(tmp_path, alphabet):
    texts = TEXTS[alphabet.name]
    train, dev = write_arrays(tmp_path, alphabet)
    found = arrays.load(tmp_path, alphabet)
    assert found.name == f"arrays-{alphabet.name}"
    assert found.train.texts == tuple(texts[0])
    assert found.validation.texts == tuple(texts[1])
    assert found.train.durations_s == pytest.approx((0.3, 0.1, 0.2))  # hops of 10 ms
    np.testing.assert_array_equal(found.train.rows.read([2])[0], train[2])
    np.testing.assert_array_equal(found.validation.rows.read([0])[0], dev[0])
    every = np.concatenate(train)
    np.testing.assert_allclose(found.normaliser.mean, every.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(found.normaliser.std, every.std(axis=0), rtol=1e-4)
    assert found.is_whole


def test_a_user_s_folder_with_arrays_is_taken_as_such(tmp_path, alphabet):
    write_arrays(tmp_path, alphabet)
    size = {"letters": WAV2LETTER_SMALL, "phonemes": PHONEMIC}[alphabet.name]
    found = WAV2LETTER.dataset(size, DataRequest("quick", tmp_path))
    assert found.name == f"arrays-{alphabet.name}"


def test_a_user_s_folder_without_arrays_is_taken_for_speech(
    tones, letters, feature_cache, tmp_path, monkeypatch
):
    monkeypatch.setenv("SPEECHMARK_CACHE", str(feature_cache))
    asked = []

    def speech_of(request):
        asked.append(request.root)
        return tones

    monkeypatch.setattr(wav2letter, "speech_of", speech_of)
    request = DataRequest("quick", tmp_path)
    found = WAV2LETTER.dataset(WAV2LETTER_SMALL, request)
    assert asked == [tmp_path]
    assert found.train.texts == letters.train.texts


def test_a_folder_with_neither_is_refused_with_what_is_missing_of_both(tmp_path):
    with pytest.raises(AbsentError, match=r"^no train\.npy .*; or no training sub"):
        WAV2LETTER.dataset(WAV2LETTER_SMALL, DataRequest("quick", tmp_path))


def test_phonemes_of_a_corpus_are_those_of_its_words(
    tones, letters, feature_cache, monkeypatch
):
    monkeypatch.setenv("SPEECHMARK_CACHE", str(feature_cache))
    monkeypatch.setattr(wav2letter, "speech_of", lambda request: tones)
    found = WAV2LETTER.dataset(PHONEMIC, DataRequest("quick"))
    assert found.validation.texts == tuple(phonemes(letters.validation.texts))
    for text, labels in zip(found.train.texts, found.train.labels, strict=True):
        assert PHONEMES.decode(labels) == text
        assert len(labels) == len(text.split())
    (same,), (features,) = (x.train.rows.read([3]) for x in (found, letters))
    np.testing.assert_array_equal(same, features)


def test_letters_are_judged_by_pooled_errors_and_by_edits_an_utterance():
    part = part_of(["a cat", "dog"], LETTERS)
    scores = WAV2LETTER.scores_of(part, ["a cap", "cogs"])
    found = scores.measures
    assert set(found) == {"cer", "levenshtein"}
    assert found["cer"].value == 3 / 8
    assert found["levenshtein"].value == 3 / 2
    assert found["levenshtein"].errors == (1, 2)
    assert scores.transcribed.unit == "character"
    assert list(scores.transcribed.edits) == [1, 2]
    assert list(scores.transcribed.lengths) == [5, 3]


def test_phonemes_are_judged_one_by_one_however_many_letters_they_have():
    part = part_of(["K AE T", "SIL"], PHONEMES)
    scores = WAV2LETTER.scores_of(part, ["K AA", "SIL"])
    found = scores.measures
    assert set(found) == {"per", "levenshtein"}
    assert found["per"].value == 2 / 4
    assert found["levenshtein"].errors == (2, 0)  # AA for AE, and T is missing
    assert found["levenshtein"].value == 2 / 2
    assert scores.transcribed.unit == "phoneme"
    assert list(scores.transcribed.lengths) == [3, 1]


def test_a_model_starts_such_that_a_signal_passes_it():
    """And alike from one seed."""
    outputs = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        model = WAV2LETTER.model(WAV2LETTER_SMALL)
        assert model.training
        with torch.no_grad():
            features = torch.linspace(-2, 2, 40 * 60).view(1, 60, 40)
            outputs.append(model.eval()(features))
    assert outputs[0].equal(outputs[1])
    assert not outputs[0].equal(outputs[2])
    assert outputs[0].exp().std() > 1e-3  # it has not faded to one value


@pytest.mark.parametrize("there_already", [True, False])
def test_torch_stays_out_of_a_process_that_only_needs_data(
    tones, tmp_path, there_already
):
    """Features that are missing are made by another process."""
    cache, corpus = tmp_path / "cache", tmp_path / "corpus.pickle"
    cache.mkdir()
    if there_already:
        for split in ("train", "validation"):
            LOG_MEL.write(tones, split, cache)
    corpus.write_bytes(pickle.dumps(tones))
    program = f"""
import pickle, sys
from pathlib import Path
from workloads.task import DataRequest
from workloads.wav2letter import task
corpus = pickle.loads(Path({str(corpus)!r}).read_bytes())
task.speech_of = lambda request: corpus
size = task.WAV2LETTER.sizes["wav2letter-small"]
found = task.WAV2LETTER.dataset(size, DataRequest("quick"))
print(len(found.train.rows.read([0])[0]), found.normaliser.mean.shape, found.checksum)
assert "torch" not in sys.modules
"""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "SPEECHMARK_CACHE": str(cache),
    }
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    frames = utterance_frames(tones.train[0])
    assert done.stdout.strip() == f"{frames} (40,) {tones.checksum}"
