"""When readings of a ceiling agree, out of scripted ones."""

import pytest

from harness.observe.peaks import MOST_READINGS, Reading, settle
from harness.observe.roofline import Rate


def settled(*readings):
    """What is taken of these readings (rate, what disturbed it; a third where it could
    not be judged), the last for ever, and how many were asked for."""
    asked = []

    def reading():
        rate, by, *unjudged = readings[min(len(asked), len(readings) - 1)]
        asked.append(rate)
        return Reading(Rate(rate, 1), by, judged=not unjudged)

    found, doubt = settle(reading)
    return found.per_s, doubt, len(asked)


def test_two_clean_readings_that_agree_settle_it_by_the_higher():
    assert settled((98.0, None), (100.0, None)) == (100.0, None, 2)


def test_readings_go_on_until_two_agree():
    readings = ((50.0, None), (100.0, None), (80.0, None), (99.0, None))
    assert settled(*readings) == (100.0, None, 4)


def test_a_disturbed_reading_is_discarded_even_where_it_is_the_highest():
    readings = ((300.0, "steal"), (100.0, None), (100.0, None))
    assert settled(*readings) == (100.0, None, 3)


def test_disturbed_throughout_the_highest_stands_in_doubt():
    found, doubt, asked = settled((36.0, "load"), (312.0, "steal 9 %"), (40.0, "load"))
    assert (found, asked) == (312.0, MOST_READINGS)
    assert doubt == (
        f"all {MOST_READINGS} readings were disturbed, the best by steal 9 %"
    )


def test_readings_that_never_agree_are_in_doubt():
    found, doubt, _ = settled(*((2.0**n, None) for n in range(MOST_READINGS)))
    assert found == 2.0 ** (MOST_READINGS - 1)
    assert doubt == f"no two of {MOST_READINGS} undisturbed readings agree within 3 %"


UNJUDGED = "not judged"


def test_readings_that_nobody_judged_settle_nothing_however_well_they_agree():
    found, doubt, asked = settled((100.0, None, UNJUDGED))
    assert (found, asked) == (100.0, MOST_READINGS)
    assert doubt.startswith(f"none of {MOST_READINGS} readings could be judged")


def test_an_unjudged_reading_does_not_stand_beside_clean_ones():
    readings = ((100.0, None), (300.0, None, UNJUDGED), (99.0, None))
    assert settled(*readings) == (100.0, None, 3)


def test_an_unjudged_reading_is_not_taken_for_a_disturbed_one():
    found, doubt, _ = settled((90.0, None, UNJUDGED), (200.0, "steal"))
    assert found == 90.0
    assert doubt == (
        f"of {MOST_READINGS} readings 1 could not be judged, the others were disturbed"
    )


@pytest.mark.parametrize(("second", "asked"), [(97.0, 2), (96.9, 3)])
def test_to_agree_is_to_differ_by_three_per_cent_at_most(second, asked):
    assert settled((100.0, None), (second, None), (100.0, None))[2] == asked
