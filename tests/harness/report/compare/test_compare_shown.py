"""The verdict and the tables: what is said is what the comparison holds."""

from __future__ import annotations

from dataclasses import replace

import pytest
from compared import single, small
from compared_cells import bound, estimate, measured

from harness.metrics import MetricKinds
from harness.report.compare.model import (
    Estimate,
    Row,
    Saturated,
    Work,
)
from harness.report.compare.shown.apart import apart, candidates_table
from harness.report.compare.shown.cases import case_table, cases, is_verdict
from harness.report.compare.shown.columns import (
    estimate_columns,
    interval_column,
    work_columns,
)
from harness.report.compare.shown.money import money_tables
from harness.report.compare.shown.ranking import ranking_tables
from harness.report.splits import Split
from harness.report.tables.table import (
    number_column,
    percent,
    text_column,
)


def texts(table, title):
    (found,) = [one for one in table.columns if one.title == title]
    return found.texts


def values(table, title):
    (found,) = [one for one in table.columns if one.title == title]
    return found.values


def titles(table):
    return [column.title for column in table.shown]


def inference_table(comparison, baseline="epyc"):
    found = [
        case
        for case in cases(comparison)
        if is_verdict(case) and case.row.work.workload == "asr-inference"
    ]
    return case_table("cases", "Cases", found, MetricKinds(), baseline, True)


def training_table(comparison):
    found = [c for c in cases(comparison) if c.row.work.workload == "asr-training"]
    return case_table("cases", "Cases", found, MetricKinds(), "epyc", True)


# Numbers


def test_numbers_of_a_column_have_the_decimals_of_the_smallest():
    assert number_column("a", [0.5, 12.25]).texts == ("0.500", "12.250")
    assert number_column("a", [582, 1085.4]).texts == ("582", "1,085")


def test_numbers_too_far_apart_for_one_scale_have_three_digits_each():
    assert number_column("a", [0.00123, 4567.8]).texts == ("0.00123", "4,570")


def test_values_keep_six_digits_for_sorting_and_saving():
    assert number_column("a", [1234.56789, None]).values == (1234.57, None)


def test_an_estimate_has_its_ends_hidden_and_scaled():
    columns = estimate_columns("t", [Estimate(0.5, 0.4, 0.6, ())], 1e3, unit="ms")
    assert [(c.title, c.values, c.hidden) for c in columns] == [
        ("t", (500.0,), False),
        ("t low", (400.0,), True),
        ("t high", (600.0,), True),
    ]


def test_an_interval_of_one_process_is_not_known():
    column = interval_column("i", [Estimate(0.5, None, None, ()), estimate(1.0)])
    assert column.texts == ("-", "0.960 to 1.040")


def test_what_draws_cannot_tell_from_certain_is_not_called_certain():
    assert percent(1.0) == "over 99.9 %"
    assert percent(0.0) == "under 0.1 %"


def test_a_column_in_which_nothing_is_known_is_empty():
    assert number_column("a", [None, None]).is_empty
    assert text_column("a", ["", None]).is_empty
    assert not number_column("a", [0.0]).is_empty


def test_a_works_axes_are_hidden_columns_for_the_filters():
    work = Work("asr", "small", "int8", "openvino", 4, (("beam", "8"),))
    columns = work_columns([work], short=True)
    assert columns[0].texts == ("small/int8/openvino/b4/beam=8",)
    assert {column.facet: column.texts for column in columns if column.facet} == {
        "workload": ("asr",),
        "compression": ("int8",),
        "runtime": ("openvino",),
    }


# Cases


def test_a_case_shows_the_figures_of_its_cell():
    comparison = small()
    table = inference_table(comparison)
    cell = comparison.rows[0].cells["xeon"]
    at = list(zip(texts(table, "work"), texts(table, "candidate"), strict=True)).index(
        ("ds2-small/fp32/eager/b1", "xeon")
    )
    assert values(table, "step")[at] == pytest.approx(1e3 * cell.step_s.value, rel=1e-5)
    assert values(table, "time ratio")[at] == pytest.approx(0.62, rel=1e-5)
    assert texts(table, "95 % interval")[at] == "0.595 to 0.645"
    assert values(table, "RTFx")[at] == pytest.approx(cell.rtfx.value, rel=1e-5)
    assert values(table, "p99")[at] == pytest.approx(cell.latency_ms["p99"].value, 1e-5)
    assert values(table, "wer")[at] == 20.0
    assert values(table, "energy")[at] == pytest.approx(9 / 0.62 / 1.1, rel=1e-5)
    assert values(table, "size")[at] == pytest.approx(3.3)
    assert values(table, "processes")[at] == 3


def test_a_case_of_several_workers_shows_how_each_machine_was_split():
    work = Work("w", "m", "fp32", "eager", 1, (("instances", "2"),))
    plain = replace(work, options=())
    cells = {
        "epyc": replace(measured(1.0, 1), split=Split(2, 4)),
        "xeon": replace(measured(1.0, 1), split=Split(2, 1)),
    }
    rows = (Row(work, cells, True), Row(plain, cells, True))
    found = cases(replace(small(("epyc", "xeon")), rows=rows))
    table = case_table("cases", "Cases", list(found), MetricKinds(), "epyc", True)
    assert texts(table, "split") == ("2 x 4", "2 x 1", "-", "-")
    assert "split" not in titles(inference_table(small()))


def test_a_gate_tells_the_rise_and_the_limit_and_no_gate_is_no_verdict():
    table = inference_table(small())
    at = texts(table, "work").index("ds2-small/int8-dynamic/eager/b1")
    assert texts(table, "gate")[at] == "✓"
    assert texts(table, "gate by metric")[at] == "wer passes: +0.60 of +1.00"
    assert texts(table, "gate")[0] == "-"


def test_cases_beyond_their_gate_are_in_a_table_of_their_own():
    comparison = small()
    failed = apart(comparison)["failed"]
    assert set(texts(failed, "candidate")) == {"arm"}
    assert set(texts(failed, "gate")) == {"wer fails: +6.00 of +1.00"}
    pairs = set(
        zip(
            *(texts(inference_table(comparison), n) for n in ("work", "candidate")),
            strict=False,
        )
    )
    assert ("ds2-small/int8-dynamic/eager/b1", "arm") not in pairs
    assert ("ds2-small/int8-dynamic/eager/b1", "xeon") in pairs


def test_a_single_machine_has_intervals_of_its_times_and_no_ratios():
    table = inference_table(single(), None)
    assert "time ratio" not in titles(table)
    cell = single().rows[0].cells["epyc"]
    low, high = 1e3 * cell.step_s.low, 1e3 * cell.step_s.high
    assert texts(table, "95 % of step")[0] == f"{low:.2f} to {high:.2f}"


def test_columns_without_a_figure_are_left_out():
    assert "of peak" in titles(inference_table(small()))
    assert "of peak" not in titles(training_table(small()))
    assert "on device" not in titles(inference_table(small()))


def test_a_training_shows_time_to_each_target_and_who_missed_it():
    table = training_table(small())
    at = texts(table, "candidate").index("arm")
    assert texts(table, "to wer 20 %")[at] == "reached by 2 of 3"
    assert values(table, "to wer 20 %")[at] is None
    target = small().rows[-4].cells["epyc"].training.targets[0]
    assert values(table, "to wer 30 %")[0] == pytest.approx(target.tta_s.value, 1e-5)
    order = [title for title in titles(table) if title.startswith("to ")]
    assert order == ["to wer 30 %", "to wer 24 %", "to wer 20 %"]


def test_what_was_allowed_to_differ_and_what_was_spoiled_is_remarked():
    rows = training_table(small())
    assert "seed differs; 1 warning" in texts(rows, "remarks")
    work = Work("asr", "m", "fp32", "eager", 1)
    row = Row(work, {"epyc": measured(1.0, 1, spoiled=True, warnings=("a", "b"))}, True)
    found = list(cases(replace(single(), rows=(row,))))
    table = case_table("c", "C", found, MetricKinds(), short=True)
    assert texts(table, "remarks") == ("spoiled by other load; 2 warnings",)


def test_notes_tell_which_percentiles_lack_samples_and_why_nothing_is_known():
    found = [c for c in cases(small()) if c.row.work.workload == "asr-features"]
    notes = case_table("c", "C", found, MetricKinds(), "epyc", True).notes
    assert notes == (
        "Processes (runs, of a training) of a case: 1.",
        "Energy is not known of 2 cases: no powercap folder: this is a virtual machine",
        "Accuracy is not known of 2 cases: features have no errors",
    )


def test_a_note_tells_how_many_samples_a_percentile_lacks():
    row = Row(
        Work("asr", "m", "fp32", "eager", 1),
        {"epyc": measured(1.0, 1, latency_ms={"p99": bound(None, 64, 662)})},
        True,
    )
    found = list(cases(replace(single(), rows=(row,))))
    notes = case_table("c", "C", found, MetricKinds(), short=True).notes
    assert "p99 takes 662 samples: 1 case has fewer, 64 at most." in notes


def test_many_reasons_are_cut_and_counted():
    rows = tuple(
        Row(
            Work("asr", "m", f"c{i}", "eager", 1),
            {"epyc": measured(1.0, 1, energy_reason=f"reason {i}")},
            True,
        )
        for i in range(5)
    )
    found = list(cases(replace(single(), rows=rows)))
    notes = case_table("c", "C", found, MetricKinds(), short=True).notes
    assert "Energy is not known of 1 case: reason 2" in notes
    assert "Energy is not known of others for 2 further reasons: see the JSON." in notes


# Apart


def test_mismatches_tell_each_candidates_value_and_whether_it_was_allowed():
    table = apart(small())["mismatches"]
    assert texts(table, "what differs") == ("corpus", "seed")
    assert texts(table, "verdict") == ("refused", "allowed")
    assert texts(table, "xeon") == ("b", "2")


def test_refused_work_shows_figures_without_ratios():
    table = apart(small())["refused"]
    assert set(texts(table, "work")) == {"wav2letter/wav2letter-small/fp32/openvino/b1"}
    assert not [title for title in titles(table) if title.startswith("time ratio")]


def test_what_was_not_measured_says_why():
    table = apart(small())["not_measured"]
    assert texts(table, "candidate") == ("arm",)
    assert texts(table, "reason") == ("torchaudio: no such operator",)


def test_a_single_machine_shows_its_fingerprint_instead_of_differences():
    assert texts(apart(small())["differences"], "fact") == ("cpu_model", "os_kernel")
    table = apart(single())["differences"]
    facts = dict(zip(texts(table, "fact"), texts(table, "value"), strict=True))
    assert facts == {"host": "epyc", "cpu_model": "epyc 9000", "cpu_cores_allowed": "2"}


def test_nothing_apart_is_no_table():
    quiet = replace(single(), rows=single().rows[:3])
    found = apart(quiet)
    assert {name for name, table in found.items() if table} == {"differences"}


def test_candidates_are_stated_with_processor_and_commit():
    table = candidates_table(small())
    assert texts(table, "processor") == ("epyc 9000", "xeon 9000", "arm 9000")
    assert set(texts(table, "commit")) == {"155dc2d3021e"}


# Ranking and money


def test_the_ranking_goes_from_best_to_worst_with_the_matrix_in_its_order():
    found = ranking_tables(small())
    assert texts(found["scores"], "candidate") == ("xeon", "epyc", "arm")
    assert values(found["scores"], "speed") == (1.6129, 1.0, 0.588235)
    assert texts(found["scores"], "comes first") == ("98.0 %", "1.0 %", "1.0 %")
    assert values(found["scores"], "busy hour")[1] == 0.34
    assert texts(found["wins"], "epyc") == ("97.5 %", "-", "2.5 %")
    assert values(found["weights"], "weight") == (50.0, 25.0, 25.0)
    assert values(found["weights"], "works") == (24, 1, 2)
    assert texts(found["left_out"], "reason") == ("not the same work",)


def test_a_ranking_tells_which_works_count_with_saturated_throughput():
    comparison = small()
    ranking = comparison.ranking
    whole, *others = ranking.works
    splits = {"epyc": Split(8, 8), "xeon": Split(4, 8), "arm": None}
    some = replace(
        ranking, works=(whole, *others[:2]), saturated=(Saturated(whole, splits),)
    )
    notes = ranking_tables(replace(comparison, ranking=some))["scores"].notes
    assert notes == (
        f"{whole} counts with saturated throughput, that of the best split into "
        "workers x threads: 8 x 8 on epyc, 4 x 8 on xeon, one worker on arm.",
        "The other 2 works count with a step of one worker.",
    )
    alone = replace(some, works=(whole,))
    assert len(ranking_tables(replace(comparison, ranking=alone))["scores"].notes) == 1
    assert ranking_tables(comparison)["scores"].notes == ()


def test_a_price_by_saturated_throughput_says_so():
    comparison = small()
    found = comparison.money.serving[0]
    several = replace(found.work, options=(("instances", "8"),))
    serving = (replace(found, work=several), *comparison.money.serving[1:])
    money = replace(comparison.money, serving=serving)
    table = money_tables(replace(comparison, money=money))["serving"]
    assert texts(table, "case")[0].endswith("/b1/instances=8")
    assert "saturated throughput" in table.notes[-1]
    plain = money_tables(comparison)["serving"]
    assert not [note for note in plain.notes if "saturated" in note]


def test_without_doubt_there_is_no_matrix():
    ranking = small().ranking
    scores = tuple(
        replace(s, low=None, high=None, rank_shares=None) for s in ranking.scores
    )
    bare = replace(ranking, wins=None, order_share=None, scores=scores)
    found = ranking_tables(replace(small(), ranking=bare))
    assert found["wins"] is None
    assert "95 % interval" not in titles(found["scores"])


def test_money_shows_every_answer_with_its_currency_and_its_limits():
    found = money_tables(small())
    assert found["serving"].caption == (
        "The cheapest hour of audio with wer at most 25 %, p99 at most 50 ms"
    )
    assert texts(found["serving"], "case") == ("fp32/eager/b1", "fp32/eager/b1", "-")
    assert texts(found["serving"], "reason")[2].startswith("p99 is not known")
    assert values(found["serving"], "hour of audio")[0] == 2.1e-4
    assert values(found["to_accuracy"], "time to it") == (30.0, 18.6, 51.0)
    assert values(found["published_to_accuracy"], "time to it") == (86_400.0,)
    assert texts(found["break_even"], "from a utilization of") == ("31.0", "-")
    assert texts(found["total"], "total")[0] == "6,605.20"
    assert {c.unit for c in found["prices"].columns} == {"", "USD"}


def test_an_hour_of_audio_is_said_to_be_of_one_stage_without_arrivals():
    stage, latency = money_tables(small())["serving"].notes
    assert stage.startswith("Each hour of audio is through that workload alone")
    assert latency.endswith("no arrivals.")
    money = replace(small().money, limits={"wer": 0.25})
    assert money_tables(replace(small(), money=money))["serving"].notes == (stage,)


def test_a_priced_machine_of_a_document_is_set_apart_from_the_compared():
    money = small().money
    assert money_tables(small())["published_prices"] is None
    theirs = replace(money.prices[0], candidate="Sys1$", published=True)
    priced = replace(small(), money=replace(money, prices=(*money.prices, theirs)))
    found = money_tables(priced)
    assert texts(found["prices"], "candidate") == ("epyc", "xeon", "arm")
    assert texts(found["published_prices"], "candidate") == ("Sys1$",)


def test_without_prices_there_is_no_money():
    assert money_tables(single()) == {}
