"""The window in which all workers run, on a clock that is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.measure.instances.windows import (
    CYCLES,
    LATE_S,
    MOST_EMPTY,
    NoCycleError,
    Stretch,
    Window,
    WindowSeries,
    window,
)
from harness.measure.messages import WindowMessage
from harness.profile import QUICK, Profile


def ran(
    begin_s: float, *samples_s: float, cycle: int = 1, untimed: int = 0
) -> WindowMessage:
    """Steps without a pause between them."""
    begins_s = [begin_s + sum(samples_s[:i]) for i in range(len(samples_s))]
    return WindowMessage(begins_s, list(samples_s), cycle, 1.0, untimed)


def test_only_what_lies_wholly_in_the_time_of_all_counts() -> None:
    early = ran(10.0, 1, 1, 1, 1)  # to 14
    late = ran(11.5, 1, 1, 1, 1)  # to 15.5
    found = window([early, late])
    assert found.seconds == 2.5  # 11.5 to 14
    assert found.stretches == (Stretch([1, 1], 2.0), Stretch([1, 1], 2.0))
    assert found.untimed_steps == 4
    assert found.samples_s == [1, 1, 1, 1]


def test_the_span_holds_pauses_between_steps() -> None:
    paused = WindowMessage([0.0, 2.0], [1.0, 1.0], 1, 1.0)
    assert window([paused, paused]).stretches[0] == Stretch([1.0, 1.0], 3.0)


def test_a_worker_counts_in_whole_cycles() -> None:
    """Inputs differ in length: half a cycle is no half of its work."""
    found = window([ran(0.0, 1, 3, 1, 3, 1, cycle=2), ran(0.0, *[1] * 10, cycle=2)])
    assert found.stretches[0] == Stretch([1, 3, 1, 3], 8.0)
    assert len(found.stretches[1].samples_s) == 8
    assert found.untimed_steps == 15 - 12


def test_steps_before_the_window_are_untimed() -> None:
    assert window([ran(0.0, 1, untimed=3), ran(0.0, 1)]).untimed_steps == 3


def test_a_window_without_a_cycle_of_every_worker_is_empty() -> None:
    assert window([ran(0.0, 5), ran(0.0, 1, 1)]).is_empty
    assert not window([ran(0.0, 1), ran(0.0, 1, 1)]).is_empty


PROFILE = replace(QUICK, timed_s=2.0, min_samples=2, max_samples=1000)
CYCLE_S = 0.01


def of(*seconds: float, untimed: int = 0) -> Window:
    """A window in which each of two workers did one step of each of these."""
    some = list(seconds)
    return Window(sum(some), (Stretch(some, sum(some)),) * 2, untimed)


def drawing(profile: Profile = PROFILE, cycle_s: float = CYCLE_S) -> WindowSeries:
    return WindowSeries(profile, cycle_s)


def test_a_window_takes_a_segment_or_what_is_lacking() -> None:
    found = drawing()
    assert found.next_s == 1.0 + LATE_S
    found.add(of(0.5, 0.5), False, CYCLE_S)
    assert found.next_s == pytest.approx(1.0 + LATE_S)
    found.add(of(0.4, 0.4), False, CYCLE_S)
    assert found.next_s == pytest.approx(0.2 + LATE_S)


def test_a_window_holds_a_cycle_of_the_slowest_worker() -> None:
    found = drawing(cycle_s=3.0)
    assert found.next_s == CYCLES * 3.0
    found.add(of(1.0), False, 4.0)
    assert found.next_s == CYCLES * 4.0


def test_windows_are_drawn_until_the_profile_has_its_time() -> None:
    found = drawing()
    for is_done in (False, True):
        found.add(of(0.5, 0.5), False, CYCLE_S)
        assert found.is_done is is_done
    assert (found.extra_s, found.stays_spoiled) == (0.0, False)


def test_the_worker_with_the_fewest_samples_must_have_enough() -> None:
    found = drawing(replace(PROFILE, min_samples=3))
    uneven = Window(2.0, (Stretch([1.0] * 2, 2.0), Stretch([0.1] * 20, 2.0)), 0)
    found.add(uneven, False, CYCLE_S)
    assert not found.is_done
    found.add(uneven, False, CYCLE_S)
    assert found.is_done


def test_the_most_samples_end_it_sooner() -> None:
    found = drawing(replace(PROFILE, max_samples=2))
    found.add(of(0.1, 0.1), False, CYCLE_S)
    assert found.is_done


def test_spoiled_windows_are_drawn_again_and_left_out() -> None:
    found = drawing()
    for is_spoiled in (True, False):
        found.add(of(1.0, untimed=1), is_spoiled, CYCLE_S)
    assert not found.is_done
    found.add(of(0.5, 0.5, untimed=1), False, CYCLE_S)
    assert found.is_done
    assert [w.samples_s for w in found.left_out] == [[1.0, 1.0]]
    assert len(found.counted) == 2
    assert (found.extra_s, found.untimed_steps) == (1.0, 3)


def test_where_drawing_again_does_not_help_all_windows_count() -> None:
    found = drawing()
    for _ in range(4):
        assert not found.is_done
        found.add(of(0.5, 0.5), True, CYCLE_S)
    assert found.is_done
    assert (len(found.counted), found.left_out) == (4, [])
    assert (found.stays_spoiled, found.extra_s) == (True, 2.0)


EMPTY = Window(1.0, (Stretch([], 0.0), Stretch([1.0], 1.0)), 7)


def test_a_window_that_tells_nothing_is_drawn_again_and_its_steps_are_untimed() -> None:
    found = drawing()
    found.add(EMPTY, False, CYCLE_S)
    assert (found.windows, found.untimed_steps) == ([], 7)


def test_workers_of_too_unlike_a_speed_are_no_measurement() -> None:
    found = drawing()
    for _ in range(MOST_EMPTY - 1):
        found.add(EMPTY, False, 2.0)
    with pytest.raises(NoCycleError, match="the longest cycle 2 s"):
        found.add(EMPTY, False, CYCLE_S)


def test_windows_that_tell_nothing_count_in_a_row() -> None:
    found = drawing()
    for _ in range(MOST_EMPTY - 1):
        found.add(EMPTY, False, CYCLE_S)
    found.add(of(0.1), False, CYCLE_S)
    found.add(EMPTY, False, CYCLE_S)
    assert len(found.windows) == 1
