import builtins

import pytest
import torch

from workloads.asr.alphabet import BLANK, encode
from workloads.asr.decoding import (
    GreedyDecoder,
    LexiconBeamDecoder,
    make_decoder,
    words_of,
)

WORDS = ["the", "cool", "cat", "it's"]


def emissions(*texts, doubt=0.0):
    """Log-probabilities that spell `texts`; `doubt` goes to 'a' and 'o' evenly."""
    paths = [[x for label in encode(text) for x in (label, BLANK)] for text in texts]
    lengths = torch.tensor([len(path) for path in paths])
    log_probs = torch.full((len(texts), int(lengths.max()), 30), -8.0)
    for row, path in zip(log_probs, paths, strict=True):
        row[range(len(path)), path] = -0.1
    log_probs[..., encode("ao")] += doubt
    return log_probs, lengths


def test_greedy_reads_the_best_path_of_each_utterance():
    assert GreedyDecoder().decode(*emissions("the cool cat", "cot")) == [
        "the cool cat",
        "cot",
    ]


def test_greedy_ignores_what_lies_beyond_the_length():
    log_probs, lengths = emissions("the cat", "cat")
    log_probs[1, lengths[1] :, encode("x")] = 0.0
    assert GreedyDecoder().decode(log_probs, lengths)[1] == "cat"


def test_the_beam_search_reads_words_of_the_lexicon():
    decoder = LexiconBeamDecoder(WORDS, beam_width=16)
    texts = ["the cool cat", "it's the cat"]
    assert decoder.decode(*emissions(*texts)) == texts


def test_the_beam_search_writes_no_word_outside_the_lexicon():
    decoder = LexiconBeamDecoder(WORDS, beam_width=16)
    (text,) = decoder.decode(*emissions("the cot", doubt=2.0))
    assert text == "the cat"


def test_a_wider_beam_finds_what_a_narrow_one_lost():
    # "b" leads at first, but the only word with it ends in improbable letters.
    words = ["bzz", "cat"]
    log_probs, lengths = emissions("cat")
    log_probs[0, 0, encode("b")] = 0.5
    log_probs[0, 0, BLANK] = -9.0
    narrow = LexiconBeamDecoder(words, 1).decode(log_probs, lengths)
    wide = LexiconBeamDecoder(words, 32).decode(log_probs, lengths)
    assert wide == ["cat"]
    assert narrow != wide


def test_the_paths_of_a_word_are_added_up():
    """Best path: "a" by .4 x .6 = .24 before "b" by .3 x .6 = .18. Of all paths, "b"
    has .18 + .3 x .4 (b, b) + .3 x .4 (blank, b) = .42."""
    log_probs = torch.full((1, 2, 30), 1e-9)
    for frame, (a, b, blank) in enumerate([(0.4, 0.3, 0.3), (1e-9, 0.4, 0.6)]):
        log_probs[0, frame, [*encode("ab"), BLANK]] = torch.tensor([a, b, blank])
    decoder = LexiconBeamDecoder(["a", "b"], beam_width=64)
    assert decoder.decode(log_probs.log(), torch.tensor([2])) == ["b"]


def test_the_lexicon_is_the_transcripts_words():
    assert words_of(["a cat", "a dog"]) == {"a", "cat", "dog"}


def test_a_beam_of_one_is_greedy():
    assert isinstance(make_decoder(1, WORDS), GreedyDecoder)
    assert make_decoder(64, WORDS).beam_width == 64


def test_an_empty_lexicon_is_refused():
    with pytest.raises(ValueError, match="lexicon is empty"):
        LexiconBeamDecoder([], 16)


def test_a_missing_flashlight_names_the_package_to_install(monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name == "torchaudio.models.decoder":
            raise ImportError("no flashlight")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match="pip install flashlight-text"):
        LexiconBeamDecoder(WORDS, 16)
