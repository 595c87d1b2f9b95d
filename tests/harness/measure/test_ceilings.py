"""One peak a run for each hardware and precision, whenever it was found."""

from dataclasses import replace

import pytest
from outcomes import CASE, record

from harness.measure.ceilings import over_one_peak


def over(flops_per_s, hardware="cpu", **peaks):
    """A record of 4 MFLOP/s over this peak."""
    case = replace(CASE, hardware=hardware)
    stated = {
        "flops_per_s": flops_per_s or None,
        "bytes_per_s": 1e3 * flops_per_s,
    } | peaks
    return record(case=case, reason=None, **stated)


def peak_and_fraction(found):
    return found.roofline.peak_flops_per_s, found.roofline.fraction_of_peak


def test_records_of_before_a_peak_was_raised_are_stated_over_the_higher():
    low, high = over(5e6, operation="product"), over(16e6, operation="convolution")
    (found,) = over_one_peak([low, high])
    assert peak_and_fraction(found) == (16e6, pytest.approx(0.25))
    assert found.roofline.operation == "convolution"
    assert found.roofline.peak_bytes_per_s == 16e9
    assert found.timing == low.timing


def test_what_was_wrong_over_the_lower_peak_is_not_stated_over_the_higher():
    low, high = over(2e6), over(8e6)
    assert any("fraction_of_peak is wrong" in text for text in low.warnings)
    (found,) = over_one_peak([high, low])
    assert [text for text in found.warnings if "fraction_of_peak" in text] == []
    others = [text for text in low.warnings if "fraction_of_peak" not in text]
    assert found.warnings == others


def test_the_doubt_of_the_higher_peak_goes_with_it():
    (found,) = over_one_peak([over(5e6), over(8e6, doubt="all were disturbed")])
    assert found.roofline.doubt == "all were disturbed"
    (warning,) = [text for text in found.warnings if "fraction_of_peak" in text]
    assert warning.startswith("fraction_of_peak 0.5 is in doubt")


@pytest.mark.parametrize(
    "other",
    [
        over(16e6, "cpu:threads=1"),
        over(16e6, precision="bf16"),
        over(5e6),
        over(0),
    ],
    ids=["hardware", "precision", "same", "none"],
)
def test_other_hardware_another_precision_and_no_peak_move_nothing(other):
    assert list(over_one_peak([over(5e6), other])) == []


def test_all_stand_over_one_peak_after_one_pass():
    records = {n: over(peak) for n, peak in enumerate((5e6, 16e6, 9e6))}
    changed = list(over_one_peak(list(records.values())))
    assert len(changed) == 2
    assert list(over_one_peak([*changed, records[1]])) == []
