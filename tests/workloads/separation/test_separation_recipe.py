import pytest

from workloads.separation.recipe import Separation


def test_mixtures_are_cut_to_the_length_that_is_timed_and_made_anew():
    assert Separation() == Separation(segment_s=4.0, remix=True)


@pytest.mark.parametrize("segment_s", [0, -1.0])
def test_an_impossible_length_is_refused(segment_s):
    with pytest.raises(ValueError, match=f"^segment_s is {segment_s}: give more than"):
        Separation(segment_s=segment_s)
