from dataclasses import replace

import numpy as np
import pytest

from workloads.feeding.normaliser import Normaliser
from workloads.feeding.shards import utterance_frames
from workloads.recognition.data import (
    Part,
    joined,
    normalised,
    padded_batch,
    recordings_of,
)
from workloads.wav2letter.arrays import ArrayRows
from workloads.wav2letter.symbols import LETTERS, PHONEMES
from workloads.wav2letter.task import LOG_MEL

WIDTH = 40
PLAIN = Normaliser(np.zeros(WIDTH, np.float32), np.ones(WIDTH, np.float32))


def by_hand(part, normaliser, positions):
    rows = part.rows.read(positions)
    return [(features - normaliser.mean) / normaliser.std for features in rows]


def made_up(*frames, text="a", alphabet=LETTERS):
    """Features of which each number tells its utterance, frame and band."""
    rng = np.random.default_rng(0)
    features = tuple(rng.normal(size=(n, WIDTH)).astype(np.float32) for n in frames)
    texts = (text,) * len(frames)
    rows = ArrayRows(features)
    return Part(rows, texts, tuple(n / 100 for n in frames), alphabet)


def test_both_parts_hold_what_was_said_in_the_corpus_s_order(tones, letters):
    assert (letters.name, letters.checksum) == ("tones", tones.checksum)
    for part, said in (
        (letters.train, tones.train),
        (letters.validation, tones.validation),
    ):
        assert list(part.texts) == [utterance.transcript for utterance in said]
        assert list(part.durations_s) == [utterance.duration_s for utterance in said]
        assert [LETTERS.decode(labels) for labels in part.labels] == list(part.texts)
        assert list(part.frames) == list(map(utterance_frames, said))
        shapes = [x.shape for x in part.rows.read(range(len(said)))]
        assert shapes == [(frames, WIDTH) for frames in part.frames]


def test_texts_are_spelled_as_the_alphabet_writes_them(
    tones, letters, feature_cache, monkeypatch
):
    monkeypatch.setenv("SPEECHMARK_CACHE", str(feature_cache))
    found = recordings_of(
        tones, LOG_MEL, PHONEMES, lambda texts: ["SIL AA"] * len(texts)
    )
    assert set(found.train.texts) == {"SIL AA"}
    assert found.train.labels[0] == PHONEMES.encode("SIL AA")
    assert found.train.rows.directory == letters.train.rows.directory


def test_what_a_corpus_left_out_is_a_fact(tones, letters, feature_cache, monkeypatch):
    monkeypatch.setenv("SPEECHMARK_CACHE", str(feature_cache))
    fewer = replace(tones, dropped={"too short": 3})
    found = recordings_of(fewer, LOG_MEL, LETTERS)
    assert found.facts == {"dropped: too short": 3}
    assert letters.facts == {}


def test_features_that_are_missing_are_made_by_another_process(
    tones, letters, tmp_path, monkeypatch
):
    """So that a process that times another library needs no torch."""
    monkeypatch.setenv("SPEECHMARK_CACHE", str(tmp_path))
    made = []

    def elsewhere(function, arguments, what):
        made.append((function, what))
        function(*arguments)

    monkeypatch.setattr("workloads.recognition.data.run_elsewhere", elsewhere)
    found = recordings_of(tones, LOG_MEL, LETTERS)
    assert made == [
        (LOG_MEL.write, "train features"),
        (LOG_MEL.write, "validation features"),
    ]
    (one,), (other,) = (x.train.rows.read([7]) for x in (found, letters))
    np.testing.assert_array_equal(one, other)
    recordings_of(tones, LOG_MEL, LETTERS)
    assert len(made) == 2


def test_the_normaliser_is_that_of_the_training_part(letters):
    train, validation = letters.train, letters.validation
    frames = np.concatenate(by_hand(train, letters.normaliser, range(70)))
    np.testing.assert_allclose(frames.mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(frames.std(axis=0), 1, atol=1e-3)
    others = np.concatenate(by_hand(validation, letters.normaliser, range(10)))
    assert np.abs(others.mean(axis=0)).max() > 0.01


def test_features_are_normalised_one_by_one(letters):
    positions = [5, 2]
    found = normalised(letters.train.rows, letters.normaliser, positions)
    expected = by_hand(letters.train, letters.normaliser, positions)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_a_batch_is_padded_with_zeros_to_the_grid(letters):
    part, positions = letters.train, [5, 2, 60]
    padded, lengths = padded_batch(part.rows, letters.normaliser, positions)
    assert lengths == [part.frames[i] for i in positions]
    assert padded.dtype == np.float32
    assert padded.shape[1] == -(-max(lengths) // 8) * 8  # the grid has steps of 8
    expected = by_hand(part, letters.normaliser, positions)
    for row, features in zip(padded, expected, strict=True):
        np.testing.assert_allclose(row[: len(features)], features, rtol=1e-6)
        assert not row[len(features) :].any()


def test_joined_stretches_are_the_utterances_in_their_order():
    part = made_up(7, 5, 12)
    stretches = joined(part, PLAIN, frames=10, count=5)
    assert stretches.shape == (5, 10, WIDTH)
    once = np.concatenate(part.rows.read(range(3)))  # 24 frames, then again the first
    expected = np.concatenate([once, once, once])[:50]
    np.testing.assert_array_equal(np.concatenate(stretches), expected)


def test_some_utterances_keep_their_texts_frames_and_features_in_the_order_asked():
    part = replace(made_up(7, 5, 12), texts=("a", "b", "c"))
    some = part.at([2, 0])
    assert some.texts == ("c", "a")
    assert list(some.frames) == [12, 7]
    assert some.durations_s == (0.12, 0.07)
    np.testing.assert_array_equal(some.rows.read([1])[0], part.rows.read([0])[0])


def test_joined_stretches_are_normalised(letters):
    (found,) = joined(letters.validation, letters.normaliser, frames=30, count=1)
    (first,) = by_hand(letters.validation, letters.normaliser, [0])
    np.testing.assert_allclose(found, first[:30], rtol=1e-6)


def test_a_text_outside_the_alphabet_is_named():
    with pytest.raises(ValueError, match="'é', for which the letters"):
        _ = made_up(5, text="café").labels
