from itertools import combinations, count

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import binom, multivariate_normal, t, ttest_ind

from harness.statistics import (
    LOOKS,
    POCOCK_SIX_LOOKS,
    Mean,
    RatioEstimate,
    _ranks_beyond,
    paired_ratio,
    percentile_bound,
    samples_needed,
    sequential_ratio,
    trimmed_mean,
    undisturbed_step_s,
)


@pytest.mark.parametrize(("percentile", "needed"), [(0.90, 64), (0.99, 662)])
def test_a_bound_takes_as_many_samples_as_mlperf_says(percentile, needed):
    assert samples_needed(percentile) == needed


@pytest.mark.parametrize("over", [1, 2, 5])
@pytest.mark.parametrize("percentile", [0.5, 0.9, 0.99])
def test_the_samples_needed_are_the_fewest_that_pass(percentile, over):
    fewest = next(
        n for n in count(over + 1) if binom.cdf(over, n, 1 - percentile) <= 0.01
    )
    assert samples_needed(percentile, over) == fewest


def test_more_samples_are_needed_where_more_may_exceed_the_bound():
    assert samples_needed(0.99, 2) > samples_needed(0.99, 1) == 662


def brute_force_bound(samples, percentile):
    n = len(samples)
    over = max(t for t in range(n) if binom.cdf(t, n, 1 - percentile) <= 0.01)
    return sorted(samples, reverse=True)[over]


@pytest.mark.parametrize("percentile", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("n", [662, 700, 1001, 2000])
def test_a_bound_is_the_largest_sample_that_the_rule_lets_stand(n, percentile):
    samples = np.random.default_rng(n).exponential(size=n).tolist()
    bound = percentile_bound(samples, percentile)
    assert bound.upper_bound == brute_force_bound(samples, percentile)


def test_with_just_enough_samples_the_second_largest_is_the_bound():
    bound = percentile_bound(range(1, 65), 0.90)
    assert (bound.value, bound.upper_bound) == (58.0, 63.0)
    assert (bound.n, bound.needed) == (64, 64)


def test_with_too_few_samples_there_is_no_number_but_the_count_it_takes():
    bound = percentile_bound([1.0] * 661, 0.99)
    assert (bound.value, bound.upper_bound) == (None, None)
    assert (bound.n, bound.needed) == (661, 662)


def test_the_order_of_the_samples_does_not_matter():
    assert percentile_bound(range(100), 0.9) == percentile_bound(range(99, -1, -1), 0.9)


def test_the_bound_holds_the_true_percentile_99_times_in_100():
    generator = np.random.default_rng(0)
    truth, runs = -np.log(1 - 0.9), 2000
    drawn = generator.exponential(size=(runs, 90))
    bounds = np.array([percentile_bound(row, 0.9).upper_bound for row in drawn])
    assert np.mean(bounds >= truth) >= 0.99


def test_a_step_is_the_mean_over_inputs_of_their_lower_quartiles():
    samples = [1.0, 10.0, 3.0, 30.0, 2.0, 90.0]
    assert undisturbed_step_s(samples, cycle=2) == (1.5 + 20.0) / 2
    assert undisturbed_step_s(samples) == 2.25


def test_a_process_that_is_disturbed_most_of_the_time_shows_its_undisturbed_step():
    assert undisturbed_step_s([1.0] * 4 + [1.3, 1.4, 2.0, 9.0, 99.0]) == 1.0


def test_a_cycle_that_was_not_finished_does_not_count():
    assert undisturbed_step_s([1.0, 2.0, 99.0], cycle=2) == 1.5


def test_less_than_one_cycle_is_refused_with_its_numbers():
    with pytest.raises(ValueError, match="2 samples of a cycle of 3 inputs"):
        undisturbed_step_s([1.0, 2.0], cycle=3)


def test_six_looks_at_pococks_value_are_wrong_five_times_in_a_hundred():
    """By integrating the joint distribution of six equally spaced looks."""
    looks = np.arange(1, 7)
    correlation = np.sqrt(
        np.minimum.outer(looks, looks) / np.maximum.outer(looks, looks)
    )
    box = np.full(6, POCOCK_SIX_LOOKS)
    inside = multivariate_normal(cov=correlation, seed=0).cdf(box, lower_limit=-box)
    assert 1 - inside == pytest.approx(0.05, abs=5e-4)


def test_there_are_six_looks():
    assert len(LOOKS) == 6


def signed_rank_tail(n, rank_sum):
    """P(T <= rank_sum), by going through every choice of signs."""
    sums = [
        sum(chosen) for r in range(n + 1) for chosen in combinations(range(1, n + 1), r)
    ]
    return sum(value <= rank_sum for value in sums) / 2**n


@pytest.mark.parametrize("critical", [2.453, 1.959964])
@pytest.mark.parametrize("n", [5, 6, 7, 8, 9, 12])
def test_ranks_are_cut_off_as_far_as_the_level_allows(n, critical):
    tail, _ = quad(lambda x: np.exp(-x * x / 2) / np.sqrt(2 * np.pi), critical, 40)
    allowed = [k for k in range(20) if signed_rank_tail(n, k) <= tail]
    assert _ranks_beyond(n, critical) == (allowed[-1] if allowed else None)


def test_a_single_look_has_a_narrower_interval():
    """Of 12 pairs, 13 means of two lie beyond either end."""
    logs = np.random.default_rng(2).normal(0.1, 0.02, 12)
    means = sorted((a + b) / 2 for i, a in enumerate(logs) for b in logs[i:])
    found = paired_ratio(np.exp(logs), np.ones(12))
    assert (found.low, found.high) == pytest.approx(np.exp([means[13], means[-14]]))
    assert found.ratio == sequential_ratio(np.exp(logs), np.ones(12)).ratio


def test_a_single_look_holds_the_truth_as_often_as_it_says():
    generator, held = np.random.default_rng(4), 0
    for logs in generator.normal(0.0, 0.05, (2000, 12)):
        found = paired_ratio(np.exp(logs), np.ones(12))
        held += found.low <= 1.0 <= found.high
    level = 1 - 2 * signed_rank_tail(12, 13)
    assert level == pytest.approx(0.958, abs=5e-4)
    assert held / 2000 == pytest.approx(level, abs=0.015)


def test_the_interval_lies_between_means_of_two_logarithms():
    """Twelve pairs: the estimate is the middle of the 78 means of two, the interval
    leaves out eight of them at either end."""
    logs = np.random.default_rng(2).normal(0.1, 0.02, 12)
    found = sequential_ratio(np.exp(logs), np.ones(12))
    means = sorted((a + b) / 2 for i, a in enumerate(logs) for b in logs[i:])
    expected = np.exp([(means[38] + means[39]) / 2, means[8], means[-9]])
    assert (found.ratio, found.low, found.high) == pytest.approx(expected)
    assert found.n == 12


def test_one_wild_pair_moves_the_interval_little():
    logs = [0.05 + 0.001 * i for i in range(-8, 8)]
    calm = sequential_ratio(np.exp(logs), np.ones(16))
    wild = sequential_ratio(np.exp([*logs[:-1], 0.9]), np.ones(16))
    assert (wild.low, wild.high) == pytest.approx((calm.low, calm.high), abs=0.003)


def test_swapping_the_states_inverts_the_interval():
    generator = np.random.default_rng(5)
    a, b = generator.lognormal(0, 0.1, (2, 8)).tolist()
    one, other = sequential_ratio(a, b), sequential_ratio(b, a)
    assert (1 / other.high, 1 / other.low) == pytest.approx((one.low, one.high))


@pytest.mark.parametrize("n", [1, 7])
def test_few_pairs_have_an_endless_interval(n):
    found = sequential_ratio([2.0] * n, [1.0] * n)
    assert (found.ratio, found.low, found.high) == (pytest.approx(2.0), 0.0, np.inf)
    assert found.is_endless
    assert found.log_half_width == np.inf


def test_the_half_width_is_that_of_the_logarithm():
    found = RatioEstimate(1.0, np.exp(-0.02), np.exp(0.04), 8)
    assert found.log_half_width == pytest.approx(0.03)
    assert not found.is_endless


def simultaneous_coverage(draw, interval, runs=1500):
    """How often every look at a comparison holds the truth, of logarithms around 0."""
    held = 0
    for logs in draw(np.random.default_rng(1), (runs, LOOKS[-1])):
        intervals = [interval(logs[:n]) for n in LOOKS]
        held += all(low <= 0.0 <= high for low, high in intervals)
    return held / runs


def plain(logs):
    half = t.ppf(0.975, len(logs) - 1) * logs.std(ddof=1) / len(logs) ** 0.5
    return logs.mean() - half, logs.mean() + half


def sequential(logs):
    found = sequential_ratio(np.exp(logs), np.ones(len(logs)))
    return np.log(found.low), np.log(found.high)


def normal(generator, shape):
    return generator.normal(0.0, 0.05, shape)


def heavy_tailed(generator, shape):
    return 0.01 * generator.standard_t(2, shape)


def test_looking_six_times_at_a_plain_interval_would_mislead_one_time_in_ten():
    assert simultaneous_coverage(normal, plain) < 0.90


@pytest.mark.parametrize("draw", [normal, heavy_tailed])
def test_all_looks_hold_the_truth_together_about_as_often_as_they_say(draw):
    assert 0.935 <= simultaneous_coverage(draw, sequential) <= 0.98


def test_a_sequential_ratio_refuses_what_does_not_pair():
    with pytest.raises(ValueError, match="1 numerators and 2 denominators"):
        sequential_ratio([1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match=r"0 numerators.*expected as many of both"):
        sequential_ratio([], [])


def test_one_value_has_no_interval_and_stays_as_it_is():
    assert trimmed_mean([0.1]) == Mean(0.1, None, None)


def test_values_that_happen_to_be_alike_have_no_narrower_interval_than_is_allowed():
    alike = trimmed_mean([2.0, 2.0, 2.0], least_deviation=0.05)
    factor = np.exp(1.960 * 0.05 / 3**0.5)
    assert (alike.low, alike.high) == pytest.approx((2 / factor, 2 * factor), rel=1e-4)
    unlike = [1.0, 2.0, 3.0]
    assert trimmed_mean(unlike, least_deviation=0.05) == trimmed_mean(unlike)


def coverage_of(interval, truth, runs=4000):
    """How often an interval of three values or of two by three holds the truth."""
    generator, held = np.random.default_rng(0), 0
    for _ in range(runs):
        found = interval(generator)
        held += found.low <= truth <= found.high
    return held / runs


def test_the_fastest_and_the_slowest_are_left_out_of_a_trimmed_mean():
    """Of 1, 2, 3, 4, 100 without the ends: 3. Winsorized to 2, 2, 3, 4, 4 the squares
    add up to 4, over 3 x 2 the squared error is 2 / 3; the quantile of two degrees of
    freedom is 4.303."""
    found = trimmed_mean([100.0, 1.0, 3.0, 2.0, 4.0], left_out=1)
    factor = np.exp(4.303 * (2 / 3) ** 0.5 / 3)
    assert found.value == 3.0
    expected = (3.0 / factor, 3.0 * factor)
    assert (found.low, found.high) == pytest.approx(expected, rel=1e-3)


def test_scipys_trimmed_test_has_the_same_standard_error():
    values = np.random.default_rng(1).lognormal(3, 0.4, 10)
    found = trimmed_mean(values.tolist(), left_out=2)
    test = ttest_ind(values, np.zeros(10), equal_var=False, trim=0.2)
    error = found.value / test.statistic
    half = t.ppf(0.975, 5) * error / found.value
    assert found.high == pytest.approx(found.value * np.exp(half))


def test_a_mean_with_nothing_left_out_has_the_usual_standard_error():
    found = trimmed_mean([1.0, 3.0], level=0.5)
    half = t.ppf(0.75, 1) * 1.0 / 2.0  # a standard error of 1, a mean of 2
    assert found.value == 2.0
    assert found.high == pytest.approx(2.0 * np.exp(half))


def test_five_runs_hold_their_true_trimmed_mean_about_as_often_as_said():
    """The trimmed mean of a symmetric distribution is its mean."""

    def interval(generator):
        return trimmed_mean(generator.normal(10.0, 1.0, 5).tolist(), left_out=1)

    assert 0.93 <= coverage_of(interval, 10.0) <= 0.97


def test_zeros_have_a_mean_of_zero():
    assert trimmed_mean([0.0, 0.0]) == Mean(0.0, 0.0, 0.0)
    assert trimmed_mean([0.0, 2.0]).value == 1.0


@pytest.mark.parametrize(
    ("values", "left_out"), [([], 0), ([1.0, 2.0], 1), ([-1.0], 0)]
)
def test_a_trimmed_mean_takes_enough_figures_of_at_least_0(values, left_out):
    with pytest.raises(ValueError, match=f"expected {2 * left_out + 1} numbers or mor"):
        trimmed_mean(values, left_out)
