"""Word, character and phoneme error rates that keep their counts.

Axes: `N` utterances, `R` bootstrap resamples.
"""

from collections.abc import Callable, Sequence, Sized
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import jiwer

from basics.metric_kinds import Better
from workloads.metrics.bootstrap import Pooled


@dataclass(frozen=True)
class ErrorRate(Pooled):
    """Edits per utterance and the lengths that they are counted against: an empty
    reference adds its insertions to the edits and nothing to the length.

    >>> ErrorRate("wer", errors=(1, 0), lengths=(2, 8)).value
    0.1
    """

    better: ClassVar[Better] = "lower"
    items = "utterances"
    none_left = (
        "utterances of total length 0 is undefined: score at least one reference that "
        "is not empty"
    )
    errors: tuple[int, ...]
    lengths: tuple[int, ...]

    @property
    def per_item(self) -> list[tuple[float, float]]:
        """The edits and the length of each utterance."""
        return list(zip(self.errors, self.lengths, strict=True))

    def __add__(self, other: Self) -> Self:
        self.check_same_measure(other)
        errors, lengths = self.errors + other.errors, self.lengths + other.lengths
        return replace(self, errors=errors, lengths=lengths)


def word_errors(references: Sequence[str], hypotheses: Sequence[str]) -> ErrorRate:
    """`wer`: word edits over the words of the reference.

    >>> word_errors(["a cat sat"], ["the cat sat down"])
    ErrorRate(name='wer', errors=(2,), lengths=(3,))
    """
    return _errors("wer", references, hypotheses, jiwer.process_words, str.split)


def phoneme_errors(references: Sequence[str], hypotheses: Sequence[str]) -> ErrorRate:
    """`per`: phoneme edits over the phonemes, with spaces between them.

    >>> phoneme_errors(["k ae t"], ["k ah t s"])
    ErrorRate(name='per', errors=(2,), lengths=(3,))
    """
    return replace(word_errors(references, hypotheses), name="per")


def character_errors(references: Sequence[str], hypotheses: Sequence[str]) -> ErrorRate:
    """`cer`: character edits over the characters of the reference, spaces included."""
    return _errors("cer", references, hypotheses, jiwer.process_characters, str)


def max_character_errors(
    references: Sequence[str], hypotheses: Sequence[str]
) -> ErrorRate:
    """`cer_max`: character edits over the longer of reference and hypothesis.

    Baunsgaard, Wrede and Tozun, "Training for Speech Recognition on Co-processors",
    eq. 3, which defines it for one utterance: e(x, y) / max(|x|, |y|), never above 1.
    How utterances are combined is not said there; here they are pooled, like `cer`.
    """
    counted = character_errors(references, hypotheses)
    lengths = map(max, counted.lengths, map(len, map(_single_spaced, hypotheses)))
    return ErrorRate("cer_max", counted.errors, tuple(lengths))


def levenshtein_distances(
    references: Sequence[str], hypotheses: Sequence[str], spaced: bool = False
) -> ErrorRate:
    """`levenshtein`: edits an utterance, however long it is: of characters, or of
    symbols where texts are `spaced`, as phonemes are.

    The measure of Yanamandra et al., "Quantization of CNN-based Language Models".

    >>> levenshtein_distances(["a cat", "dogs"], ["a cat", "dig"]).value
    1.0
    >>> levenshtein_distances(["K AE T"], ["K AO T S"], spaced=True).value
    2.0
    """
    count = phoneme_errors if spaced else character_errors
    errors = count(references, hypotheses).errors
    return ErrorRate("levenshtein", errors, (1,) * len(errors))


def _single_spaced(text: str) -> str:
    return " ".join(text.split())


def _errors(
    name: str,
    references: Sequence[str],
    hypotheses: Sequence[str],
    process: Callable[[list[str], list[str]], Any],
    symbols: Callable[[str], Sized],
) -> ErrorRate:
    """Insertions, deletions and substitutions of each utterance, over its symbols."""
    if len(references) != len(hypotheses) or not references:
        raise ValueError(
            f"{len(references)} references and {len(hypotheses)} hypotheses: give one "
            "hypothesis for each reference, and at least one"
        )
    references, hypotheses = (
        [_single_spaced(text) for text in texts] for texts in (references, hypotheses)
    )
    edits = tuple(
        sum(
            max(
                part.ref_end_idx - part.ref_start_idx,
                part.hyp_end_idx - part.hyp_start_idx,
            )
            for part in alignment
            if part.type != "equal"
        )
        for alignment in process(references, hypotheses).alignments
    )
    return ErrorRate(name, edits, tuple(len(symbols(one)) for one in references))
