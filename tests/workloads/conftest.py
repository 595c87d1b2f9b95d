"""A corpus of tones: too little to learn speech from, enough to run on."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from separators import pairs_of_tones

from workloads.corpora.utterance import SAMPLE_RATE_HZ, Corpus, Utterance
from workloads.recognition.alphabet import Alphabet
from workloads.recognition.data import FeatureKind, Recordings, recordings_of
from workloads.separation.dataset import Dataset

WORDS = ("cool", "cat", "it's", "a", "bee", "dog")


def tone(directory: Path, number: int) -> Utterance:
    rng = np.random.default_rng(number)
    samples = int(rng.integers(8_000, 20_000))
    hertz = rng.uniform(100, 2000)
    audio = 0.3 * np.sin(2 * np.pi * hertz * np.arange(samples) / SAMPLE_RATE_HZ)
    audio += 0.01 * rng.standard_normal(samples)
    path = directory / f"{number}.wav"
    soundfile.write(path, audio, SAMPLE_RATE_HZ, subtype="PCM_16")
    words = rng.choice(WORDS, size=2)
    duration_s = samples / SAMPLE_RATE_HZ
    return Utterance(str(number), path, duration_s, "tone", " ".join(words))


@pytest.fixture(scope="session")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    directory = tmp_path_factory.mktemp("tones")
    utterances = tuple(tone(directory, number) for number in range(80))
    return Corpus("tones", "0" * 64, utterances[:70], utterances[70:], {})


@pytest.fixture(scope="session")
def feature_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("features")


@pytest.fixture(scope="session")
def spoken(tones: Corpus, feature_cache: Path) -> Recordings:
    """The tones as Deep Speech 2 takes them: 70 to train on and 10 to validate on, of
    51 to 126 frames."""
    from workloads.asr.alphabet import ALPHABET
    from workloads.asr.task import LOG_MEL_MFCC

    return recordings(tones, feature_cache, LOG_MEL_MFCC, ALPHABET)


@pytest.fixture(scope="session")
def letters(tones: Corpus, feature_cache: Path) -> Recordings:
    """The tones as Wav2Letter takes them."""
    from workloads.wav2letter.symbols import LETTERS
    from workloads.wav2letter.task import LOG_MEL

    return recordings(tones, feature_cache, LOG_MEL, LETTERS)


def recordings(
    corpus: Corpus, cache: Path, features: FeatureKind, alphabet: Alphabet
) -> Recordings:
    """With features that are made here: another process would take longer to start."""
    for split in ("train", "validation"):
        features.write(corpus, split, cache)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPEECHMARK_CACHE", str(cache))
        return recordings_of(corpus, features, alphabet)


@pytest.fixture(scope="session")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """12 pairs of tones to train on and 4 to validate on."""
    return pairs_of_tones(tmp_path_factory.mktemp("pairs"))
