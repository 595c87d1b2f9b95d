"""Ratios of a pair, by blocks written by hand."""

from __future__ import annotations

import numpy as np
import pytest

from harness.ab.neighbours import (
    WINDOW,
    mean_ratio,
    p90_ratio,
    step_ratio,
    usual_step_s,
)

ONE = (1, 1)


def paced(pace: float, steps: int = WINDOW, stall_every: int = 0) -> list[float]:
    """A block of steps of one pace; a stalled one takes 3.3 times as long."""
    return [
        pace * (3.3 if stall_every and n % stall_every == 0 else 1.0)
        for n in range(1, steps + 1)
    ]


def test_a_host_that_changes_its_pace_from_block_to_block_changes_no_ratio():
    """The host was fast for two of A's blocks and one of B's: the lower quartiles of
    all samples are those of two paces of the host."""
    host = [1.0, 1.0, 1.4, 1.4, 1.4, 1.4, 1.4]
    a = [paced(pace) for pace in host]
    b = [paced(1.05 * pace) for pace in [1.4, *host[1:]]]
    quartiles = [np.quantile(np.concatenate(blocks), 0.25) for blocks in (a, b)]
    assert quartiles[1] / quartiles[0] > 1.2
    assert step_ratio(a, b, ONE) == pytest.approx(1.05)


def test_inputs_are_compared_with_themselves():
    """Steps of 1 and 10 ms; in B the short input takes twice as long, and a mean over
    both would say 1.09."""
    a, b = [[1.0, 10.0] * 2] * 3, [[2.0, 10.0] * 2, [2.0, 20.0] * 2, [2.0, 10.0] * 2]
    assert step_ratio(a, b, (2, 2)) == pytest.approx(2.0)


def test_states_of_differing_cycles_are_compared_by_their_blocks():
    assert step_ratio([[1.0, 3.0]], [[4.0, 4.0]], (2, 1)) == pytest.approx(2.0)
    assert p90_ratio([paced(1.0)], [paced(1.0)], (2, 1)) is None


def test_a_cycle_that_is_not_whole_does_not_count():
    assert step_ratio([[1.0, 2.0, 9.0]], [[1.0, 2.0, 99.0]], (2, 2)) == 1.0
    assert mean_ratio([[1.0, 2.0, 9.0]], [[2.0, 4.0, 99.0]], (2, 2)) == 2.0


def test_a_usual_step_is_the_median_of_each_input():
    assert usual_step_s([[1.0, 20.0], [2.0, 10.0], [9.0, 90.0]], 2) == 11.0


def test_every_stall_has_its_share_in_the_mean():
    assert mean_ratio([[1.0] * 9, [1.0]], [[1.0] * 9, [11.0]], ONE) == 2.0


@pytest.mark.parametrize(("stall_every", "ratio"), [(7, 3.3), (0, 1.0)])
def test_a_stall_of_every_seventh_step_is_set_apart_from_what_others_do(
    stall_every, ratio
):
    """Another program slows whole blocks, more of B's than of A's."""
    a = [paced(pace, 40) for pace in (1, 5, 1, 1, 1, 1, 1)]
    b = [paced(pace, 40, stall_every) for pace in (4, 1, 1, 1, 1, 1, 6)]
    assert p90_ratio(a, b, ONE) == pytest.approx(ratio)


def test_the_90th_percentile_is_the_18th_of_20_steps():
    for slow, ratio in ((2, 1.0), (3, 3.0)):
        b = [1.0] * (WINDOW - slow) + [3.0] * slow
        assert p90_ratio([paced(1.0)], [b], ONE) == pytest.approx(ratio)


def test_short_blocks_fill_a_window_together():
    """Blocks of six steps: four and their neighbours make a window, and what is left
    over belongs to the last."""
    a, b = [[1.0] * 6] * 7, [[1.0] * 3 + [2.0] * 3] * 7
    assert p90_ratio(a, b, ONE) == pytest.approx(2.0)
    assert p90_ratio(a[:3], b[:3], ONE) is None


def test_the_tail_is_that_of_each_input_against_its_own_time():
    """Two inputs, one ten times as long: no step is slow for its input."""
    steps = [[1.0, 10.0] * 15]
    assert p90_ratio(steps, steps, (2, 2)) == 1.0
    b = [[1.0, 10.0] * 7 + [1.0, 20.0] * 8]
    assert p90_ratio(steps, b, (2, 2)) == pytest.approx(2.0)
