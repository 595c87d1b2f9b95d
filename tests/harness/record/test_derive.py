import numpy as np
import pytest

from harness.record.derive import (
    PERCENTILES,
    independent_samples,
    latency_ms,
    mean_step_of_each_cycle,
)


def test_a_cycle_that_was_not_finished_has_no_mean():
    means = mean_step_of_each_cycle([1.0, 3.0, 2.0, 6.0, 99.0], cycle=2)
    assert means.tolist() == [2.0, 4.0]


def test_samples_of_one_input_are_all_independent():
    assert independent_samples([3.0, 1.0, 2.0], [3.0]).tolist() == [3.0, 1.0, 2.0]


def test_of_many_inputs_each_counts_once():
    assert independent_samples([3.0, 1.0, 3.5, 1.5], [3.0, 1.0]).tolist() == [3.0, 1.0]


def test_percentiles_are_in_milliseconds_with_their_bounds():
    found = latency_ms(np.arange(64, 0, -1) / 1000)
    assert list(found) == list(PERCENTILES)
    assert found["p50"].value == pytest.approx(32.0)
    assert (found["p90"].value, found["p90"].upper_bound) == pytest.approx((58.0, 63.0))
    assert (found["p99"].value, found["p99"].needed) == (None, 662)
