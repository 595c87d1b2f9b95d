"""What a metric says of itself."""

import dataclasses

import pytest

from basics.metric_kinds import MetricKind, decibels, error_rate


def test_a_metric_without_a_title_goes_by_its_name():
    assert MetricKind("eer").title == "eer"
    assert MetricKind("eer", "EER").title == "EER"


def test_rates_are_stated_in_percent_and_powers_in_db():
    rate, power = error_rate("eer", "EER"), decibels("snr")
    assert (rate.unit, rate.scale, rate.better) == ("%", 100.0, "lower")
    assert (power.unit, power.scale, power.better) == ("dB", 1.0, "higher")
    assert (rate.decimals, power.decimals) == (None, 1)


def test_what_is_no_direction_is_refused():
    with pytest.raises(ValueError, match="better is 'up': expected 'lower' or"):
        MetricKind("eer", better="up")


def test_a_kind_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        error_rate("eer").unit = "dB"
