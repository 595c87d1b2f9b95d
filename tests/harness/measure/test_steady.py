from dataclasses import replace
from itertools import chain, repeat

import pytest

from harness.measure.steady import SEGMENT_S, WarmUp, draw_samples, warm_up
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


@pytest.mark.parametrize(
    ("max_s", "least_s"), [(0.5, 0.25), (2.0, 1.0), (10.0, 3.0), (60.0, 3.0)]
)
def test_windows_that_agree_at_once_do_not_end_a_warm_up(max_s, least_s):
    warm = warm_up(nothing, FakeTimer(2.0**-6), max_s)
    assert least_s <= warm.seconds < least_s + 0.125
    assert warm.steady


def test_a_clock_that_falls_after_two_windows_is_waited_for():
    """Turbo for 0.75 s, then the clock that lasts."""
    turbo = [2.0**-5] * 24
    warm = warm_up(nothing, FakeTimer(*turbo, 2.0**-4), max_s=2.0)
    assert (warm.steady, warm.mean_change_percent) == (True, 0.0)
    assert warm.seconds >= 1.0


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
    warm = warm_up(nothing, FakeTimer(step_s), max_s=0.1)
    per_window = -(-0.05 // step_s)
    assert warm == WarmUp(2 * per_window * step_s, 2 * per_window, True, 0.0)


def draw(timer, profile, *verdicts, cycle=1):
    """Samples, while the parent answers of segment after segment "spoiled" or "clean"
    (the last answer for ever, clean by default)."""
    answers = chain(
        verdicts or ("clean",), repeat(verdicts[-1] if verdicts else "clean")
    )
    return draw_samples(
        nothing, timer, profile, cycle, lambda _: next(answers) != "clean"
    )


def test_samples_are_drawn_until_their_time_is_up():
    timer = FakeTimer(0.25)
    assert draw(timer, replace(PROFILE, timed_s=1.0)).samples_s == [0.25] * 4


def test_the_fewest_samples_are_drawn_even_when_time_is_up():
    profile = replace(PROFILE, timed_s=1.0, min_samples=5)
    assert draw(FakeTimer(3.0), profile).samples_s == [3.0] * 5


def test_no_more_samples_are_drawn_than_the_profile_allows():
    profile = replace(PROFILE, timed_s=1e6, max_samples=7)
    assert draw(FakeTimer(0.25), profile).samples_s == [0.25] * 7


@pytest.mark.parametrize(("max_samples", "drawn"), [(1, 3), (3, 3), (4, 6)])
def test_samples_come_in_whole_cycles(max_samples, drawn):
    profile = replace(PROFILE, timed_s=1e6, max_samples=max_samples)
    assert len(draw(FakeTimer(0.25), profile, cycle=3).samples_s) == drawn


def test_every_sample_is_kept_in_order_outliers_too():
    script = [1.0, 1.0, 64.0, 0.5, 1.0]
    profile = replace(PROFILE, timed_s=0.0, min_samples=5)
    timer = FakeTimer(*script)
    assert draw(timer, profile).samples_s == script == timer.made


def test_the_step_runs_once_a_sample():
    calls = []
    profile = replace(PROFILE, timed_s=0.0, min_samples=6)
    draw_samples(lambda: calls.append(1), FakeTimer(1.0), profile)
    assert len(calls) == 6


def sizes(drawn):
    return [len(segment.samples_s) for segment in drawn.segments]


def test_samples_come_in_segments_of_about_a_second():
    assert SEGMENT_S == 1.0
    drawn = draw(FakeTimer(0.375), replace(PROFILE, timed_s=2.5))
    assert sizes(drawn) == [3, 4]
    assert (drawn.samples_s, drawn.spoiled) == ([0.375] * 7, False)


def test_no_segment_is_left_that_is_too_short_for_the_counters_of_noise():
    step_s = 2.0**-5
    drawn = draw(FakeTimer(step_s), replace(PROFILE, timed_s=2.25))
    assert [n * step_s for n in sizes(drawn)] == [1.0, 1.25]


def test_a_segment_is_stated_of_by_its_samples_after_the_last_of_them():
    timer, stated = FakeTimer(0.25), []

    def spoiled(samples):
        stated.append((samples, len(timer.made)))
        return False

    draw_samples(nothing, timer, replace(PROFILE, timed_s=2.5), spoiled=spoiled)
    assert stated == [(4, 4), (4, 8), (2, 10)]


@pytest.mark.parametrize(("cycle", "segments"), [(1, [2, 2]), (3, [3, 3]), (5, [5])])
def test_segments_hold_whole_cycles(cycle, segments):
    drawn = draw(FakeTimer(0.5), replace(PROFILE, timed_s=2.0), cycle=cycle)
    assert sizes(drawn) == segments


def test_few_long_steps_make_a_segment_each():
    drawn = draw(FakeTimer(3.0), replace(PROFILE, min_samples=3))
    assert sizes(drawn) == [1, 1, 1]


def test_a_spoiled_segment_is_drawn_again_and_kept_apart():
    timer = FakeTimer(*[0.25] * 4, *[0.5] * 2, 0.25)
    drawn = draw(timer, replace(PROFILE, timed_s=2.0), "clean", "spoiled", "clean")
    assert drawn.samples_s == [0.25] * 8
    assert drawn.spoiled_samples_s == [0.5] * 2
    assert (drawn.spoiled, drawn.extra_s) == (False, 1.0)
    assert [segment.spoiled for segment in drawn.segments] == [False, True, False]


def test_a_stage_all_spoiled_takes_twice_its_time_and_counts_every_sample():
    timer = FakeTimer(0.25)
    drawn = draw(timer, replace(PROFILE, timed_s=2.0), "spoiled")
    assert drawn.samples_s == timer.made == [0.25] * 16
    assert (drawn.spoiled, drawn.spoiled_samples_s, drawn.extra_s) == (True, [], 2.0)


def test_a_stage_may_become_clean_with_the_last_of_its_extra_time():
    verdicts = ["spoiled", "spoiled", "clean"]
    drawn = draw(FakeTimer(0.25), replace(PROFILE, timed_s=2.0), *verdicts)
    assert (drawn.spoiled, len(drawn.samples_s), drawn.extra_s) == (False, 8, 2.0)
    assert len(drawn.spoiled_samples_s) == 8


def test_clean_samples_that_do_not_suffice_count_beside_the_spoiled_in_order():
    timer = FakeTimer(*[0.25] * 4, *[0.5] * 2, *[0.125] * 8, 1.0)
    verdicts = ["clean", "spoiled", "spoiled", "spoiled"]
    drawn = draw(timer, replace(PROFILE, timed_s=2.0), *verdicts)
    assert drawn.spoiled
    assert drawn.samples_s == timer.made == [0.25] * 4 + [0.5] * 2 + [0.125] * 8 + [1.0]


def test_the_fewest_samples_are_asked_of_the_clean_ones_alone():
    profile = replace(PROFILE, timed_s=2.0, min_samples=3)
    drawn = draw(FakeTimer(1.0), profile, "spoiled", "clean")
    assert (drawn.samples_s, drawn.spoiled_samples_s) == ([1.0] * 3, [1.0])


def test_long_steps_are_drawn_again_for_no_more_than_the_timed_seconds():
    profile = replace(PROFILE, timed_s=2.0, min_samples=5)
    once = draw(FakeTimer(4.0), profile, "spoiled", "clean")
    assert (once.spoiled, len(once.samples_s), once.extra_s) == (False, 5, 4.0)
    twice = draw(FakeTimer(4.0), profile, "spoiled", "spoiled", "clean")
    assert (twice.spoiled, len(twice.samples_s), twice.extra_s) == (True, 6, 4.0)


def test_samples_up_to_the_most_are_drawn_again_no_more_than_once():
    profile = replace(PROFILE, timed_s=1e6, max_samples=8)
    clean = draw(FakeTimer(0.25), profile, "spoiled", "clean")
    assert (clean.spoiled, len(clean.samples_s)) == (False, 8)
    spoiled = draw(FakeTimer(0.25), profile, "spoiled")
    assert (spoiled.spoiled, len(spoiled.samples_s)) == (True, 16)


def test_a_profile_without_timed_seconds_draws_nothing_again():
    profile = replace(PROFILE, timed_s=0.0, max_samples=1)
    drawn = draw(FakeTimer(2.0), profile, "spoiled")
    assert (drawn.samples_s, drawn.spoiled, drawn.extra_s) == ([2.0], True, 0.0)


def counted_steps(profile, *script, **options):
    """How many steps ran in all, and what was drawn."""
    ran = []
    drawn = draw_samples(lambda: ran.append(1), FakeTimer(*script), profile, **options)
    return len(ran), drawn


def test_a_short_cycle_warms_the_caches_again_after_each_segment():
    three_s = replace(PROFILE, timed_s=3.0)
    ran, drawn = counted_steps(three_s, 0.0078125, cycle=2)
    assert len(drawn.segments) == 3
    assert drawn.untimed_steps == 2 * 2  # not after the last
    assert ran == len(drawn.samples_s) + drawn.untimed_steps


def test_a_long_cycle_is_not_run_untimed():
    ran, drawn = counted_steps(replace(PROFILE, timed_s=3.0), 0.25)
    assert (drawn.untimed_steps, ran) == (0, len(drawn.samples_s))
