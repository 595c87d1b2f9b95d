"""How sure a ranking is."""

import tracemalloc

import numpy as np
import pytest
from ranked import BOTH, reasons, scores, timed
from rows import measured, row, work
from scipy.stats import norm, ttest_ind

from harness.clusters import Cell, cell_of, ratio_of
from harness.report.compare.ranking.rank import rank
from harness.report.compare.ranking.resampling import doubt

NO_DOUBT = (
    "no work ran in two or more processes on every candidate: how sure the order is "
    "cannot be told; the profiles standard and paper run three"
)


def repeated(of, **step_s):
    return row(of, {label: measured(*times) for label, times in step_s.items()})


# Doubt


def test_a_single_process_everywhere_is_ranked_without_doubt_stated():
    ranking = rank([timed(work(), a=2, b=1)], BOTH, "a", {})
    assert ranking.reason == NO_DOUBT
    assert (ranking.wins, ranking.order_share) == (None, None)
    for score in ranking.scores:
        assert (score.low, score.high, score.rank_shares) == (None, None, None)


def test_work_of_a_single_process_is_left_out_where_other_work_was_repeated():
    single = row(work(batch_size=9), {"a": measured(1, 1), "b": measured(9)})
    ranking = rank([repeated(work(), a=(1, 1), b=(2, 2)), single], BOTH, "a", {})
    assert ranking.reason is None
    assert reasons(ranking) == ["a single process on b: it says nothing of the next"]
    assert scores(ranking)["b"] == pytest.approx(0.5)


def test_candidates_that_do_not_vary_keep_their_order_surely():
    rows = [repeated(work(), a=(1.0,) * 7, b=(2.0,) * 7, c=(900.0,) * 7)]
    ranking = rank(rows, ("c", "b", "a"), "a", {})
    assert [score.candidate for score in ranking.scores] == ["a", "b", "c"]
    assert ranking.order_share == 1.0
    assert ranking.wins == {
        "a": {"b": 1.0, "c": 1.0},
        "b": {"a": 0.0, "c": 1.0},
        "c": {"a": 0.0, "b": 0.0},
    }
    assert [score.rank_shares for score in ranking.scores] == [
        (1.0, 0.0, 0.0),
        (0.0, 1.0, 0.0),
        (0.0, 0.0, 1.0),
    ]


def test_equal_candidates_win_half_and_come_first_half_of_the_time():
    ranking = rank([repeated(work(), a=(1, 1), b=(1, 1))], BOTH, "a", {})
    assert ranking.wins == {"a": {"b": 0.5}, "b": {"a": 0.5}}
    assert ranking.order_share == pytest.approx(0.5, abs=0.05)
    for score in ranking.scores:
        assert score.rank_shares == pytest.approx((0.5, 0.5), abs=0.05)


def test_shares_of_ranks_add_up_both_ways():
    generator = np.random.default_rng(1)
    times = {label: np.exp(generator.normal(0, 0.1, 5)) for label in "abc"}
    ranking = rank([repeated(work(), **times)], tuple("abc"), "a", {})
    table = np.array([score.rank_shares for score in ranking.scores])
    assert table.sum(axis=0) == pytest.approx([1, 1, 1])
    assert table.sum(axis=1) == pytest.approx([1, 1, 1])
    assert 0 < ranking.order_share <= table.diagonal().min()
    assert ranking.wins["a"]["b"] + ranking.wins["b"]["a"] == pytest.approx(1)


def test_the_baseline_is_sure_of_its_own_score():
    ranking = rank([repeated(work(), a=(1, 2), b=(1, 3))], BOTH, "a", {})
    (own,) = [score for score in ranking.scores if score.candidate == "a"]
    assert (own.score, own.low, own.high) == (1.0, 1.0, 1.0)


def normal_logs(mean, spread, count, seed):
    return np.random.default_rng(seed).normal(mean, spread, count)


@pytest.mark.parametrize("shift", [0.0, 0.01, -0.02])
@pytest.mark.parametrize("counts", [(200, 200), (150, 400)])
def test_the_probability_to_win_is_that_of_normal_samples(shift, counts):
    """With many processes of normal logarithms, P(a is faster than b) is
    Phi((mean b - mean a) / sqrt(s_a^2 / n_a + s_b^2 / n_b))."""
    logs_a, logs_b = (
        normal_logs(mean, spread, count, seed)
        for mean, spread, count, seed in zip(
            (0, shift), (0.1, 0.15), counts, (1, 2), strict=True
        )
    )
    error = np.sqrt(logs_a.var(ddof=1) / counts[0] + logs_b.var(ddof=1) / counts[1])
    expected = norm.cdf((logs_b.mean() - logs_a.mean()) / error)
    rows = [repeated(work(), a=np.exp(logs_a), b=np.exp(logs_b))]
    ranking = rank(rows, BOTH, "a", {})
    assert ranking.wins["a"]["b"] == pytest.approx(expected, abs=0.002)
    best = ranking.scores[0]
    (chance,) = ranking.wins[best.candidate].values()
    assert best.rank_shares[0] == pytest.approx(chance, abs=0.025)


def test_the_probability_over_weighed_works_is_that_of_the_weighed_mean():
    # x has two works, at 0.75 / 2 each, y one at 0.25.
    shares = {("x", 1): 0.375, ("x", 2): 0.375, ("y", 1): 0.25}
    rows, difference, of_runs = [], 0.0, np.zeros((2, 200))
    for seed, ((name, batch_size), share) in enumerate(shares.items()):
        logs = [normal_logs(0.005 * i, 0.1, 200, 10 * seed + i) for i in range(2)]
        rows.append(
            repeated(work(name, batch_size), a=np.exp(logs[0]), b=np.exp(logs[1]))
        )
        difference += share * (logs[1].mean() - logs[0].mean())
        of_runs += share * np.array(logs)
    variance = of_runs.var(axis=1, ddof=1).sum() / 200
    ranking = rank(rows, BOTH, "b", {"x": 3})
    expected = norm.cdf(difference / np.sqrt(variance))
    assert ranking.wins["a"]["b"] == pytest.approx(expected, abs=0.002)
    a = next(score for score in ranking.scores if score.candidate == "a")
    half = 1.96 * np.sqrt(variance)
    assert np.log(a.score) == pytest.approx(difference)
    assert np.log(a.low) == pytest.approx(difference - half, abs=0.01 * half)
    assert np.log(a.high) == pytest.approx(difference + half, abs=0.01 * half)


def one_ranking(a, b, **others):
    """Of two candidates by one work, from logarithms of their processes' times."""
    times = {"a": np.exp(a), "b": np.exp(b)}
    return rank([repeated(work(), **times)], BOTH, "a", {}, **others)


@pytest.mark.parametrize("counts", [(7, 7), (7, 10), (10, 10)])
@pytest.mark.parametrize("shift", [0.0, 0.01, 0.08])
def test_few_runs_are_judged_as_welch_does(counts, shift):
    a = normal_logs(0.0, 0.02, counts[0], 1)
    b = normal_logs(shift, 0.04, counts[1], 2)
    ranking = one_ranking(a, b)
    chance = 1 - ttest_ind(a, b, equal_var=False, alternative="less").pvalue
    assert ranking.wins["a"]["b"] == pytest.approx(chance, abs=1e-9)
    assert ranking.wins["b"]["a"] == pytest.approx(1 - chance, abs=1e-9)
    (score,) = [score for score in ranking.scores if score.candidate == "b"]
    sides = (cell_of(np.exp(logs).tolist(), range(len(logs))) for logs in (a, b))
    welch = ratio_of(*sides)
    ends = (score.score, score.low, score.high)
    assert ends == pytest.approx((welch.value, welch.low, welch.high))


def test_nine_runs_a_side_that_differ_by_a_deviation_are_nearly_sure():
    # Squared errors of 0.0006 / 8 / 9 a side: 0.01 / 0.0040825 = 2.4495, of 16 degrees
    # of freedom: 0.98689; times 2.1199 is an interval of 0.01 -+ 0.0086545.
    a = np.tile([-0.01, 0.0, 0.01], 3)
    ranking = one_ranking(a, a + 0.01)
    assert ranking.wins["a"]["b"] == pytest.approx(0.98689, abs=1e-4)
    slower = ranking.scores[1]
    ends = np.exp([-0.0186545, -0.0013455])
    assert (slower.low, slower.high) == pytest.approx(tuple(ends), 1e-4)
    # The bootstrap's standard error is 0.11 of a percent.
    assert ranking.order_share == pytest.approx(0.98689, abs=0.006)
    assert ranking.scores[0].rank_shares[0] == ranking.order_share
    assert ranking.few_runs == ()


def test_the_least_difference_of_two_runs_makes_nobody_likely():
    a = np.array([-0.01, 0.01])
    ranking = one_ranking(a, a + 1e-9)
    assert ranking.wins["a"]["b"] == pytest.approx(0.5, abs=1e-6)
    assert ranking.order_share == pytest.approx(0.5, abs=0.025)


@pytest.mark.parametrize("seconds", [1.0, 0.3, 1e-5])
def test_times_that_are_all_the_same_leave_an_even_chance(seconds):
    rows = [
        repeated(work(batch_size=n), a=(seconds,) * 3, b=(seconds,) * 4)
        for n in range(7)
    ]
    ranking = rank(rows, BOTH, "a", {})
    assert ranking.wins == {"a": {"b": 0.5}, "b": {"a": 0.5}}


def test_a_gain_has_the_errors_and_the_freedom_of_both_sides():
    runs = np.arange(9)
    ones, threes = np.tile([-1.0, 0.0, 1.0], 3), np.tile([-3.0, 0.0, 3.0], 3)
    found = doubt(np.array([1.0, 3.0]), [[Cell(ones, runs)], [Cell(threes, runs)]])
    # 6 / 8 / 9 and 54 / 8 / 9, of 8 degrees of freedom each.
    assert found.errors**2 == pytest.approx([1 / 12, 9 / 12])
    expected = 10**2 / (1 / 8 + 81 / 8)
    assert found.freedoms[0, 1] == pytest.approx(expected)
    assert found.gains.tolist() == [[0.0, 2.0], [-2.0, 0.0]]
    assert found.is_allowed.tolist() == [False, False]


def test_the_bootstrap_gives_every_pair_the_chances_that_are_stated():
    # Two that vary little in ten runs each, and one that varies much in seven.
    spread = np.sqrt(10) * np.tile([-0.01, 0.01], 5)
    wide = np.sqrt(7) * np.linspace(-0.05, 0.05, 7)
    cells = [[Cell(logs, np.arange(len(logs)))] for logs in (spread, spread, wide)]
    found = doubt(np.array([0.0, 0.02, 0.03]), cells)
    assert found.freedoms[0, 1] == pytest.approx(18)
    assert found.freedoms[0, 2] < 8
    places = found.places(40_000, np.random.default_rng(0))
    ranks = np.argsort(places, axis=0)
    for a, b in ((0, 1), (0, 2), (1, 2)):
        share = (ranks[a] < ranks[b]).mean()
        assert share == pytest.approx(found.wins()[a, b], abs=0.01)


def test_more_draws_tell_shares_more_finely():
    ranking = one_ranking([-0.01, 0.01], [-0.01, 0.012], draws=10)
    assert ranking.order_share * 10 == pytest.approx(round(ranking.order_share * 10))
    assert one_ranking([-0.01, 0.01], [-0.01, 0.012]).order_share * 10 % 1 > 1e-6


@pytest.mark.parametrize("works", [1, 20])
def test_intervals_of_seven_runs_hold_the_truth_about_as_often_as_they_say(works):
    # b is 1.05 times as fast, and varies twice as much.
    generator, held = np.random.default_rng(3), 0
    for _ in range(400):
        logs = [generator.normal(-0.05 * b, 0.02 * (1 + b), (works, 7)) for b in (0, 1)]
        rows = [
            repeated(work(batch_size=n), a=a, b=b)
            for n, (a, b) in enumerate(zip(*np.exp(logs), strict=True))
        ]
        ranking = rank(rows, BOTH, "a", {}, draws=1)
        (score,) = [score for score in ranking.scores if score.candidate == "b"]
        held += score.low <= np.exp(0.05) <= score.high
    assert 0.92 <= held / 400 <= 0.985


def test_the_same_rows_are_ranked_the_same_again():
    generator = np.random.default_rng(2)
    times = {label: np.exp(generator.normal(0, 0.1, 3)) for label in "ab"}
    rows = [repeated(work(), **times)]
    assert rank(rows, BOTH, "a", {}) == rank(rows, BOTH, "a", {})


def test_many_works_are_ranked_in_little_memory():
    generator = np.random.default_rng(3)
    labels = tuple("abcde")
    rows = [
        repeated(
            work(batch_size=size),
            **{label: np.exp(generator.normal(0, 0.1, 3)) for label in labels},
        )
        for size in range(1, 2001)
    ]
    tracemalloc.start()
    ranking = rank(rows, labels, "a", {})
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(ranking.works) == 2000
    assert peak_bytes < 50e6
