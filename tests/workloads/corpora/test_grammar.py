"""The grammar draws varied sentences, and never one for both splits."""

import re
from itertools import chain

import numpy as np
import pytest
from grammar_words import rules_of, tokens_of, words_of

from workloads.corpora import grammar
from workloads.corpora.utterance import ALPHABET, check_transcript

DRAWS = 3_000
WORDS = words_of(grammar.ENGLISH)


@pytest.fixture(scope="module")
def drawn() -> dict[bool, list[str]]:
    rng = np.random.default_rng(0)
    return {
        validation: [grammar.draw_sentence(rng, validation) for _ in range(DRAWS)]
        for validation in (False, True)
    }


def test_there_are_over_800_words_in_the_alphabet() -> None:
    assert len(WORDS) > 800
    assert all(re.fullmatch("[a-z]+('[a-z]+)?", word) for word in WORDS)


@pytest.mark.parametrize("language", [grammar.ENGLISH, grammar.MANDARIN])
def test_every_symbol_has_a_rule_and_is_used(language: str) -> None:
    symbols = {token for token in tokens_of(language) if re.fullmatch("[A-Z_]+", token)}
    assert symbols == set(rules_of(language)) - {"SENTENCE"}


def test_sentences_have_1_to_12_words_and_every_length_occurs(
    drawn: dict[bool, list[str]],
) -> None:
    lengths = {len(sentence.split()) for sentence in chain(*drawn.values())}
    assert lengths == set(range(1, 13))


def test_sentences_are_spelled_in_the_alphabet(drawn: dict[bool, list[str]]) -> None:
    sentences = list(chain(*drawn.values()))
    assert set("".join(sentences)) <= set(ALPHABET)
    for sentence in sentences:
        check_transcript("drawn", sentence)


def test_every_word_is_drawn_sooner_or_later(drawn: dict[bool, list[str]]) -> None:
    spoken = set(" ".join(chain(*drawn.values())).split())
    assert spoken <= WORDS
    assert len(spoken) > 0.99 * len(WORDS)


def test_no_sentence_is_in_both_splits(drawn: dict[bool, list[str]]) -> None:
    assert set(drawn[False]).isdisjoint(drawn[True])
    assert not any(map(grammar.is_validation, drawn[False]))
    assert all(map(grammar.is_validation, drawn[True]))


def test_the_same_generator_state_draws_the_same_sentence() -> None:
    first, again, other = (
        grammar.draw_sentence(np.random.default_rng(seed), False) for seed in (1, 1, 2)
    )
    assert first == again != other


def test_the_first_words_of_a_class_are_the_frequent_ones() -> None:
    rng = np.random.default_rng(0)
    drawn = np.array([grammar._zipf(rng, 100) for _ in range(20_000)])
    # P(rank 0) = log 2 / log 101 = 0.150, P(rank 1) = log 1.5 / log 101 = 0.088
    assert abs((drawn == 0).mean() - 0.150) < 0.01
    assert abs((drawn == 1).mean() - 0.088) < 0.01
    assert drawn.max() == 99
