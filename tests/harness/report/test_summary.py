import re
from dataclasses import replace

import pytest
import toy
from outcomes import (
    ACCURACY,
    CASE,
    TRAINING_CASE,
    WORK,
    broken,
    outcome,
    point,
    record,
    segment,
    sensed,
    target,
    training_outcome,
)

from harness.measure.compose import failed, skipped
from harness.profile import SMOKE
from harness.report.remarks import remarks
from harness.report.summary import summary, summary_text


def cells(text, case):
    """The cells of a case's line."""
    lines = map(str.strip, text.splitlines())
    return re.split(" {2,}", next(line for line in lines if line.startswith(case.id)))


def training(*targets, case=TRAINING_CASE):
    points = [point(epoch, 0.9) for epoch in (1, 2, 3)]
    return record(training_outcome(*points, targets=list(targets)), case=case)


def test_an_operation_is_one_line_of_its_figures():
    ended = outcome(0.25, 0.5, 0.75)
    found = record(ended, flops_per_s=8e6, reason=None)
    text = summary_text([found])
    assert cells(text, CASE) == [
        CASE.id,
        "500",
        "-",
        "4",
        "12",
        "wer 12.5",
        "4e-05",
        "1",
        "50",
    ]
    assert "operations" in text
    assert "time to accuracy" not in text


def test_one_process_shows_no_interval_even_where_its_record_has_one():
    """Those of before told how much samples of one process vary."""
    one = record(outcome(0.25, 0.5, 0.75))
    timing = one.timing.model_copy(update={"median_interval_s": (0.25, 0.75)})
    text = summary_text([one.model_copy(update={"timing": timing})])
    assert "95 % interval" not in text
    assert "250-750" not in text


def test_several_processes_show_the_interval_of_their_mean():
    text = summary_text([record(outcome(0.5), outcome(0.5), outcome(0.5))])
    assert "95 % interval" in text
    # 0.5 times exp(-+1.96 sqrt(0.05^2 + 0.06^2 / 3))
    assert cells(text, CASE)[2] == "444-563"


def test_a_percentile_is_shown_once_its_samples_suffice():
    assert cells(summary_text([record(outcome(*[0.5] * 662))]), CASE)[2] == "500"


def test_what_is_not_known_is_a_dash_never_a_0():
    bare = outcome(
        0.5,
        work=WORK | {"macs": None, "model_bytes": None},
        accuracy={"metrics": None, "reason": "untrained weights"},
        peak_rss_bytes=None,
    )
    shown = cells(summary_text([record(bare)]), CASE)
    assert shown[5:] == ["-", "-", "-", "-"]


def test_a_case_that_stayed_spoiled_is_marked_where_its_time_stands():
    noisy = sensed(segment(1, steal_percent=12.0))
    assert cells(summary_text([record(outcome(0.5, seen=noisy))]), CASE)[1] == (
        "500 spoiled"
    )
    ended = replace(training_outcome(point(1, 0.9)), seen=noisy)
    found = summary_text([record(ended, case=TRAINING_CASE)])
    assert "3.00 spoiled" in cells(found, TRAINING_CASE)


def error_shown(**passed):
    """The cell of a record with these metrics, each 12.5 %, as they passed."""
    metric = ACCURACY["metrics"]["wer"]
    metrics = {name: metric | {"passed": value} for name, value in passed.items()}
    found = record(outcome(0.5, accuracy={"metrics": metrics, "reason": None}))
    return cells(summary_text([found]), CASE)[5]


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (("per", "cer", "wer"), "wer 12.5"),
        (("per", "cer"), "cer 12.5"),
        (("ctc_loss", "per"), "per 12.5"),
        (("ctc_loss",), "-"),
    ],
)
def test_the_first_error_rate_that_a_record_has_is_shown_by_name(names, shown):
    assert error_shown(**dict.fromkeys(names, True)) == shown


def test_a_gate_that_was_missed_shouts():
    assert error_shown(wer=False, cer=False) == "wer 12.5 FAILS GATE"


def test_a_gate_that_was_missed_on_another_metric_is_stated():
    assert error_shown(cer=None, levenshtein=False) == "cer 12.5 FAILS GATE"
    assert error_shown(cer=None, levenshtein=True) == "cer 12.5"


def test_a_gate_that_was_missed_is_not_hidden_by_one_that_was_kept():
    assert error_shown(wer=True, cer=False) == "cer 12.5 FAILS GATE"


@pytest.mark.parametrize(
    ("size", "shown"),
    [(94_474_140, "94.5"), (23_700_000, "23.7"), (900_000, "0.9"), (1.2345e9, "1230")],
)
def test_a_models_size_is_shown_in_megabytes_with_three_digits(size, shown):
    found = record(outcome(0.5, work=WORK | {"model_bytes": int(size)}))
    assert cells(summary_text([found]), CASE)[6] == shown


def test_a_training_is_one_line_with_its_time_to_each_target():
    found = training(target(0.5, 10.0, 3))
    text = summary_text([found])
    assert cells(text, TRAINING_CASE) == [
        TRAINING_CASE.id,
        "10.0 s",
        "3",
        "3.00",
        "3",
        "12.5",
        "1",
    ]
    assert "cer 50 %" in text
    assert "no training reached" not in text
    assert "operations" not in text


def test_a_level_that_no_training_reached_is_a_line_and_a_column_of_the_csv_alone():
    missed = (target(0.1, None, None), target(0.05, None, None))
    found = training(target(0.5, 10.0, 3), *missed)
    assert cells(summary_text([found]), TRAINING_CASE)[1:3] == ["10.0 s", "3"]
    (table,) = summary([found])
    assert table.notes == ("no training reached cer 10 %, cer 5 %",)
    hidden = {column.title: column.hidden for column in table.columns}
    assert [hidden[f"cer {n} %"] for n in (50, 10, 5)] == [False, True, True]


def test_accuracies_of_earlier_runs_are_counted_beside_those_of_this():
    new = record(outcome(0.5))
    assert not [line for line in remarks([new]) if "kept" in line]
    old = new.accuracy.model_copy(update={"kept": True})
    (line,) = [
        line
        for line in remarks([new, new.model_copy(update={"accuracy": old})])
        if "kept" in line
    ]
    assert line.startswith("1 of 2 accuracies are kept from earlier runs, of the same")
    assert line.endswith("--accuracy=anew measures them")


def test_every_trainings_targets_have_a_column():
    other = replace(TRAINING_CASE, model="other")
    text = summary_text(
        [
            training(target(0.5, 10.0, 3)),
            training(target(0.25, 7.0, 3), case=other),
        ]
    )
    assert cells(text, TRAINING_CASE)[1:3] == ["10.0 s", "-"]
    assert cells(text, other)[1:3] == ["-", "7.0 s"]
    assert "cer 25 %" in text


def test_what_failed_or_was_skipped_is_stated_with_the_first_line_of_its_reason():
    records = [
        failed(toy.WORKLOAD, CASE, SMOKE, broken("stage build: broken\nTraceback ...")),
        skipped(toy.WORKLOAD, CASE, SMOKE, "no such operator"),
    ]
    expected = [
        f"failed: {CASE.id}: stage build: broken",
        f"skipped: {CASE.id}: no such operator",
    ]
    assert remarks(records) == expected
    assert summary_text(records) == "\n".join(expected)


def test_every_warning_is_stated_whole_with_its_case():
    long = "warned " * 40 + "[of brackets]"
    text = summary_text([record(outcome(0.5, warnings=(long,)))])
    assert f"warning: {CASE.id}: {long}" in text


LONG = replace(
    CASE,
    workload="asr-decoding",
    compression="int8-static-keep-first",
    hardware="cpu:isa=avx512_vnni,threads=16",
    options=(("beam", "16"), ("readers", "4")),
)


def test_without_a_terminal_no_case_is_shortened_and_no_figure_left_out():
    _, titles, line = summary_text([record(outcome(0.5), case=LONG)]).splitlines()
    assert re.split(" {2,}", line.strip()) == [
        LONG.id,
        "500",
        "-",
        "4",
        "12",
        "wer 12.5",
        "4e-05",
        "1",
        "-",
    ]
    assert titles.endswith("of peak % ")


@pytest.mark.parametrize(
    ("columns", "lacks_room"),
    [(80, True), (160, False)],
)
def test_a_terminal_shows_every_case_and_the_figures_that_it_has_room_for(
    columns, lacks_room
):
    other = replace(LONG, compression="int8-static-keep-edges")
    records = [record(outcome(0.5), case=case) for case in (LONG, other)]
    _, titles, *lines = summary_text(records, columns).splitlines()
    names = [line.split()[0] for line in lines[:2]]
    assert len(set(names)) == 2
    assert all(name.startswith("asr-decoding/") for name in names)
    assert "ms/step" in titles
    assert max(map(len, (titles, *lines[:2]))) <= columns
    notes = [line for line in lines if line.startswith("no room for ")]
    assert bool(notes) == lacks_room
    assert all("speechmark show --csv" in note for note in notes)


def test_a_table_for_programs_has_what_readers_are_spared():
    (table,) = summary([record(outcome(0.25, 0.5, 0.75))])
    hidden = {c.title: (c.texts, c.values) for c in table.columns if c.hidden}
    assert hidden["metric"][0] == ("wer %",)
    assert hidden["its value"][1] == (12.5,)
    assert hidden["spoiled"][0] == ("",)


def test_a_case_is_no_markup_whatever_it_is_called():
    odd = record(outcome(0.5)).model_copy(update={"case_id": "toy/[/oops]"})
    assert "toy/[/oops]" in summary_text([odd])


def test_nothing_measured_is_nothing_shown():
    assert summary_text([]) == ""


def of_metrics(case=CASE, **metrics):
    """A record of metrics as (value, passed), of which higher is better."""
    stated = {
        name: {"value": value, "n": 50, "interval": [value, value], "better": "higher"}
        | {"passed": passed}
        for name, (value, passed) in metrics.items()
    }
    return record(outcome(0.5, accuracy={"metrics": stated, "reason": None}), case=case)


def test_separation_is_shown_by_its_improvement_in_db():
    stated = {"si_sdr": (2.0, None), "si_sdr_improvement": (9.26, True)}
    text = summary_text([of_metrics(**stated, snr=(3.0, None))])
    assert cells(text, CASE)[5] == "SI-SDRi 9.3 dB"
    assert "error" not in text
    assert "accuracy" in text


def test_a_loss_in_db_beyond_the_gate_shouts():
    text = summary_text([of_metrics(si_sdr=(-0.04, False))])
    assert cells(text, CASE)[5] == "SI-SDR 0.0 dB FAILS GATE"


def test_beside_db_error_rates_have_their_unit_in_the_cell():
    other = replace(CASE, model="other")
    text = summary_text([record(outcome(0.5)), of_metrics(other, snr=(3.0, None))])
    assert cells(text, CASE)[5] == "wer 12.5 %"
    assert cells(text, other)[5] == "SNR 3.0 dB"
    assert "error %" in summary_text([record(outcome(0.5))])


def test_a_training_towards_db_shows_its_levels_and_what_it_came_to():
    stated = target(metric="si_sdr_improvement", level=6.0, better="higher")
    ended = training_outcome(point(1, 0.9), targets=[stated])
    improved = of_metrics(si_sdr_improvement=(7.5, None)).accuracy
    found = record(ended, case=TRAINING_CASE).model_copy(update={"accuracy": improved})
    text = summary_text([found])
    assert "SI-SDRi 6 dB" in text
    assert "SI-SDRi 7.5 dB" in cells(text, TRAINING_CASE)
    assert "WER" not in text
