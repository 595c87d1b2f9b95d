"""A corpus of tones: too little to learn speech from, enough to run on."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from workloads.corpora.utterance import SAMPLE_RATE_HZ, Corpus, Utterance

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
