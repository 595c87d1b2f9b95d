from itertools import pairwise

import pytest

from harness import profile
from harness.statistics import samples_needed


def test_a_profile_is_found_by_its_name():
    assert profile.find("standard") is profile.STANDARD
    assert [profile.find(name).name for name in profile.PROFILES] == [
        "smoke",
        "commit",
        "quick",
        "standard",
        "paper",
    ]


def test_an_unknown_profile_is_quoted_beside_the_known_ones():
    known = "smoke, commit, quick, standard, paper"
    expected = f"^unknown profile 'full': expected one of {known}$"
    with pytest.raises(ValueError, match=expected):
        profile.find("full")


@pytest.mark.parametrize("name", ["standard", "paper"])
def test_numbers_for_a_purchase_come_from_three_processes(name):
    assert profile.find(name).processes >= 3


def test_standard_spends_its_time_on_processes_rather_than_on_samples():
    case_s = profile.STANDARD.warmup_s + profile.STANDARD.timed_s
    assert (case_s, profile.STANDARD.processes) == (15.0, 3)


def test_each_profile_gives_more_time_than_the_one_before():
    limits = [
        (p.warmup_s, p.timed_s, p.max_samples, p.training_budget_s)
        for p in profile.PROFILES.values()
    ]
    for smaller, larger in pairwise(limits):
        assert all(a < b for a, b in zip(smaller, larger, strict=True))


def test_the_default_profile_may_draw_enough_for_a_p99_bound():
    assert profile.QUICK.max_samples >= samples_needed(0.99)
