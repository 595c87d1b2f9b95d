import os

import pytest

from harness.bridges import cost


def test_showing_is_timed_case_by_case_in_a_real_pytest() -> None:
    found = cost.measure_showing(cases=3)
    assert (found.samples, found.cases) == (cost.SAMPLES, 3)
    assert 0 < found.least_s <= found.median_s <= found.most_s


def test_a_pytest_that_fails_is_stated_with_what_it_printed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cost, "_TEST", "def test_show():\n    assert {cases} == 0\n")
    with pytest.raises(RuntimeError, match="assert 3 == 0"):
        cost.measure_showing(cases=3)


def test_what_pytest_says_before_any_test_is_stated_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It refuses options on its error stream."""
    refused = {**os.environ, "PYTEST_ADDOPTS": "--no-such-option"}
    monkeypatch.setattr(cost, "inherited", lambda: refused)
    with pytest.raises(RuntimeError, match="unrecognized arguments: --no-such-option"):
        cost.measure_showing(cases=1)
