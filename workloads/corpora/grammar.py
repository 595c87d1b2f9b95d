"""Sentences for the built-in corpora, drawn from a context-free grammar.

A rule maps a symbol (upper case) to its alternatives; an alternative is a row of
symbols and words (lower case). Alternatives are drawn evenly: one that stands in a rule
twice is drawn twice as often.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from workloads.corpora import vocabulary

MAX_WORDS = 12
VALIDATION_SHARE = 8  # one sentence in eight belongs to validation

STRUCTURE: dict[str, tuple[str, ...]] = {
    "SENTENCE": (
        "STATEMENT",
        "STATEMENT",
        "STATEMENT",
        "STATEMENT",
        "STATEMENT TIME",
        "STATEMENT TIME",
        "TIME STATEMENT",
        "STATEMENT because STATEMENT",
        "STATEMENT but STATEMENT",
        "when STATEMENT STATEMENT",
        "COMMAND",
        "COMMAND",
        "QUESTION",
        "QUESTION",
        "OPINION",
        "AMOUNT",
        "ANSWER",
    ),
    "STATEMENT": (
        "SUBJECT TRANSITIVE OBJECT",
        "SUBJECT TRANSITIVE OBJECT PLACED",
        "SUBJECT TRANSITIVE OBJECT and INTRANSITIVE",
        "SUBJECT ADVERB TRANSITIVE OBJECT",
        "SUBJECT INTRANSITIVE PLACED",
        "SUBJECT INTRANSITIVE ADVERB",
        "SUBJECT and SUBJECT TRANSITIVE OBJECT",
        "SUBJECT NEGATED BASE_VERB OBJECT",
        "SUBJECT was ADJECTIVE and ADJECTIVE",
        "there were NUMBER PLURAL PLACED",
    ),
    "COMMAND": (
        "BASE_VERB OBJECT",
        "BASE_VERB OBJECT PLACED",
        "please BASE_VERB OBJECT",
        "don't BASE_VERB OBJECT TIME",
        "BASE_VERB NUMBER PLURAL and NUMBER PLURAL",
        "let's BASE_VERB OBJECT ADVERB",
    ),
    "QUESTION": (
        "did SUBJECT BASE_VERB OBJECT",
        "where did NAME BASE_VERB OBJECT",
        "why didn't SUBJECT BASE_VERB OBJECT",
        "who TRANSITIVE OBJECT TIME",
        "how many PLURAL did SUBJECT BASE_VERB",
        "what happened PLACED TIME",
        "can you BASE_VERB OBJECT",
        "when will SUBJECT BASE_VERB OBJECT",
    ),
    "OPINION": (
        "i think that OBJECT is too ADJECTIVE",
        "it's ADJECTIVE and ADJECTIVE",
        "they're ADJECTIVE PLURAL",
        "we're CLOSE PLACED",
        "i'm ADJECTIVE TIME",
        "that isn't OBJECT",
        "NAME has an old ANIMAL and some ADJECTIVE PLURAL",
    ),
    "AMOUNT": (
        "NUMBER DURATION",
        "NUMBER QUANTITY",
        "NUMBER PLURAL",
        "NUMBER hundred and NUMBER",
        "NUMBER thousand NUMBER hundred",
        "it costs NUMBER dollars",
        "on DAY the NUMBER of MONTH",
        "about NUMBER QUANTITY PLACED",
    ),
    "ANSWER": (
        "SHORT_ANSWER",
        "SHORT_ANSWER SHORT_ANSWER",
        "SHORT_ANSWER NAME",
        "NAME",
        "ADVERB",
        "THING",
        "NUMBER",
        "ADJECTIVE THING",
    ),
    "SUBJECT": (
        "NAME",
        "NAME",
        "PRONOUN",
        "DETERMINER PERSON",
        "DETERMINER ADJECTIVE PERSON",
        "DETERMINER ANIMAL",
        "DETERMINER ADJECTIVE ANIMAL",
    ),
    "OBJECT": (
        "DETERMINER THING",
        "DETERMINER THING",
        "DETERMINER ADJECTIVE THING",
        "DETERMINER ADJECTIVE THING",
        "NUMBER PLURAL",
        "ADJECTIVE PLURAL",
        "DETERMINER ANIMAL",
        "DETERMINER PERSON",
    ),
    "PLACED": (
        "PREPOSITION DETERMINER PLACE",
        "PREPOSITION DETERMINER ADJECTIVE PLACE",
        "at the PLACE",
    ),
    "TIME": (
        "RELATIVE_DAY",
        "on DAY",
        "on DAY PART_OF_DAY",
        "in MONTH",
        "before OCCASION",
        "after OCCASION",
        "NUMBER DURATION ago",
    ),
    "NUMBER": ("UNIT", "TEEN", "TEN", "TEN UNIT"),
    "NEGATED": ("didn't", "couldn't", "wouldn't", "won't", "can't", "shouldn't"),
    "PRONOUN": ("he", "she", "we", "they", "i", "you", "nobody", "somebody"),
    "CLOSE": ("already", "still", "nearly", "not", "just", "only"),
}

WORD_CLASSES: dict[str, Sequence[str]] = {
    "NAME": vocabulary.NAMES,
    "PERSON": vocabulary.PEOPLE,
    "ANIMAL": vocabulary.ANIMALS,
    "THING": vocabulary.THINGS,
    "PLURAL": vocabulary.PLURALS,
    "PLACE": vocabulary.PLACES,
    "ADJECTIVE": vocabulary.ADJECTIVES,
    "TRANSITIVE": vocabulary.TRANSITIVE,
    "INTRANSITIVE": vocabulary.INTRANSITIVE,
    "BASE_VERB": vocabulary.BASE_VERBS,
    "ADVERB": vocabulary.ADVERBS,
    "DAY": vocabulary.DAYS,
    "MONTH": vocabulary.MONTHS,
    "RELATIVE_DAY": vocabulary.RELATIVE_DAYS,
    "PART_OF_DAY": vocabulary.PARTS_OF_DAY,
    "OCCASION": vocabulary.OCCASIONS,
    "UNIT": vocabulary.UNITS,
    "TEEN": vocabulary.TEENS,
    "TEN": vocabulary.TENS,
    "PREPOSITION": vocabulary.PREPOSITIONS,
    "DETERMINER": vocabulary.DETERMINERS,
    "SHORT_ANSWER": vocabulary.SHORT_ANSWERS,
    "DURATION": vocabulary.DURATIONS,
    "QUANTITY": vocabulary.QUANTITIES,
}

RULES: dict[str, Sequence[str]] = {**STRUCTURE, **WORD_CLASSES}


@dataclass(frozen=True)
class Grammar:
    """Of one language: rules whose alternatives are drawn evenly, classes of words
    that are drawn by their rank, and what stands between words."""

    structure: Mapping[str, Sequence[str]]
    word_classes: Mapping[str, Sequence[str]]
    space: str = " "


ENGLISH = Grammar(STRUCTURE, WORD_CLASSES)


def words() -> frozenset[str]:
    """Every word that an English sentence can hold."""
    return frozenset(
        token
        for alternatives in RULES.values()
        for alternative in alternatives
        for token in alternative.split()
        if token not in RULES
    )


def is_validation(sentence: str) -> bool:
    """Whether the sentence belongs to validation; no sentence belongs to both."""
    return zlib.crc32(sentence.encode()) % VALIDATION_SHARE == 0


def draw_sentence(
    rng: np.random.Generator, validation: bool, grammar: Grammar = ENGLISH
) -> str:
    """A sentence of 1 to 12 words that belongs to the split asked for."""
    while True:
        tokens = _expand("SENTENCE", rng, grammar)
        sentence = grammar.space.join(tokens)
        if len(tokens) <= MAX_WORDS and is_validation(sentence) == validation:
            return sentence


def _expand(symbol: str, rng: np.random.Generator, grammar: Grammar) -> list[str]:
    if words := grammar.word_classes.get(symbol):
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
