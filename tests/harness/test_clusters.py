import math

import numpy as np
import pytest
from scipy.stats import ttest_1samp, ttest_ind

from harness.clusters import (
    PROCESS_DEVIATION,
    RUN_DEVIATION,
    Cell,
    cell_of,
    mean_of,
    ratio_of,
    squared_error,
)
from harness.statistics import Mean

FEW = (0, 0, 0)
MANY = 9  # runs of a process each: enough to tell both


def normal(count, spread, seed, centre=0.0):
    return np.random.default_rng(seed).normal(centre, spread, count)


def test_a_geometric_mean_counts_each_run_once():
    """Run 0 has two processes, run 1 one: sqrt(sqrt(1 x 4) x 8)."""
    assert mean_of([1.0, 4.0, 8.0], [0, 0, 1]).value == pytest.approx(4.0)


def test_a_single_process_has_no_interval_and_stays_as_it_is():
    assert mean_of([0.1]) == Mean(0.1, None, None)
    assert squared_error([cell_of([0.1], [0]), cell_of([0.1] * 3, FEW)]) is None


def test_scipy_gives_the_same_interval_of_many_runs():
    logs = normal(MANY, 0.1, 1)
    found = mean_of(np.exp(logs).tolist(), range(MANY))
    expected = ttest_1samp(logs, 0.0).confidence_interval()
    assert (found.low, found.high) == pytest.approx(np.exp(expected), rel=1e-9)


@pytest.mark.parametrize(("n", "m"), [(9, 9), (7, 20)])
def test_scipy_gives_the_same_interval_of_a_ratio_of_many_runs(n, m):
    above, below = normal(n, 0.2, 1), normal(m, 0.05, 2, 1.0)
    found = ratio_of(Cell(above, np.arange(n)), Cell(below, np.arange(m)))
    test = ttest_ind(above, below, equal_var=False)
    assert (found.low, found.high) == pytest.approx(np.exp(test.confidence_interval()))


def test_a_side_of_one_process_leaves_no_interval_of_a_ratio():
    found = ratio_of(cell_of([4.0], [0]), cell_of([2.0] * 3, FEW))
    assert found == Mean(pytest.approx(2.0), None, None)


def test_what_slows_a_whole_run_is_no_news_from_each_work():
    """Twenty works that all deviate by the run tell no more of it than one does."""
    runs = np.arange(MANY)
    deviations = normal(MANY, 0.03, 3)
    one = squared_error([Cell(deviations, runs)])
    twenty = squared_error([Cell(deviations + n, runs, 1 / 20) for n in range(20)])
    assert twenty.value == pytest.approx(one.value)
    assert twenty.freedom == pytest.approx(one.freedom) == pytest.approx(MANY - 1)


def test_of_one_run_a_deviation_is_allowed_for_and_processes_add_to_it():
    logs = normal(8, 0.03, 4)
    error = squared_error([Cell(logs, np.zeros(8))])
    assert error.is_allowed
    expected = RUN_DEVIATION**2 + logs.var(ddof=1) / 8
    assert error.value == pytest.approx(expected)


def test_a_few_processes_that_happen_to_be_alike_vary_as_much_as_is_allowed():
    error = squared_error([cell_of([1.0] * 3, FEW)])
    assert error.value == pytest.approx(RUN_DEVIATION**2 + PROCESS_DEVIATION**2 / 3)
    unlike = squared_error([cell_of([0.5, 1.0, 2.0], FEW)])
    assert unlike.value == pytest.approx(RUN_DEVIATION**2 + math.log(2) ** 2 / 3)


def test_two_runs_are_allowed_to_vary_and_more_if_they_did():
    alike = squared_error([cell_of([1.0, 1.0], (0, 1))])
    both = RUN_DEVIATION**2 + PROCESS_DEVIATION**2
    assert alike.value == pytest.approx(both / 2)
    unlike = squared_error([cell_of([1.0, 2.0], (0, 1))])
    assert unlike.value == pytest.approx(math.log(2) ** 2 / 4)
    assert alike.is_allowed
    assert unlike.is_allowed


def test_three_runs_of_three_processes_tell_it_themselves():
    logs = np.repeat([0.0, 0.01, 0.02], 3) + np.tile([-0.001, 0.0, 0.001], 3)
    error = squared_error([Cell(logs, np.repeat([4, 7, 9], 3))])
    assert not error.is_allowed
    assert error.value == pytest.approx(0.01**2 / 3)
    assert error.freedom == pytest.approx(2)


def test_runs_that_happen_to_be_alike_vary_as_much_as_their_processes_make_them():
    """Nine processes of two speeds, in each run one of three slow."""
    logs = np.tile([0.0, 0.0, 0.3], 3)
    error = squared_error([Cell(logs, np.repeat([0, 1, 2], 3))])
    assert error.value == pytest.approx(0.03 / 9)  # 0.3^2 / 3 a process


def test_three_single_processes_that_are_alike_tell_nothing():
    error = squared_error([cell_of([1.0] * 3, (0, 1, 2))])
    assert error.is_allowed
    assert error.value == pytest.approx((RUN_DEVIATION**2 + PROCESS_DEVIATION**2) / 3)


def test_works_that_are_missing_in_a_run_leave_as_few_runs_as_they_have():
    whole = Cell(normal(6, 0.01, 5), np.repeat([0, 1, 2], 2), 0.5)
    halved = Cell(whole.logs[:4], whole.runs[:4], 0.5)
    assert not squared_error([whole, whole]).is_allowed
    assert squared_error([whole, halved]).is_allowed


def test_the_freedom_of_a_sum_is_satterthwaites():
    """Squared errors of 1 with 8 degrees of freedom, and of 3 with 2:
    16 / (1 / 8 + 9 / 2)."""
    ones = np.array([3.0, -3.0, 3.0, -3.0, 3.0, -3.0, 3.0, -3.0, 0.0])
    threes = np.repeat([-3.0, 0.0, 3.0], 3)
    one = squared_error([Cell(ones, np.arange(9))])
    three = squared_error([Cell(threes, np.repeat([0, 1, 2], 3))])
    assert (one.value, three.value) == pytest.approx((1.0, 3.0))
    assert (one + three).freedom == pytest.approx(16 / (1 / 8 + 9 / 2))


def test_processes_that_never_vary_leave_no_error():
    assert squared_error([cell_of([0.3] * 9, range(9))]).value == 0.0
    found = mean_of([3.0] * 9, range(9))
    assert found.low == found.high == found.value == pytest.approx(3.0)


@pytest.mark.parametrize("values", [[], [1.0, 0.0], [1.0, -2.0]])
def test_what_has_no_logarithm_is_refused(values):
    with pytest.raises(ValueError, match="expected one number above 0 or more"):
        mean_of(values)
