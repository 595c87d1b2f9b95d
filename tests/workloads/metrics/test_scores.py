"""Scores of any kind have one interface, and are kept as plain values."""

import json

import pytest

from workloads.metrics.bootstrap import Difference
from workloads.metrics.error_rates import ErrorRate
from workloads.metrics.scores import Score, Scores, from_plain, to_plain
from workloads.metrics.separation import Measure

KINDS = [
    ErrorRate("wer", (1, 0, 3), (2, 4, 4)),
    Measure("si_sdr", (10.25, -3.5, 1 / 3)),
]


def by_json(content: object) -> dict[str, object]:
    found: dict[str, object] = json.loads(json.dumps(content))
    return found


@pytest.mark.parametrize("score", KINDS, ids=lambda one: one.name)
def test_the_items_of_any_score_add_up_to_its_value(score: Score) -> None:
    numerators, denominators = zip(*score.per_item, strict=True)
    assert len(score.per_item) == score.n == 3
    assert score.value == pytest.approx(sum(numerators) / sum(denominators))


@pytest.mark.parametrize("score", KINDS, ids=lambda one: one.name)
def test_any_score_lies_in_its_interval_and_differs_from_itself_by_nothing(
    score: Score,
) -> None:
    low, high = score.interval()
    assert low < score.value < high
    assert score.minus(score) == Difference(0, 0, 0)


@pytest.mark.parametrize("score", KINDS, ids=lambda one: one.name)
def test_a_score_comes_back_from_json_bit_by_bit(score: Score) -> None:
    assert from_plain(by_json(to_plain(score))) == score


def test_a_score_that_came_back_is_paired_with_one_that_did_not() -> None:
    before = ErrorRate("wer", (1, 0, 3), (2, 4, 4))
    after = ErrorRate("wer", (2, 0, 4), (2, 4, 4))
    again = from_plain(by_json(to_plain(before)))
    assert after.minus(again) == after.minus(before)
    assert after.minus(again).value == pytest.approx(0.2)


def test_scores_are_known_by_the_names_of_their_measures_in_order() -> None:
    found = Scores.of(*KINDS, faults={"wer": "silent"})
    assert list(found.measures) == ["wer", "si_sdr"]
    assert found.measures["wer"] is KINDS[0]
    assert found.faults == {"wer": "silent"}
    assert found.transcribed is None


def test_the_measures_of_all_scores_come_back_from_json() -> None:
    scores = Scores.of(*KINDS)
    assert Scores.from_plain(by_json(scores.to_plain())) == scores
