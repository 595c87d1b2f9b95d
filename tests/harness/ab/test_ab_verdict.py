"""What is said of an interval."""

from __future__ import annotations

import math

import pytest

from harness.ab.verdict import judge
from harness.statistics import RatioEstimate


def estimate(low: float, high: float, n: int = 8):
    return RatioEstimate(math.sqrt(low * high), low, high, n)


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (1.04, 1.06, "slower"),
        (1.031, 3.0, "slower"),
        (0.90, 0.96, "faster"),
        (0.98, 1.02, "same within 3 %"),
        (1.01, 1.02, "same within 3 %"),
    ],
)
def test_a_change_is_said_only_where_the_whole_interval_lies_beyond(low, high, text):
    assert judge(estimate(low, high)).text == text


@pytest.mark.parametrize(("low", "high"), [(1.02, 1.06), (0.9, 1.1), (0.95, 0.99)])
def test_an_interval_that_crosses_a_threshold_decides_nothing(low, high):
    verdict = judge(estimate(low, high), s_per_pair=6.0)
    assert not verdict.decided
    assert verdict.text.startswith("undecided: ")


def test_the_threshold_is_as_far_downwards_as_upwards():
    assert judge(estimate(0.9, 1 / 1.0299)).word == "undecided"
    assert judge(estimate(0.9, 1 / 1.0301)).word == "faster"


def test_a_wider_threshold_calls_more_the_same():
    assert judge(estimate(1.04, 1.06), threshold_percent=10).text == "same within 10 %"


def test_memory_is_said_in_its_own_words():
    assert judge(estimate(1.5, 1.6), words=("less", "more")).text == "more"
    assert judge(estimate(0.5, 0.6), words=("less", "more")).text == "less"


def test_the_time_needed_is_that_of_the_pairs_still_missing():
    """Twice too wide: four times as many pairs, 24 more of 20 seconds."""
    limit = math.log(1.03)
    unsure = RatioEstimate(1.0, math.exp(-2 * limit), math.exp(2 * limit), 8)
    assert (
        judge(unsure, s_per_pair=20.0).text == "undecided: needs about 8 more minutes"
    )


@pytest.mark.parametrize("n", [8, 60])
def test_where_the_last_look_would_not_tell_either_it_says_that(n):
    unsure = RatioEstimate(1.03, 0.5, 2.0, n)
    text = judge(unsure, s_per_pair=20).text
    assert text == "undecided: even 60 pairs would hardly tell"


def test_an_interval_that_just_crosses_the_threshold_needs_one_pair_more():
    unsure = RatioEstimate(1.05, 1.0299, 1.07, 8)
    assert judge(unsure, s_per_pair=61).text == "undecided: needs about 2 more minutes"


def test_too_few_pairs_decide_nothing():
    few = RatioEstimate(2.0, 0.0, math.inf, 3)
    assert judge(few).text == "undecided: 3 pairs, and it takes 8"
