"""The worker's side of a comparison."""

from __future__ import annotations

from time import perf_counter

import pytest

from harness.measure.turns import slowed


def nothing() -> None:
    pass


def test_a_step_that_is_not_to_be_slowed_is_left_alone():
    assert slowed(nothing, 0.0) is nothing


@pytest.mark.parametrize("percent", [50.0, 200.0])
def test_a_slowed_step_takes_at_least_its_share_longer(percent):
    spent = []

    def step() -> None:
        began = perf_counter()
        sum(range(20_000))
        spent.append(perf_counter() - began)

    slower = slowed(step, percent)
    began = perf_counter()
    slower()
    assert perf_counter() - began >= spent[0] * (1 + percent / 100)
