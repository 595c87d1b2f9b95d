"""Sentences for the built-in corpora, drawn from a context-free grammar.

A language is a file beside this one, such as english.toml, which says how it is read.
It is read when the first sentence is drawn: whoever finds a corpus in the cache draws
none.
"""

import tomllib
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

ENGLISH, MANDARIN = "english", "mandarin"
MAX_WORDS = 12
VALIDATION_SHARE = 8  # one sentence in eight belongs to validation


@dataclass(frozen=True)
class Grammar:
    """Of one language: rules whose alternatives are drawn evenly, classes of words
    that are drawn by their rank, what stands between words, and the accent that all of
    its speakers have, None where they have several."""

    structure: Mapping[str, Sequence[str]]
    words: Mapping[str, Sequence[str]]
    space: str
    accent: str | None = None


@cache
def grammar_of(language: str) -> Grammar:
    path = Path(__file__).with_name(f"{language}.toml")
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    words = {name: tuple(text.split()) for name, text in table.pop("words").items()}
    return Grammar(words=words, **table)


def is_validation(sentence: str) -> bool:
    """Whether the sentence belongs to validation; no sentence belongs to both."""
    return zlib.crc32(sentence.encode()) % VALIDATION_SHARE == 0


def draw_sentence(
    rng: np.random.Generator, validation: bool, language: str = ENGLISH
) -> str:
    """A sentence of 1 to 12 words that belongs to the split asked for."""
    grammar = grammar_of(language)
    while True:
        tokens = _expand("SENTENCE", rng, grammar)
        sentence = grammar.space.join(tokens)
        if len(tokens) <= MAX_WORDS and is_validation(sentence) == validation:
            return sentence


def _expand(symbol: str, rng: np.random.Generator, grammar: Grammar) -> list[str]:
    if words := grammar.words.get(symbol):
        chosen = words[_zipf(rng, len(words))]
    elif alternatives := grammar.structure.get(symbol):
        chosen = alternatives[int(rng.integers(len(alternatives)))]
    else:
        return [symbol]  # a word
    return [word for token in chosen.split() for word in _expand(token, rng, grammar)]


def _zipf(rng: np.random.Generator, n: int) -> int:
    """A rank from 0 to n - 1 with a probability of about 1 / (rank + 1), as words have
    in natural text (Zipf 1935): the integer part of a log-uniform draw."""
    return min(n - 1, int((n + 1) ** rng.random()) - 1)
