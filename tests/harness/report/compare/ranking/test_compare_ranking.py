"""Scores of candidates, what counts for them, and their weights."""

from pathlib import Path

import pytest
from ranked import BOTH, reasons, scores, timed
from rows import measured, reached, row, trained, work

from harness.plan import discover
from harness.report.compare.model import NotMeasured
from harness.report.compare.ranking.rank import per_money, rank
from harness.report.compare.ranking.weights import load_weights

SHIPPED = Path(__file__).parents[5] / "results" / "weights.toml"


# Scores


def test_a_score_is_the_geometric_mean_of_the_speed_ratios():
    # b is 2 and 8 times as fast: sqrt(16)
    rows = [timed(work(batch_size=1), a=2, b=1), timed(work(batch_size=2), a=8, b=1)]
    ranking = rank(rows, BOTH, "a", {})
    assert scores(ranking) == {"b": pytest.approx(4), "a": 1.0}
    assert [score.candidate for score in ranking.scores] == ["b", "a"]


def test_another_baseline_turns_the_scores_and_keeps_the_order():
    ranking = rank([timed(work(), a=2, b=1)], BOTH, "b", {})
    assert scores(ranking) == {"b": 1.0, "a": pytest.approx(0.5)}


TWO_WORKLOADS = (
    timed(work("x", 1), a=2, b=1),  # x: sqrt(2 x 8) = 4
    timed(work("x", 2), a=8, b=1),
    timed(work("y"), a=1, b=4),  # y: 0.25
)


def test_workloads_count_alike_however_many_works_they_have():
    # sqrt(4 x 0.25)
    ranking = rank(TWO_WORKLOADS, BOTH, "a", {})
    assert scores(ranking)["b"] == pytest.approx(1)
    assert ranking.weights == {"x": 0.5, "y": 0.5}


def test_weights_are_shares_of_their_sum():
    # 4 ^ 0.75 x 0.25 ^ 0.25 = 2
    for weights in ({"x": 3}, {"x": 6, "y": 2}):  # y weighs 1 where it is not named
        ranking = rank(TWO_WORKLOADS, BOTH, "a", weights)
        assert scores(ranking)["b"] == pytest.approx(2)
        assert ranking.weights == {"x": 0.75, "y": 0.25}


def test_a_workload_of_weight_0_is_left_out():
    ranking = rank(TWO_WORKLOADS, BOTH, "a", {"y": 0})
    assert scores(ranking)["b"] == pytest.approx(4)
    assert ranking.weights == {"x": 1.0}
    assert reasons(ranking) == ["its workload has weight 0"]


def test_the_works_that_count_are_named():
    ranking = rank(TWO_WORKLOADS, BOTH, "a", {})
    assert ranking.works == (work("x", 1), work("x", 2), work("y"))


# What counts


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (NotMeasured("skipped", "no GPU"), "b: skipped: no GPU"),
        (measured(gate_passed=False), "b: beyond its gate"),
        (measured(errors={}, errors_reason="untrained"), "b: no accuracy: untrained"),
        (measured(errors={}), "b: no accuracy: no reason given"),
        (measured(1e-15), "a time of 1e-15 s"),
        (measured(1e15), "a time of 1e+15 s"),
    ],
)
def test_work_that_a_candidate_did_not_do_well_is_left_out(cell, reason):
    rows = [
        timed(work(), a=1, b=2),
        row(work(batch_size=9), {"a": measured(1), "b": cell}),
    ]
    ranking = rank(rows, BOTH, "a", {})
    assert reasons(ranking) == [reason]
    assert ranking.left_out[0].work == work(batch_size=9)
    assert scores(ranking)["b"] == pytest.approx(0.5)


def test_work_that_is_in_no_file_of_a_candidate_is_left_out():
    ranking = rank([row(work(), {"a": measured(1)})], BOTH, "a", {})
    assert reasons(ranking) == ["b: missing: not in its files"]


def test_unlike_work_is_left_out():
    unlike = row(work(), {"a": measured(1), "b": measured(2)}, same=False)
    assert reasons(rank([unlike], BOTH, "a", {})) == [
        "not the same work on all candidates"
    ]


def test_work_without_errors_by_nature_counts():
    cells = {"a": measured(1, errors={}), "b": measured(2, errors={})}
    ranking = rank([row(work("asr-input"), cells)], BOTH, "a", {}, {"asr-input"})
    assert scores(ranking)["b"] == pytest.approx(0.5)


def test_a_ranking_of_nothing_says_so():
    ranking = rank([row(work(), {})], BOTH, "a", {})
    assert (ranking.scores, ranking.works, ranking.weights) == ((), (), {})
    assert (ranking.wins, ranking.order_share) == (None, None)
    assert ranking.reason == "no work counts: the reasons stand beside each"


def training_row(a, b):
    return row(work("asr-training"), {"a": trained(*a), "b": trained(*b)})


def test_a_training_counts_by_the_hardest_level_that_all_reached():
    # 7 % was missed by b in one run: at 8 %, 300 s over 100 s. Its steps are alike.
    ranking = rank(
        [
            training_row(
                [reached(0.1, 10), reached(0.08, 100), reached(0.07, 500)],
                [reached(0.1, 90), reached(0.08, 300), reached(0.07)],
            )
        ],
        BOTH,
        "b",
        {},
    )
    assert scores(ranking)["a"] == pytest.approx(3)


def test_a_training_counts_by_the_metric_of_its_first_target():
    # In both, a lower level of the other metric was reached.
    targets = [reached(0.1, 10), reached(0.02, 500, metric="wer")]
    others = [reached(0.1, 20), reached(0.02, 500, metric="wer")]
    ranking = rank([training_row(targets, others)], BOTH, "a", {})
    assert scores(ranking)["b"] == pytest.approx(0.5)


def test_trainings_that_share_no_level_are_left_out():
    ranking = rank([training_row([reached(0.1, 10)], [reached(0.1)])], BOTH, "a", {})
    assert reasons(ranking) == [
        "no level of cer that every candidate reached in every run"
    ]
    ranking = rank([training_row([], [])], BOTH, "a", {})
    assert reasons(ranking) == ["a training without targets"]


# Money and weights


def test_a_score_for_its_money_is_divided_by_the_price_over_the_baselines():
    # b is 4 times as fast for 8 times the price.
    ranking = rank([timed(work(), a=4, b=1, c=2)], tuple("abc"), "a", {})
    priced = per_money(ranking, "a", {"a": 0.5, "b": 4.0})
    assert {score.candidate: score.per_money for score in priced.scores} == {
        "b": pytest.approx(0.5),
        "c": None,
        "a": 1.0,
    }
    unpriced = per_money(ranking, "a", {"b": 4.0})
    assert [score.per_money for score in unpriced.scores] == [None, None, None]


def written(tmp_path, text):
    path = tmp_path / "weights.toml"
    path.write_text(text)
    return path


EXPECTED = "expected a number from 0 to 1e6 for each workload"


def test_weights_are_read_by_workload(tmp_path):
    path = written(tmp_path, "[weights]\nasr-inference = 2\nasr-step = 0")
    assert load_weights(path, {"asr-inference", "asr-step", "asr-input"}) == {
        "asr-inference": 2,
        "asr-step": 0,
    }


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "[weights]\nx = -1",
            f"[weights]: x: found -1, {EXPECTED}",
        ),
        (
            "[weights]\nx = nan",
            f"[weights]: x: found nan, {EXPECTED}",
        ),
        (
            '[weights]\nx = "2"',
            f"[weights]: x: found '2', {EXPECTED}",
        ),
        (
            "[weights]\nz = 2",
            "[weights]: found the unknown workload z = 2, expected one of x, y",
        ),
        (
            "x = 2\n[weights]",
            "the top of the file: found the unknown key x = 2, expected one of weights",
        ),
        (
            "",
            "the top of the file: weights: found nothing, expected a number from "
            "0 to 1e6 for each workload",
        ),
    ],
)
def test_a_mistake_in_the_weights_is_stated_with_what_is_expected(
    tmp_path, text, sentence
):
    path = written(tmp_path, text)
    with pytest.raises(ValueError, match=r"weights\.toml") as caught:
        load_weights(path, {"y", "x"})
    assert str(caught.value) == f"{path}: {sentence}"


def test_the_shipped_weights_name_workloads_of_the_suite():
    known = [workload.name for workload in discover()]
    weights = load_weights(SHIPPED, known)
    assert (
        weights["asr-inference"] > weights["wav2letter"] > weights["asr-training"] > 0
    )
