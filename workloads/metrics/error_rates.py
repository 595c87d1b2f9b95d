"""Word, character and phoneme error rates that keep their counts.

Axes: `N` utterances, `R` bootstrap resamples.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import jiwer
import numpy as np

from basics.metric_kinds import Better
from workloads.metrics.bootstrap import (
    Difference,
    percentile_interval,
    resampled_sums,
)
from workloads.metrics.scores import Score


@dataclass(frozen=True)
class ErrorRate:
    """Edits per utterance and the lengths that they are counted against.

    Rates are pooled: all edits over all lengths. Two error rates are combined by adding
    them, which joins their utterances.
    """

    better: ClassVar[Better] = "lower"
    name: str
    errors: tuple[int, ...]
    lengths: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.errors) != len(self.lengths):
            raise ValueError(
                f"{self.name}: {len(self.errors)} error counts for {len(self.lengths)} "
                "lengths, expected one each per utterance"
            )

    @property
    def n(self) -> int:
        """How many utterances were scored."""
        return len(self.errors)

    @property
    def rate(self) -> float:
        """All edits over all lengths, as a fraction.

        Raises ValueError if the lengths add up to nothing.

        >>> ErrorRate("wer", errors=(1, 0), lengths=(2, 8)).rate
        0.1
        """
        total = sum(self.lengths)
        if total == 0:
            raise ValueError(
                f"{self.name} over {self.n} utterances of total length 0 is undefined: "
                "score at least one reference that is not empty"
            )
        return sum(self.errors) / total

    @property
    def value(self) -> float:
        """The rate."""
        return self.rate

    @property
    def per_item(self) -> list[tuple[float, float]]:
        """The edits and the length of each utterance."""
        return list(zip(self.errors, self.lengths, strict=True))

    def interval(
        self, level: float = 0.95, resamples: int = 1000, seed: int = 0
    ) -> tuple[float, float]:
        """The percentile bootstrap interval of the rate, over utterances.

        Bisani and Ney, "Bootstrap estimates for confidence intervals in ASR performance
        evaluation", ICASSP 2004. Words within an utterance depend on each other, so
        whole utterances are drawn. Raises ValueError where the rate is undefined.
        """
        self.rate  # noqa: B018  an undefined rate has no interval: raises
        return percentile_interval(_resampled_rates((self,), resamples, seed)[0], level)

    def minus(
        self, baseline: Score, level: float = 0.95, resamples: int = 1000, seed: int = 0
    ) -> Difference:
        """How much higher this rate is than the baseline's over the same utterances in
        the same order.

        Each resample draws the same utterances for both (Bisani and Ney 2004, as
        above), so that what makes an utterance hard for both cancels. An interval that
        excludes 0 is a difference that another draw of utterances would confirm.
        Raises ValueError where the two cannot be paired.
        """
        if (
            not isinstance(baseline, ErrorRate)
            or baseline.name != self.name
            or baseline.n != self.n
        ):
            raise ValueError(
                f"{self.name} over {self.n} utterances and {baseline.name} over "
                f"{baseline.n} cannot be paired: score both systems by the same "
                "measure on the same utterances"
            )
        before, after = _resampled_rates((baseline, self), resamples, seed)
        interval = percentile_interval(after - before, level)
        return Difference(self.rate - baseline.rate, *interval)

    def __add__(self, other: "ErrorRate") -> "ErrorRate":
        if self.name != other.name:
            raise ValueError(
                f"cannot add {other.name} to {self.name}: they count different things"
            )
        return ErrorRate(
            self.name, self.errors + other.errors, self.lengths + other.lengths
        )


def word_errors(references: Sequence[str], hypotheses: Sequence[str]) -> ErrorRate:
    """`wer`: word edits over the words of the reference.

    An empty reference adds its insertions to the edits and nothing to the length.

    >>> word_errors(["a cat sat"], ["the cat sat down"])
    ErrorRate(name='wer', errors=(2,), lengths=(3,))
    """
    references, hypotheses = _paired(references, hypotheses)
    return ErrorRate(
        "wer",
        _edits(jiwer.process_words(references, hypotheses)),
        tuple(len(reference.split()) for reference in references),
    )


def phoneme_errors(references: Sequence[str], hypotheses: Sequence[str]) -> ErrorRate:
    """`per`: phoneme edits over the phonemes of the reference.

    Both are phonemes with spaces between them.

    >>> phoneme_errors(["k ae t"], ["k ah t s"])
    ErrorRate(name='per', errors=(2,), lengths=(3,))
    """
    return replace(word_errors(references, hypotheses), name="per")


def character_errors(references: Sequence[str], hypotheses: Sequence[str]) -> ErrorRate:
    """`cer`: character edits over the characters of the reference, spaces included.

    An empty reference adds its insertions to the edits and nothing to the length.
    """
    references, hypotheses = _paired(references, hypotheses)
    return ErrorRate(
        "cer",
        _edits(jiwer.process_characters(references, hypotheses)),
        tuple(len(reference) for reference in references),
    )


def max_character_errors(
    references: Sequence[str], hypotheses: Sequence[str]
) -> ErrorRate:
    """`cer_max`: character edits over the longer of reference and hypothesis.

    Baunsgaard, Wrede and Tozun, "Training for Speech Recognition on Co-processors",
    eq. 3, which defines it for one utterance: e(x, y) / max(|x|, |y|), never above 1.
    How utterances are combined is not said there; here they are pooled, like `cer`.
    """
    references, hypotheses = _paired(references, hypotheses)
    return ErrorRate(
        "cer_max",
        character_errors(references, hypotheses).errors,
        tuple(
            max(len(reference), len(hypothesis))
            for reference, hypothesis in zip(references, hypotheses, strict=True)
        ),
    )


def levenshtein_distances(
    references: Sequence[str], hypotheses: Sequence[str], spaced: bool = False
) -> ErrorRate:
    """`levenshtein`: edits an utterance, however long it is: of characters, or of
    symbols where texts are `spaced`, as phonemes are.

    The measure of Yanamandra et al., "Quantization of CNN-based Language Models".

    >>> levenshtein_distances(["a cat", "dogs"], ["a cat", "dig"]).rate
    1.0
    >>> levenshtein_distances(["K AE T"], ["K AO T S"], spaced=True).rate
    2.0
    """
    count = phoneme_errors if spaced else character_errors
    errors = count(references, hypotheses).errors
    return ErrorRate("levenshtein", errors, (1,) * len(errors))


def _paired(
    references: Sequence[str], hypotheses: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Both as lists, with single spaces between words."""
    if len(references) != len(hypotheses) or not references:
        raise ValueError(
            f"{len(references)} references and {len(hypotheses)} hypotheses: give one "
            "hypothesis for each reference, and at least one"
        )
    return (
        [" ".join(reference.split()) for reference in references],
        [" ".join(hypothesis.split()) for hypothesis in hypotheses],
    )


def _edits(output: jiwer.WordOutput | jiwer.CharacterOutput) -> tuple[int, ...]:
    """Insertions, deletions and substitutions per utterance."""
    return tuple(
        sum(
            max(
                chunk.ref_end_idx - chunk.ref_start_idx,
                chunk.hyp_end_idx - chunk.hyp_start_idx,
            )
            for chunk in alignment
            if chunk.type != "equal"
        )
        for alignment in output.alignments
    )


def _resampled_rates(
    scores: Sequence[ErrorRate], resamples: int, seed: int
) -> list[np.ndarray]:
    """Pooled rates of the same resamples for each score, each of shape (R,).

    A resample whose references are all empty has no rate and is NaN.
    """
    columns = [column for score in scores for column in (score.errors, score.lengths)]
    sums = resampled_sums(columns, resamples, seed)
    return [
        errors / np.where(lengths > 0, lengths, np.nan)
        for errors, lengths in zip(sums[::2], sums[1::2], strict=True)
    ]
