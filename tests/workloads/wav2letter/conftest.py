"""A model so narrow that a test can train it, and tones to train it on."""

from pathlib import Path

import pytest
from workloads.wav2letter.dataset import Dataset, of_corpus

from workloads.corpora.utterance import Corpus
from workloads.wav2letter.sizes import Wav2LetterSize
from workloads.wav2letter.symbols import LETTERS


@pytest.fixture(scope="session")
def tiny() -> Wav2LetterSize:
    return Wav2LetterSize("wav2letter-tiny", 8, 16, LETTERS, dropout=0.1)


@pytest.fixture(scope="session")
def feature_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("features")


@pytest.fixture(scope="session")
def letters(tones: Corpus, feature_cache: Path) -> Dataset:
    """70 tones to train on and 10 to validate on, of 51 to 126 frames."""
    return of_corpus(tones, LETTERS, feature_cache)
