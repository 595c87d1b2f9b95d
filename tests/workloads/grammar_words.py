"""What a grammar can say."""

from collections.abc import Mapping, Sequence

from workloads.corpora.grammar import grammar_of


def rules_of(language: str) -> Mapping[str, Sequence[str]]:
    """The alternatives of every symbol."""
    grammar = grammar_of(language)
    return {**grammar.structure, **grammar.words}


def tokens_of(language: str) -> set[str]:
    """All symbols and words of all alternatives."""
    return {
        token
        for alternatives in rules_of(language).values()
        for alternative in alternatives
        for token in alternative.split()
    }


def words_of(language: str) -> set[str]:
    return tokens_of(language) - set(rules_of(language))
