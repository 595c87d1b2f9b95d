import os
import pickle
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from workloads.wav2letter.dataset import (
    FEATURES,
    Part,
    joined,
    of_arrays,
    of_corpus,
    padded_batch,
    write_features,
)

from workloads.corpora import builtin
from workloads.feeding.normaliser import Normaliser
from workloads.feeding.shards import utterance_frames
from workloads.wav2letter import arrays
from workloads.wav2letter.phonemes import to_arpabet
from workloads.wav2letter.symbols import LETTERS, PHONEMES

PLAIN = Normaliser(np.zeros(FEATURES, np.float32), np.ones(FEATURES, np.float32))


def normalised(part, normaliser, positions=None):
    chosen = range(len(part.frames)) if positions is None else positions
    return [(x - normaliser.mean) / normaliser.std for x in part.rows.read(chosen)]


def noise(*frames):
    """Features of which each number tells its utterance, frame and band."""
    rng = np.random.default_rng(0)
    return tuple(rng.normal(size=(n, FEATURES)).astype(np.float32) for n in frames)


def made_up(*frames):
    texts = ("a",) * len(frames)
    rows = arrays.ArrayPart(noise(*frames), texts, "0")
    return Part(rows, texts, tuple(n / 100 for n in frames), LETTERS)


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    return builtin.load_or_build(builtin.SMOKE, tmp_path_factory.mktemp("speech"))


def test_letters_of_a_corpus_are_its_transcripts(smoke, feature_cache):
    found = of_corpus(smoke, LETTERS, feature_cache)
    assert (found.name, found.checksum) == ("builtin-smoke", smoke.checksum)
    for part, said in (
        (found.train, smoke.train),
        (found.validation, smoke.validation),
    ):
        assert list(part.texts) == [utterance.transcript for utterance in said]
        assert list(part.durations_s) == [utterance.duration_s for utterance in said]
        assert [LETTERS.decode(labels) for labels in part.labels] == list(part.texts)
        assert list(part.frames) == list(map(utterance_frames, said))
        assert [x.shape for x in part.rows.read(range(len(said)))] == [
            (frames, FEATURES) for frames in part.frames
        ]


def test_phonemes_of_a_corpus_are_those_of_its_words(smoke, feature_cache):
    letters = of_corpus(smoke, LETTERS, feature_cache)
    found = of_corpus(smoke, PHONEMES, feature_cache)
    assert found.validation.texts[0] == to_arpabet(letters.validation.texts[0])
    for text, labels in zip(found.train.texts, found.train.labels, strict=True):
        assert PHONEMES.decode(labels) == text
        assert len(labels) == len(text.split())
    (same,), (features,) = (x.train.rows.read([3]) for x in (found, letters))
    np.testing.assert_array_equal(same, features)


def test_the_normaliser_is_that_of_the_training_part(letters):
    frames = np.concatenate(normalised(letters.train, letters.normaliser))
    np.testing.assert_allclose(frames.mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(frames.std(axis=0), 1, atol=1e-3)
    others = np.concatenate(normalised(letters.validation, letters.normaliser))
    assert np.abs(others.mean(axis=0)).max() > 0.01


@pytest.mark.parametrize("alphabet", [LETTERS, PHONEMES], ids=lambda one: one.name)
def test_arrays_on_disk_become_both_parts(tmp_path, alphabet):
    texts = {
        "letters": (["the cat", "a", "yes"], ["no"]),
        "phonemes": (["SIL K AE T", "AH", "S"], ["SIL ZH"]),
    }[alphabet.name]
    train, dev = noise(30, 10, 20), noise(15)
    arrays.write(tmp_path, alphabet, arrays.TRAIN, train, texts[0])
    arrays.write(tmp_path, alphabet, arrays.DEV, dev, texts[1])
    found = of_arrays(tmp_path, alphabet)
    assert found.name == f"arrays-{alphabet.name}"
    assert found.checksum == arrays.load(tmp_path, alphabet).checksum
    assert found.train.texts == tuple(texts[0])
    assert found.validation.texts == tuple(texts[1])
    assert found.train.durations_s == pytest.approx((0.3, 0.1, 0.2))  # hops of 10 ms
    np.testing.assert_array_equal(found.train.rows.read([2])[0], train[2])
    np.testing.assert_array_equal(found.validation.rows.read([0])[0], dev[0])
    every = np.concatenate(train)
    np.testing.assert_allclose(found.normaliser.mean, every.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(found.normaliser.std, every.std(axis=0), rtol=1e-4)


def test_a_batch_is_padded_with_zeros_to_the_grid(letters):
    positions = [5, 2, 60]
    padded, lengths = padded_batch(letters.train, letters.normaliser, positions)
    assert lengths == [letters.train.frames[i] for i in positions]
    assert padded.dtype == np.float32
    assert padded.shape[1] == -(-max(lengths) // 8) * 8  # the grid has steps of 8
    expected = normalised(letters.train, letters.normaliser, positions)
    for row, features in zip(padded, expected, strict=True):
        np.testing.assert_allclose(row[: len(features)], features, rtol=1e-6)
        assert not row[len(features) :].any()


def test_joined_stretches_are_the_utterances_in_their_order():
    part = made_up(7, 5, 12)
    stretches = joined(part, PLAIN, frames=10, count=5)
    assert [stretch.shape for stretch in stretches] == [(10, FEATURES)] * 5
    once = np.concatenate(part.rows.read(range(3)))  # 24 frames, then again the first
    expected = np.concatenate([once, once, once])[:50]
    np.testing.assert_array_equal(np.concatenate(stretches), expected)


def test_joined_stretches_are_normalised(letters):
    (found,) = joined(letters.validation, letters.normaliser, frames=30, count=1)
    (first,) = normalised(letters.validation, letters.normaliser, [0])
    np.testing.assert_allclose(found, first[:30], rtol=1e-6)


def test_a_text_outside_the_alphabet_is_named():
    with pytest.raises(ValueError, match="'é', for which the letters"):
        _ = replace(made_up(5), texts=("café",)).labels


@pytest.mark.parametrize("there_already", [True, False])
def test_torch_stays_out_of_a_process_that_only_needs_features(
    tones, tmp_path, there_already
):
    """Features that are missing are made by another process."""
    cache, corpus = tmp_path / "cache", tmp_path / "corpus.pickle"
    if there_already:
        for split in ("train", "validation"):
            write_features(tones, split, cache)
    corpus.write_bytes(pickle.dumps(tones))
    program = f"""
import pickle, sys
from pathlib import Path
from workloads.wav2letter import dataset, symbols
corpus = pickle.loads(Path({str(corpus)!r}).read_bytes())
found = dataset.of_corpus(corpus, symbols.LETTERS, Path({str(cache)!r}))
print(len(found.train.rows.read([0])[0]), found.normaliser.mean.shape, found.checksum)
assert "torch" not in sys.modules
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    frames = utterance_frames(tones.train[0])
    assert done.stdout.strip() == f"{frames} (40,) {tones.checksum}"
