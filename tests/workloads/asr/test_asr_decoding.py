import builtins

import numpy as np
import pytest

from workloads.asr.alphabet import ALPHABET, BLANK
from workloads.asr.decoding import (
    LexiconBeamDecoder,
    best_path,
)

encode = ALPHABET.encode
WORDS = ["the", "cool", "cat", "it's"]


def emissions(text, doubt=0.0):
    """Log-probabilities (U, 30) that spell `text`; `doubt` goes to 'a' and 'o'
    evenly."""
    path = [x for label in encode(text) for x in (label, BLANK)]
    log_probs = np.full((len(path), 30), -8.0, np.float32)
    log_probs[range(len(path)), path] = -0.1
    log_probs[:, encode("ao")] += doubt
    return log_probs


@pytest.mark.parametrize("text", ["the cool cat", "cot"])
def test_the_best_path_may_write_any_word(text):
    assert best_path(emissions(text)) == text


@pytest.mark.parametrize("text", ["the cool cat", "it's the cat"])
def test_the_beam_search_reads_words_of_the_lexicon(text):
    assert LexiconBeamDecoder(WORDS, beam_width=16).decode(emissions(text)) == text


def test_the_beam_search_writes_no_word_outside_the_lexicon():
    decoder = LexiconBeamDecoder(WORDS, beam_width=16)
    assert decoder.decode(emissions("the cot", doubt=2.0)) == "the cat"


def test_a_wider_beam_finds_what_a_narrow_one_lost():
    # "b" leads at first, but the only word with it ends in improbable letters.
    words = ["bzz", "cat"]
    log_probs = emissions("cat")
    log_probs[0, encode("b")] = 0.5
    log_probs[0, BLANK] = -9.0
    narrow = LexiconBeamDecoder(words, 1).decode(log_probs)
    wide = LexiconBeamDecoder(words, 32).decode(log_probs)
    assert wide == "cat"
    assert narrow != wide


def test_the_paths_of_a_word_are_added_up():
    """Best path: "a" by .4 x .6 = .24 before "b" by .3 x .6 = .18. Of all paths, "b"
    has .18 + .3 x .4 (b, b) + .3 x .4 (blank, b) = .42."""
    probs = np.full((2, 30), 1e-9, np.float32)
    for frame, (a, b, blank) in enumerate([(0.4, 0.3, 0.3), (1e-9, 0.4, 0.6)]):
        probs[frame, [*encode("ab"), BLANK]] = a, b, blank
    decoder = LexiconBeamDecoder(["a", "b"], beam_width=64)
    assert decoder.decode(np.log(probs)) == "b"


def test_an_empty_lexicon_is_refused():
    with pytest.raises(ValueError, match="lexicon is empty"):
        LexiconBeamDecoder([], 16)


def test_a_beam_that_keeps_nothing_is_refused():
    with pytest.raises(ValueError, match="a beam of 0 keeps nothing: use 1 or more"):
        LexiconBeamDecoder(WORDS, 0)


def test_a_missing_flashlight_names_the_package_to_install(monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name == "torchaudio.models.decoder":
            raise ImportError("no flashlight")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match="pip install flashlight-text"):
        LexiconBeamDecoder(WORDS, 16)
