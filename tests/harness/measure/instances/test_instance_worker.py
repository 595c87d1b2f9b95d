"""A worker among several: when it runs, and what it says of it."""

from __future__ import annotations

import time
from time import perf_counter

import pytest

from harness.measure.instances.worker import run_window


def test_a_window_begins_when_told_and_ends_after_the_end_with_its_cycle() -> None:
    begin_s = perf_counter() + 0.05
    found = run_window(lambda: time.sleep(0.002), 3, 1.0, begin_s, begin_s + 0.05)
    assert begin_s <= found.begins_s[0]
    assert found.begins_s[-1] + found.samples_s[-1] >= begin_s + 0.05
    assert len(found.samples_s) == len(found.begins_s)
    assert (len(found.samples_s) % 3, found.cycle) == (0, 3)


def test_one_whole_cycle_runs_however_short_the_window_is() -> None:
    found = run_window(lambda: time.sleep(0.001), 4, 1.0, 0.0, 0.0)
    assert len(found.samples_s) == 4


def test_a_window_tells_what_a_cycle_took() -> None:
    found = run_window(lambda: time.sleep(0.002), 2, 1.0, 0.0, perf_counter() + 0.02)
    took_s = found.begins_s[-1] + found.samples_s[-1] - found.begins_s[0]
    assert found.cycle_s == pytest.approx(took_s / (len(found.samples_s) / 2))


@pytest.mark.parametrize(("cycle_s", "untimed"), [(0.01, 2), (1.0, 0)])
def test_a_short_cycle_runs_untimed_before_the_samples(
    cycle_s: float, untimed: int
) -> None:
    ran: list[int] = []
    found = run_window(lambda: ran.append(1), 2, cycle_s, 0.0, 0.0)
    assert found.untimed_steps == untimed == len(ran) - len(found.samples_s)
