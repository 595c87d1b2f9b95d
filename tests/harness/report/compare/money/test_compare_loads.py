from dataclasses import replace

import pytest
from rows import CANDIDATES, HALF, PRICES, measured, one_row

from harness.report.compare.money.costs import money
from harness.report.compare.money.loads import Choice, break_even, load_cost
from harness.report.compare.terms import Terms

RENT = Choice("w", "m", "rent", rtfx=400, fixed_per_year=0, running_per_busy_hour=0.5)
OWN = Choice("w", "m", "own", 100, fixed_per_year=876.6, running_per_busy_hour=0)


def stated(*choices):
    return [
        (found.owned, found.other, found.utilization, found.reason)
        for found in break_even(choices)
    ]


def test_an_owned_machine_breaks_even_where_its_hour_of_audio_costs_the_rented_ones():
    # 876.6 / (8766 x 100 x 0.5 / 400) = 0.8, and at 0.8: 876.6 / (8766 x 0.8) / 100
    # = 0.00125 = 0.5 / 400
    ((owned, other, utilization, reason),) = stated(RENT, OWN)
    assert (owned, other, reason) == ("own", "rent", None)
    assert utilization == pytest.approx(0.8)
    terms = Terms(utilization, years=1)
    own, rent = money([one_row()], CANDIDATES, PRICES, terms).serving
    assert own.per_audio_hour == pytest.approx(rent.per_audio_hour)


def test_the_energy_of_the_owned_machine_moves_the_break_even():
    # v1 = 0.025 / 100 = 0.00025: 876.6 / (876,600 x 0.001) = 1, just within all hours
    ((_, _, utilization, _),) = stated(replace(OWN, running_per_busy_hour=0.025), RENT)
    assert utilization == pytest.approx(1.0)


@pytest.mark.parametrize(("fixed", "times"), [(1205.325, "1.1"), (2191.5, "2")])
def test_a_machine_that_would_have_to_be_busier_than_always_never_breaks_even(
    fixed, times
):
    ((_, _, utilization, reason),) = stated(replace(OWN, fixed_per_year=fixed), RENT)
    assert utilization is None
    assert reason == f"never: it would have to be busy {times} times all hours"


def test_a_slow_rented_machine_is_rented_several_times_over():
    # 876.6 / (8766 x 100 x 0.05 / 10) = 0.2: 20 hours of audio an hour, two of it
    slow = replace(RENT, rtfx=10, running_per_busy_hour=0.05)
    ((_, _, utilization, _),) = stated(OWN, slow)
    assert utilization == pytest.approx(0.2)


@pytest.mark.parametrize("running", [0.125, 0.2])  # 0.125 / 100 = 0.5 / 400
def test_a_machine_that_costs_no_less_to_run_never_breaks_even(running):
    own = replace(OWN, running_per_busy_hour=running)
    ((_, _, utilization, reason),) = stated(own, RENT)
    assert utilization is None
    assert reason == "never: it costs more to have, and no less to run"


def test_two_owned_machines_break_even_at_the_load_at_which_both_cost_the_same():
    # (8766 - 876.6) / (8766 x 1000 x 2 / 1000) = 0.45
    dear = Choice("w", "m", "dear", 1000, 8766, 0)
    cheap = Choice("w", "m", "cheap", 1000, 876.6, 2)
    ((owned, other, utilization, reason),) = stated(cheap, dear)
    assert (owned, other, reason) == ("dear", "cheap", None)
    assert utilization == pytest.approx(0.45)


SEVERAL = "one cheap cannot carry all that dear can: see the costs over the load"


def test_a_machine_too_slow_for_the_break_even_is_stated():
    # (8766 - 876.6) / (8766 x 1000 x 0.1 / 100) = 0.9: 900 hours of audio an hour
    dear = Choice("w", "m", "dear", 1000, 8766, 0)
    cheap = Choice("w", "m", "cheap", 100, 876.6, 0.1)
    ((_, _, utilization, reason),) = stated(cheap, dear)
    assert utilization is None
    assert reason == SEVERAL


@pytest.mark.parametrize(
    ("dear_running", "cheap_running"), [(0, 0), (30, 3), (0, 0.03)]
)
def test_a_dearer_machine_that_may_replace_several_is_never_stated_to_be_never_cheaper(
    dear_running, cheap_running
):
    # By the hour of audio dear costs as much to run; 0.3 instead of 0.1; 0.001 less,
    # which alone would take 4,000 / (876,600 x 0.001) = 4.56 times all hours.
    dear = Choice("w", "m", "dear", 100, 10_000, dear_running)
    cheap = Choice("w", "m", "cheap", 30, 6_000, cheap_running)
    assert stated(dear, cheap) == [("dear", "cheap", None, SEVERAL)]


def test_a_dearer_machine_that_replaces_several_is_cheaper_over_the_load():
    # 1,500 hours of audio a day: 720 each of cheap, three for 18,000; 2,400 of dear.
    terms = Terms(utilization=1.0, years=1)
    dear = Choice("w", "m", "dear", 100, 10_000, 0)
    cheap = Choice("w", "m", "cheap", 30, 6_000, 0)
    assert costs(dear, 1500, terms) == (1, pytest.approx(10_000))
    assert costs(cheap, 1500, terms) == (3, pytest.approx(18_000))


def test_a_dearer_machine_that_is_no_faster_is_never_cheaper():
    dear = Choice("w", "m", "dear", 30, 10_000, 0)
    cheap = Choice("w", "m", "cheap", 30, 6_000, 0)
    ((_, _, utilization, reason),) = stated(dear, cheap)
    assert utilization is None
    assert reason == "never: it costs more to have, and no less to run"


def test_an_owned_machine_that_would_have_to_be_busier_than_always_is_stated_so():
    # 8766 / (8766 x 100 x (1 - 0) / 200) = 2: it is slower, and one other carries all.
    dear = Choice("w", "m", "dear", 100, 2 * 8766, 0)
    cheap = Choice("w", "m", "cheap", 200, 8766, 1)
    ((_, _, utilization, reason),) = stated(dear, cheap)
    assert utilization is None
    assert reason == "never: it would have to be busy 2 times all hours"


def test_rented_machines_and_those_that_cost_alike_have_no_break_even():
    assert stated(RENT, replace(RENT, candidate="other", rtfx=1)) == []
    assert stated(OWN, replace(OWN, candidate="other", rtfx=1)) == []


def costs(choice, load, terms=HALF):
    found = load_cost(choice, terms, load)
    return found.machines, found.cost


def test_an_owned_machine_is_paid_for_by_the_year_whatever_it_does():
    # 24 h x 100 x 0.5 = 1,200 hours of audio a day each; 876.6 x 2 years = 1,753.2
    assert costs(OWN, 1) == (1, pytest.approx(1753.2))
    assert costs(OWN, 1200) == (1, pytest.approx(1753.2))
    assert costs(OWN, 1201) == (2, pytest.approx(3506.4))
    assert costs(OWN, 3000) == (3, pytest.approx(5259.6))


def test_a_full_machine_is_no_two_by_rounding():
    # 24 h x 110 x 0.7 are 1,848, in floating point a little less.
    assert costs(replace(OWN, rtfx=110), 1848, Terms(0.7, 1))[0] == 1
    assert costs(replace(OWN, rtfx=110), 1848.001, Terms(0.7, 1))[0] == 2


@pytest.mark.parametrize(("years", "cost"), [(2, 1753.2), (6, 5259.6)])
def test_a_machine_is_paid_for_pro_rata_and_not_by_whole_lives(years, cost):
    # It was bought for four years, for 3,506.40.
    assert costs(OWN, 1, Terms(0.5, years)) == (1, pytest.approx(cost))


def test_a_rented_machine_is_paid_for_by_what_it_does():
    # 3,000 a day x 730.5 days x 0.5 / 400; 4,800 a day each
    assert costs(RENT, 3000) == (1, pytest.approx(2739.375))
    assert costs(RENT, 6000) == (2, pytest.approx(5478.75))


def test_energy_is_paid_for_by_what_an_owned_machine_does():
    # 1,200 a day x 730.5 days x 0.1 / 100 = 876.6, beside 1,753.2
    powered = replace(OWN, running_per_busy_hour=0.1)
    assert costs(powered, 1200) == (1, pytest.approx(2629.8))


def test_machines_that_may_be_busier_are_fewer():
    assert costs(OWN, 3000, Terms(1.0, 2)) == (2, pytest.approx(3506.4))


def test_full_machines_cost_by_the_hour_of_audio_what_serving_says():
    own, _ = money([one_row()], CANDIDATES, PRICES, HALF).serving
    _, cost = costs(OWN, 3600)
    assert cost == pytest.approx(own.per_audio_hour * 3600 * 365.25 * 2)


def test_a_stated_load_has_its_total_and_its_place_on_the_curve():
    terms = replace(HALF, load_audio_hours_per_day=3000)
    found = money([one_row()], CANDIDATES, PRICES, terms)
    assert [(one.candidate, one.machines) for one in found.total] == [
        ("own", 3),
        ("rent", 1),
    ]
    assert [one.cost for one in found.total] == pytest.approx([5259.6, 2739.375])
    assert set(found.total) <= set(found.over_load)


def test_the_curve_runs_from_a_hundredth_of_the_slowest_to_three_of_the_fastest():
    found = money([one_row()], CANDIDATES, PRICES, HALF)
    assert found.total == ()
    loads = [one.audio_hours_per_day for one in found.over_load]
    assert loads[:40] == loads[40:] == sorted(loads[:40])
    assert (loads[0], loads[39]) == (pytest.approx(12), pytest.approx(3 * 4800))


@pytest.mark.parametrize("load", [1.0, 1e6])
def test_the_curve_reaches_to_the_stated_load(load):
    terms = replace(HALF, load_audio_hours_per_day=load)
    found = money([one_row()], CANDIDATES, PRICES, terms).over_load
    loads = [one.audio_hours_per_day for one in found]
    assert load in loads
    assert (min(loads), max(loads)) == pytest.approx((min(load, 12), max(load, 14400)))
    beyond = [each for each in loads if not 11.9 < each < 14401]
    assert len(beyond) > 10  # as close as the others


def test_candidates_that_serve_nobody_have_no_loads_and_no_break_even():
    terms = replace(HALF, load_audio_hours_per_day=3000)
    bad = measured(gate_passed=False)
    found = money([one_row(bad)], CANDIDATES, PRICES, terms)
    assert {one.candidate for one in (*found.total, *found.over_load)} == {"rent"}
    assert found.break_even == ()
    none = money([one_row(bad, bad)], CANDIDATES, PRICES, terms)
    assert (none.total, none.over_load, none.break_even) == ((), (), ())


def test_a_total_is_as_sure_as_the_speed():
    terms = replace(HALF, load_audio_hours_per_day=3000)
    sure = measured(rtfx=100)
    unsure = replace(sure, rtfx=replace(sure.rtfx, low=50.0, high=300.0))
    own, rent = money([one_row(unsure)], CANDIDATES, PRICES, terms).total
    # Machines of 1,200 hours a day and half of them: three, six of 50, and one of 300.
    assert own.cost_low == pytest.approx(own.cost / 3)
    assert own.cost_high == pytest.approx(2 * own.cost - 0.0, rel=0.2)
    assert (rent.cost_low, rent.cost_high) == (None, None)
