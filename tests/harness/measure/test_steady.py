from dataclasses import replace
from itertools import chain, repeat

import pytest

from harness.measure.steady import WarmUp, draw_samples, warm_up
from harness.profile import Profile

PROFILE = Profile("test", 1.0, 1.0, 1, 1000, 1, 1.0)


class FakeTimer:
    """Steps take the seconds of a script, its last for ever; time passes in steps."""

    def __init__(self, *script):
        self._script = chain(script, repeat(script[-1]))
        self._now_s = 100.0
        self.made = []

    def now_s(self):
        return self._now_s

    def time_s(self, step):
        step()
        self.made.append(next(self._script))
        self._now_s += self.made[-1]
        return self.made[-1]


def nothing():
    pass


def test_a_constant_step_is_steady_after_two_windows_of_four():
    assert warm_up(nothing, FakeTimer(0.5), max_s=60.0) == WarmUp(4.0, 8, True, 0.0)


def test_a_slow_beginning_is_warmed_away():
    timer = FakeTimer(8.0, 4.0, 2.0, 2.0, 1.0)
    assert warm_up(nothing, timer, max_s=60.0) == WarmUp(24.0, 12, True, 0.0)


def test_what_never_settles_is_given_up_at_the_limit_with_the_last_change():
    timer = FakeTimer(*[1.0] * 4, *[2.0] * 4, *[4.0] * 4, *[8.0] * 4)
    assert warm_up(nothing, timer, max_s=28.0) == WarmUp(28.0, 12, False, 100.0)


def test_a_limit_that_holds_one_window_leaves_nothing_to_compare():
    assert warm_up(nothing, FakeTimer(1.0), 0.5) == WarmUp(4.0, 4, False, None)


def test_windows_that_agree_at_the_limit_are_steady():
    assert warm_up(nothing, FakeTimer(1.0), max_s=8.0).steady


@pytest.mark.parametrize(("second_s", "steady"), [(1.046875, True), (1.0546875, False)])
def test_means_may_differ_by_less_than_5_percent(second_s, steady):
    noisy = [0.5, 1.5, 0.5, 1.5]
    shifted = [second_s - 0.5, second_s + 0.5] * 2
    warm = warm_up(nothing, FakeTimer(*noisy, *shifted), max_s=8.0)
    change_percent = 100 * (second_s - 1)
    assert warm == WarmUp(4.0 + 4 * second_s, 8, steady, change_percent)


def test_close_means_whose_spreads_do_not_overlap_are_not_steady():
    timer = FakeTimer(*[1.0] * 4, *[1.03125] * 4)
    warm = warm_up(nothing, timer, max_s=8.0)
    assert (warm.steady, warm.mean_change_percent) == (False, 3.125)


@pytest.mark.parametrize(("cycle", "steps"), [(1, 8), (3, 12), (4, 8), (10, 20)])
def test_warm_up_windows_hold_whole_cycles(cycle, steps):
    assert warm_up(nothing, FakeTimer(1.0), 100.0, cycle).steps == steps


def test_inputs_of_unequal_length_are_steady_when_their_cycle_is():
    by_input = [1.0, 2.0, 4.0, 8.0, 16.0] * 8
    assert warm_up(nothing, FakeTimer(*by_input), 31.0, cycle=1).steady is False
    assert warm_up(nothing, FakeTimer(*by_input), 62.0, cycle=5).steady is True


BY_INPUT = (1.0, 2.0, 4.0, 8.0, 16.0)


def windows(*factors):
    """The steps of a cycle of unequal inputs, each times its factor of the window."""
    return [s * f for window in factors for s, f in zip(BY_INPUT, window, strict=True)]


def test_a_cycle_that_drifts_by_more_than_its_noise_is_not_steady():
    """However unlike its inputs are: that is no spread of the measurement."""
    timer = FakeTimer(*windows([1.0] * 5, [1.03125] * 5))
    warm = warm_up(nothing, timer, max_s=60.0, cycle=5)
    assert (warm.steps, warm.steady, warm.mean_change_percent) == (10, False, 3.125)


def test_a_cycle_that_drifts_by_less_than_its_noise_is_steady():
    up, down = 1.03125, 0.96875
    timer = FakeTimer(*windows([down, up, down, up, 1.0], [up, down, up, down, 1.0]))
    warm = warm_up(nothing, timer, max_s=60.0, cycle=5)
    assert (warm.steps, warm.steady) == (10, True)


def test_windows_of_microsecond_steps_are_long_enough_to_tell_from_noise():
    step_s = 2.0**-20
    warm = warm_up(nothing, FakeTimer(step_s), max_s=60.0)
    per_window = -(-0.05 // step_s)
    assert warm == WarmUp(2 * per_window * step_s, 2 * per_window, True, 0.0)


def test_samples_are_drawn_until_their_time_is_up():
    timer = FakeTimer(0.25)
    assert draw_samples(nothing, timer, replace(PROFILE, timed_s=1.0)) == [0.25] * 4


def test_the_fewest_samples_are_drawn_even_when_time_is_up():
    profile = replace(PROFILE, timed_s=1.0, min_samples=5)
    assert draw_samples(nothing, FakeTimer(3.0), profile) == [3.0] * 5


def test_no_more_samples_are_drawn_than_the_profile_allows():
    profile = replace(PROFILE, timed_s=1e6, max_samples=7)
    assert draw_samples(nothing, FakeTimer(0.25), profile) == [0.25] * 7


@pytest.mark.parametrize(("max_samples", "drawn"), [(1, 3), (3, 3), (4, 6)])
def test_samples_come_in_whole_cycles(max_samples, drawn):
    profile = replace(PROFILE, timed_s=1e6, max_samples=max_samples)
    assert len(draw_samples(nothing, FakeTimer(0.25), profile, cycle=3)) == drawn


def test_every_sample_is_kept_in_order_outliers_too():
    script = [1.0, 1.0, 64.0, 0.5, 1.0]
    profile = replace(PROFILE, timed_s=0.0, min_samples=5)
    timer = FakeTimer(*script)
    assert draw_samples(nothing, timer, profile) == script == timer.made


def test_the_step_runs_once_a_sample():
    calls = []
    profile = replace(PROFILE, timed_s=0.0, min_samples=6)
    draw_samples(lambda: calls.append(1), FakeTimer(1.0), profile)
    assert len(calls) == 6
