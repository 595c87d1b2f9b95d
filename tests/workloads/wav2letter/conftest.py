"""A model so narrow that a test can train it."""

import pytest

from workloads.wav2letter.sizes import Wav2LetterSize
from workloads.wav2letter.symbols import LETTERS


@pytest.fixture(scope="session")
def tiny() -> Wav2LetterSize:
    return Wav2LetterSize("wav2letter-tiny", 8, 16, LETTERS, dropout=0.1)
