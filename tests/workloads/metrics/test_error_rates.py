"""Error rates keep counts, pool them, and bound them by a paired bootstrap."""

from collections.abc import Callable

import numpy as np
import pytest

from workloads.metrics import bootstrap
from workloads.metrics.error_rates import (
    ErrorRate,
    character_errors,
    levenshtein_distances,
    max_character_errors,
    phoneme_errors,
    word_errors,
)


def plain_edit_distance(a: list[str], b: list[str]) -> int:
    """Levenshtein distance by the textbook's recurrence."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, start=1):
        previous, row[0] = row[0], i
        for j, y in enumerate(b, start=1):
            previous, row[j] = (
                row[j],
                min(row[j] + 1, row[j - 1] + 1, previous + (x != y)),
            )
    return row[-1]


def test_each_kind_of_word_edit_counts_once() -> None:
    references = ["the cat sat", "the cat sat", "the cat sat", "the cat sat"]
    hypotheses = ["the cat sat", "the dog sat", "the sat", "the cat sat down"]
    score = word_errors(references, hypotheses)
    assert score == ErrorRate("wer", (0, 1, 1, 1), (3, 3, 3, 3))
    assert score.value == 3 / 12


def test_words_are_pooled_and_not_averaged_by_utterance() -> None:
    score = word_errors(["no", "a b c d e f g h i"], ["yes", "a b c d e f g h i"])
    assert score.value == 1 / 10


def test_spaces_are_characters() -> None:
    score = character_errors(["a cat"], ["acat"])
    assert score == ErrorRate("cer", (1,), (5,))


def test_the_two_character_rates_differ_where_the_hypothesis_is_longer() -> None:
    references, hypotheses = ["cat", "dogs"], ["cation", "dog"]
    assert character_errors(references, hypotheses) == ErrorRate("cer", (3, 1), (3, 4))
    assert max_character_errors(references, hypotheses) == ErrorRate(
        "cer_max", (3, 1), (6, 4)
    )


def test_phonemes_are_counted_whole() -> None:
    score = phoneme_errors(["dh ah k ae t", "s ih t"], ["dh ah k ah t", "s t"])
    assert score == ErrorRate("per", (1, 1), (5, 3))
    assert score.value == 2 / 8


def test_the_levenshtein_distance_is_averaged_over_utterances_of_any_length() -> None:
    score = levenshtein_distances(["kitten", "a"], ["sitting", "a"])
    assert score == ErrorRate("levenshtein", (3, 0), (1, 1))
    assert score.value == 1.5


def test_surplus_spaces_do_not_count() -> None:
    assert character_errors(["a  cat "], [" a cat"]).errors == (0,)
    assert max_character_errors(["a cat"], ["  a   cat"]).lengths == (5,)


def test_edit_counts_agree_with_a_plain_edit_distance() -> None:
    rng = np.random.default_rng(0)
    references, hypotheses = (
        [" ".join(rng.choice(list("abc"), size=rng.integers(8))) for _ in range(200)]
        for _ in range(2)
    )
    pairs = list(zip(references, hypotheses, strict=True))
    assert word_errors(references, hypotheses).errors == tuple(
        plain_edit_distance(r.split(), h.split()) for r, h in pairs
    )
    assert character_errors(references, hypotheses).errors == tuple(
        plain_edit_distance(list(r), list(h)) for r, h in pairs
    )


def test_an_empty_reference_adds_errors_and_no_length() -> None:
    score = word_errors(["", "a b"], ["x y z", "a b"])
    assert score == ErrorRate("wer", (3, 0), (0, 2))
    assert score.value == 1.5
    assert max_character_errors([""], ["xyz"]).value == 1.0


def test_a_rate_over_empty_references_alone_is_refused() -> None:
    score = word_errors(["", ""], ["a", ""])
    with pytest.raises(ValueError, match="wer over 2 utterances of total length 0"):
        _ = score.value
    with pytest.raises(ValueError, match="total length 0"):
        score.interval()


@pytest.mark.parametrize(
    "measure",
    [word_errors, character_errors, phoneme_errors, levenshtein_distances],
)
def test_unpaired_or_absent_sentences_are_refused(
    measure: Callable[[list[str], list[str]], ErrorRate],
) -> None:
    with pytest.raises(ValueError, match="2 references and 1 hypotheses"):
        measure(["a", "b"], ["a"])
    with pytest.raises(ValueError, match="0 references and 0 hypotheses"):
        measure([], [])


def test_counts_without_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        _ = ErrorRate("wer", (1, 2), (3,)).value


def test_adding_joins_the_utterances() -> None:
    total = ErrorRate("wer", (1,), (2,)) + ErrorRate("wer", (0, 3), (4, 4))
    assert total == ErrorRate("wer", (1, 0, 3), (2, 4, 4))
    assert (total.n, total.value) == (3, 0.4)


def test_adding_different_measures_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot add cer to wer"):
        ErrorRate("wer", (1,), (2,)) + ErrorRate("cer", (1,), (2,))


def test_the_interval_is_the_known_one_for_a_coin(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bootstrap, "RESAMPLES", 20_000)
    # 400 words, half of them wrong, one a sentence: 0.5 +- 1.96 * sqrt(0.25 / 400).
    score = ErrorRate("wer", (0, 1) * 200, (1,) * 400)
    low, high = score.interval()
    assert low == pytest.approx(0.5 - 0.049, abs=0.003)
    assert high == pytest.approx(0.5 + 0.049, abs=0.003)


def test_equal_utterances_leave_no_uncertainty() -> None:
    assert ErrorRate("wer", (1,) * 9, (4,) * 9).interval() == (0.25, 0.25)


def test_drawing_in_chunks_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    score = ErrorRate("wer", (0, 1, 2, 0, 5, 1), (7, 5, 9, 4, 8, 6))
    whole = score.interval()
    monkeypatch.setattr(bootstrap, "_CHUNK_DRAWS", 60)
    assert score.interval() == whole


def test_resamples_of_empty_references_are_left_out() -> None:
    low, high = ErrorRate("wer", (0, 1), (0, 2)).interval()
    assert (low, high) == (0.5, 0.5)


def test_pairing_sees_a_difference_that_the_intervals_hide() -> None:
    rng = np.random.default_rng(0)
    errors = tuple(int(e) for e in rng.integers(0, 9, size=50))
    a = ErrorRate("wer", errors, (10,) * 50)
    b = ErrorRate("wer", tuple(e + 1 for e in errors), (10,) * 50)
    assert a.interval()[1] > b.interval()[0]
    difference = b.minus(a)
    assert difference.value == pytest.approx(0.1)
    assert difference.low == pytest.approx(0.1)
    assert difference.high == pytest.approx(0.1)


def test_the_difference_changes_sign_with_the_order() -> None:
    a = ErrorRate("wer", (0, 1, 2), (5, 5, 5))
    b = ErrorRate("wer", (1, 1, 4), (5, 5, 5))
    forth, back = b.minus(a), a.minus(b)
    assert forth.value == pytest.approx(0.2)
    assert (forth.low, forth.high) == pytest.approx((-back.high, -back.low))


def test_different_utterances_or_measures_are_not_paired() -> None:
    a = ErrorRate("wer", (1,), (2,))
    with pytest.raises(ValueError, match="wer over 1 utterances and wer over 2"):
        a.minus(a + a)
    with pytest.raises(ValueError, match="cannot be paired"):
        a.minus(ErrorRate("cer", (1,), (2,)))


@pytest.mark.parametrize("counts", [((), ()), ((0, 0), (0, 0))])
def test_a_difference_of_nothing_is_refused_like_its_value(
    counts: tuple[tuple[int, ...], tuple[int, ...]],
) -> None:
    nothing = ErrorRate("wer", *counts)
    with pytest.raises(ValueError) as undefined:  # noqa: PT011  its text is compared
        _ = nothing.value
    with pytest.raises(ValueError) as refused:  # noqa: PT011
        nothing.minus(nothing)
    assert str(refused.value) == str(undefined.value)


def test_a_rate_is_known_as_any_score_by_value_items_and_direction() -> None:
    score = ErrorRate("wer", (1, 0, 3), (2, 4, 4))
    assert score.value == 0.4
    assert score.per_item == [(1, 2), (0, 4), (3, 4)]
    assert score.better == "lower"
