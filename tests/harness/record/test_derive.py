import math

import numpy as np
import pytest

from harness.clusters import PROCESS_DEVIATION, RUN_DEVIATION
from harness.record.derive import (
    PERCENTILES,
    independent_samples,
    latency_ms,
    mean_step_of_each_cycle,
)

RISING = np.arange(1, 65) / 1000


def test_a_cycle_that_was_not_finished_has_no_mean():
    means = mean_step_of_each_cycle([1.0, 3.0, 2.0, 6.0, 99.0], cycle=2)
    assert means.tolist() == [2.0, 4.0]


def test_samples_of_one_input_are_all_independent():
    assert independent_samples([3.0, 1.0, 2.0], 1).tolist() == [3.0, 1.0, 2.0]


def test_of_many_inputs_each_counts_once():
    assert independent_samples([3.0, 1.0, 3.5, 1.5], 2).tolist() == [3.0, 1.0]


def test_percentiles_are_in_milliseconds_and_of_all_samples():
    found = latency_ms([RISING[:32], RISING[32:]], [0.016, 0.048])
    assert list(found) == list(PERCENTILES)
    assert (found["p50"].value, found["p90"].value) == pytest.approx((32.0, 58.0))
    assert (found["p99"].value, found["p99"].needed) == (None, 662)
    assert found["p99"].upper_bound is None


def test_one_process_has_no_bound_but_the_number_that_it_takes():
    bound = latency_ms([RISING], [0.032])["p90"]
    assert (bound.value, bound.upper_bound) == (pytest.approx(58.0), None)
    assert (bound.processes, bound.processes_needed) == (1, 2)


def test_a_bound_is_of_the_next_process_in_the_next_run():
    """Three alike: to what their samples tell comes what is allowed for, 1.2816 normal
    deviations of any process for p90, and 2.3263 of the mean of three in one run."""
    bound = latency_ms([RISING] * 3, [0.032] * 3)["p90"]
    assert bound.processes == 3
    own = latency_ms([RISING] * 3, [0.032] * 3, [0, 0, 0])["p90"]
    spread = 1.2816 * math.hypot(RUN_DEVIATION, PROCESS_DEVIATION)
    unknown = 2.3263 * math.hypot(RUN_DEVIATION, PROCESS_DEVIATION / 3**0.5)
    plain_ms = np.sort(np.tile(RISING, 3))[-12] * 1e3  # 11 of 192 may exceed it
    assert bound.upper_bound == pytest.approx(
        plain_ms * math.exp(spread + unknown), rel=1e-4
    )
    assert own == bound


def test_more_runs_and_processes_bring_the_bound_closer():
    def upper(processes, runs):
        return latency_ms([RISING] * processes, [0.032] * processes, runs)[
            "p90"
        ].upper_bound

    assert upper(6, [0, 0, 1, 1, 2, 2]) < upper(6, [0] * 6) < upper(2, [0, 0])


def test_processes_that_differ_by_more_than_is_allowed_move_the_bound():
    unlike = [0.5, 1.0, 2.0]
    found = latency_ms([RISING * f for f in unlike], [0.032 * f for f in unlike])
    assert found["p90"].upper_bound > 64.0 * 2.0 * 2


def test_the_slowest_processs_samples_are_never_above_the_bound_for_want_of_a_shape():
    """A process that stalls, and is as fast as the others in its median."""
    stalling = np.where(np.arange(64) % 4 == 0, 1.0, RISING)
    found = latency_ms([RISING, stalling, stalling], [0.032] * 3)
    assert found["p90"].upper_bound >= 1000.0


def test_steps_that_no_clock_saw_have_no_bound():
    assert latency_ms([RISING, RISING], [0.0, 0.03])["p90"].upper_bound is None
