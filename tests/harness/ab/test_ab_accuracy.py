"""Whether accuracies differ, item by item."""

from __future__ import annotations

import json

import numpy as np
import pytest
from played import metric
from scipy import stats

from harness.ab.accuracy import changes, paired_interval
from harness.measure.jobs import parsed, plain_fields
from harness.measure.results import StateAccuracy, StateMetric
from harness.workload import Accuracy, Metric


def stated(errors: list[int], words: list[int], **more) -> StateAccuracy:
    value = sum(errors) / sum(words)
    interval = (value - 0.05, value + 0.05)
    return StateAccuracy(
        {"wer": StateMetric(value, len(words), interval, **more)},
        {"wer": list(zip(errors, words, strict=True))},
    )


WORDS = [10] * 50
HARD = [5 if number % 2 else 0 for number in range(50)]  # a wide interval of its own


def word(b: list[int], **more) -> str:
    (change,) = changes(stated(HARD, WORDS, **more), stated(b, WORDS, **more))
    return change.word


def test_a_loss_on_many_utterances_is_worse_though_within_a_s_own_interval() -> None:
    """Unpaired, 0.25 against 0.27 within 0.20 to 0.30 would be chance."""
    worse = [errors + (number % 4 == 0) for number, errors in enumerate(HARD)]
    assert word(worse) == "worse"
    assert word(worse, better="higher") == "better"


def test_as_many_gains_as_losses_are_chance() -> None:
    mixed = [errors + (1, 0, -1, 0)[n % 4] for n, errors in enumerate([3] * 50)]
    (change,) = changes(stated([3] * 50, WORDS), stated([*mixed[:-1], 4], WORDS))
    assert change.word == "differs"


def test_equal_errors_are_the_same() -> None:
    assert word(list(HARD)) == "same"


def test_of_other_items_the_interval_of_a_decides() -> None:
    (change,) = changes(stated(HARD, WORDS), stated([*HARD, 9], [*WORDS, 10]))
    assert (change.difference, change.word) == (None, "differs")


def test_the_interval_is_that_of_students_t_where_items_weigh_alike() -> None:
    generator = np.random.default_rng(0)
    a, b = generator.normal(size=(2, 30))
    low, high = paired_interval(*([(x, 1.0) for x in values] for values in (a, b)))
    wanted = stats.ttest_rel(b, a).confidence_interval(0.95)
    assert (low, high) == pytest.approx((wanted.low, wanted.high))


def test_the_interval_holds_its_level_where_items_differ_in_length() -> None:
    generator, held = np.random.default_rng(1), 0
    for _ in range(400):
        words = generator.integers(5, 30, 60)
        a, b = (generator.binomial(words, rate) for rate in (0.2, 0.23))
        pairs = [list(zip(errors, words, strict=True)) for errors in (a, b)]
        low, high = paired_interval(*pairs)
        held += low <= 0.03 <= high
    assert 0.92 <= held / 400 <= 0.98


def test_a_worker_sends_what_each_item_added() -> None:
    given = Metric(0.5, 2, (0.0, 1.0), per_item=[(1, 2), (1, 2)])
    accuracy = Accuracy({"wer": given, "cer": Metric(0.1, 2, (0.0, 0.2))})
    sent = json.loads(json.dumps(StateAccuracy.of(accuracy), default=plain_fields))
    assert sent["per_item"] == {"wer": [[1, 2], [1, 2]]}
    assert parsed(StateAccuracy, sent, "accuracy") == StateAccuracy.of(accuracy)


def test_metrics_of_a_suite_without_directions_are_better_the_lower() -> None:
    older = {"metrics": {"wer": metric(0.1) | {"baseline_case": None}}}
    found = parsed(StateAccuracy, older, "accuracy")
    assert found.metrics["wer"].better == "lower"
    assert found.per_item == {}


def test_a_metric_that_b_lost_is_worse() -> None:
    (change,) = changes(stated(HARD, WORDS), None)
    assert (change.b, change.word) == (None, "worse")
