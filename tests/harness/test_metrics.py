"""Directions, units and titles of metrics."""

from __future__ import annotations

import pytest

from basics.metric_kinds import MetricKind
from harness.metrics import (
    MetricKinds,
    amount_text,
    as_loss,
    check_better,
    is_rate,
    known_kind,
    level_text,
    recorded_kind,
    value_text,
)
from workloads.metrics import kinds


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
def test_shares_of_errors_are_stated_in_percent_and_ratios_of_powers_in_db(
    metric: str, unit: str, scale: float, decimals: int | None
) -> None:
    kind = known_kind(metric)
    assert (kind.unit, kind.scale, kind.decimals) == (unit, scale, decimals)
    assert is_rate(kind) is (unit == "%")


def test_values_in_db_and_percent_have_one_decimal_and_no_zero_has_a_sign() -> None:
    assert value_text(known_kind("si_sdr_improvement"), 9.26) == "9.3 dB"
    assert value_text(known_kind("si_sdr"), -12.34) == "-12.3 dB"
    assert value_text(known_kind("snr"), -0.02) == "0.0 dB"
    assert value_text(known_kind("wer"), 0.1251) == "12.5 %"
    assert value_text(known_kind("levenshtein"), 2.34567) == "2.346"


def test_levels_are_stated_as_they_were_asked_for() -> None:
    assert level_text(known_kind("si_sdr_improvement"), 6.25) == "SI-SDRi 6.25 dB"
    assert amount_text(known_kind("si_sdr"), -3.0) == "-3 dB"
    assert level_text(known_kind("wer"), 0.2) == "wer 20 %"


def test_separation_is_stated_by_its_improvement_first() -> None:
    assert MetricKinds().in_order(["snr", "si_sdr", "si_sdr_improvement"]) == [
        *("si_sdr_improvement", "si_sdr", "snr"),
    ]
    assert [known_kind(name).title for name in ("si_sdr", "cer_max")] == [
        "SI-SDR",
        "cer_max",
    ]


EER = MetricKind("eer", "EER", "%", scale=100.0)


def test_a_metric_that_no_table_knows_is_stated_by_what_it_says_of_itself() -> None:
    kinds = MetricKinds([EER])
    assert level_text(kinds["eer"], 0.05) == "EER 5 %"
    assert value_text(kinds["eer"], 0.0512) == "5.1 %"
    assert (kinds["eer"].scale, is_rate(kinds["eer"])) == (100.0, True)
    assert kinds["wer"] == known_kind("wer")  # of names that no record tells


def test_metrics_that_are_not_known_by_name_follow_by_unit() -> None:
    kinds = MetricKinds([EER, MetricKind("pesq", "PESQ", "", "higher")])
    names = ["pesq", "eer", "snr", "wer", "apples"]
    assert kinds.in_order(names) == ["wer", "snr", "eer", "apples", "pesq"]


def test_a_record_of_before_is_read_by_the_name_and_keeps_its_direction() -> None:
    found = recorded_kind("si_sdr", "higher", None, None)
    assert (found.unit, found.title, found.decimals) == ("dB", "SI-SDR", 1)
    assert recorded_kind("snr", "lower", None, None).better == "lower"
    assert recorded_kind("levenshtein", "lower", None, None).edits_per_item


def test_what_a_record_says_counts_more_than_the_name() -> None:
    found = recorded_kind("wer", "lower", "", "words wrong", edits_per_item=True)
    assert (found.unit, found.scale, found.title) == ("", 1.0, "words wrong")
    assert found.edits_per_item


LATER = (kinds.ERROR_RATE, kinds.EER, kinds.MIN_T_DCF, kinds.MIN_DCF)
KNOWN_BEFORE = [
    kind
    for kind in vars(kinds).values()
    if isinstance(kind, MetricKind) and kind not in LATER
]


@pytest.mark.parametrize("kind", KNOWN_BEFORE, ids=lambda kind: kind.name)
def test_records_of_before_are_read_as_new_ones_are_written(kind: MetricKind) -> None:
    """The workloads' kinds, and what is known of their names."""
    written = recorded_kind(kind.name, kind.better, kind.unit, kind.title)
    assert written == kind
    before = recorded_kind(kind.name, kind.better, None, None)
    assert before == kind
