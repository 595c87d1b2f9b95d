"""Directions, units and titles of metrics."""

from __future__ import annotations

import pytest

from harness.metrics import (
    amount_text,
    as_loss,
    check_better,
    decimals_of,
    in_order,
    is_rate,
    level_text,
    scale_of,
    title_of,
    unit_of,
    value_text,
)


def test_a_loss_is_the_lower_the_better_whichever_way_the_metric_is() -> None:
    assert as_loss(0.12, "lower") > as_loss(0.10, "lower")
    assert as_loss(8.0, "higher") > as_loss(9.0, "higher")
    assert as_loss(-1.5, "higher") == 1.5


def test_what_is_no_direction_is_refused() -> None:
    check_better("lower")
    check_better("higher")
    with pytest.raises(ValueError, match="better is 'up': expected 'lower' or 'higher"):
        check_better("up")


@pytest.mark.parametrize(
    ("metric", "unit", "scale", "decimals"),
    [
        ("wer", "%", 100.0, None),
        ("cer_max", "%", 100.0, None),
        ("si_sdr", "dB", 1.0, 1),
        ("si_sdr_improvement", "dB", 1.0, 1),
        ("snr", "dB", 1.0, 1),
        ("levenshtein", "", 1.0, None),
        ("snrs", "", 1.0, None),
        ("perplexity", "", 1.0, None),
    ],
)
def test_shares_of_errors_are_told_in_percent_and_ratios_of_powers_in_db(
    metric: str, unit: str, scale: float, decimals: int | None
) -> None:
    assert (unit_of(metric), scale_of(metric)) == (unit, scale)
    assert decimals_of(metric) == decimals
    assert is_rate(metric) is (unit == "%")


def test_values_in_db_and_percent_have_one_decimal_and_no_zero_has_a_sign() -> None:
    assert value_text("si_sdr_improvement", 9.26) == "9.3 dB"
    assert value_text("si_sdr", -12.34) == "-12.3 dB"
    assert value_text("snr", -0.02) == "0.0 dB"
    assert value_text("wer", 0.1251) == "12.5 %"
    assert value_text("levenshtein", 2.34567) == "2.346"


def test_levels_are_told_as_they_were_asked_for() -> None:
    assert level_text("si_sdr_improvement", 6.25) == "SI-SDRi 6.25 dB"
    assert amount_text("si_sdr", -3.0) == "-3 dB"
    assert level_text("wer", 0.2) == "wer 20 %"


def test_separation_is_told_by_its_improvement_first() -> None:
    assert in_order(["snr", "si_sdr", "si_sdr_improvement"]) == [
        *("si_sdr_improvement", "si_sdr", "snr"),
    ]
    assert [title_of(name) for name in ("si_sdr", "cer_max")] == ["SI-SDR", "cer_max"]
