"""The answer in three figures, and the best of a single machine."""

from __future__ import annotations

from dataclasses import replace

import pytest
from compared import single, small
from pictured import changed

from harness.report.compare.model import Serving
from harness.report.compare.shown.best import best_of_models, best_table
from harness.report.compare.shown.key_figures import key_figures, key_figures_of_one


def test_who_is_fastest_what_is_cheapest_and_how_sure():
    fastest, cheapest, sure = key_figures(small())
    assert (fastest.question, fastest.answer) == ("Fastest", "xeon")
    assert fastest.detail == (
        "at 1.61 (95 % interval 1.55 to 1.68) times the speed of epyc, over 27 works"
    )
    assert cheapest.question == "Cheapest hour of audio within limits"
    assert cheapest.answer == "0.000130 USD"
    assert cheapest.detail == (
        "on xeon, which the intervals do not tell from the next, with wer at most "
        "25 %, p99 at most 50 ms"
    )
    assert (sure.question, sure.answer) == ("How sure", "97.5 %")
    assert sure.detail == "that xeon is faster than every other candidate"


def test_a_winner_that_is_not_clear_is_called_so():
    ranking = small().ranking
    wins = {a: dict.fromkeys(row, 0.6) for a, row in ranking.wins.items()}
    doubtful = replace(small(), ranking=replace(ranking, wins=wins))
    fastest, _, sure = key_figures(doubtful)
    assert fastest.question == "Ranks first, no clear winner"
    assert sure.answer == "60.0 %"


def test_doubt_that_is_not_known_is_said_to_be_so():
    ranking = replace(small().ranking, wins=None, reason="one process each")
    *_, sure = key_figures(replace(small(), ranking=ranking))
    assert (sure.answer, sure.detail) == ("-", "Not known: one process each.")


def test_without_a_ranking_the_reason_stands_there():
    fastest, _, sure = key_figures(replace(small(), ranking=None))
    assert fastest.answer == sure.answer == "-"
    assert fastest.detail.startswith("There is no verdict: the candidates did not do")


def test_without_prices_the_option_is_named():
    _, cheapest, _ = key_figures(replace(small(), money=None))
    assert (cheapest.answer, cheapest.detail) == (
        *("-", "Not asked: --prices=FILE answers it."),
    )


def test_limits_that_nobody_keeps_have_no_cheapest():
    money = replace(small().money, serving=())
    _, cheapest, _ = key_figures(replace(small(), money=money))
    assert cheapest.answer == "-"
    assert cheapest.detail == (
        "No case has a price, with wer at most 25 %, p99 at most 50 ms."
    )


def test_of_several_models_the_cheapest_of_most_is_named():
    money = small().money
    others = tuple(
        Serving(
            *("w", model, name, None, None, cost),
            per_audio_hour_low=0.9 * cost,
            per_audio_hour_high=1.1 * cost,
        )
        for model in ("a", "b")
        for name, cost in (("arm", 1.0), ("epyc", 2.0))
    )
    several = replace(money, serving=(*money.serving, *others))
    _, cheapest, _ = key_figures(replace(small(), money=several))
    assert cheapest.answer == "arm"
    assert cheapest.detail.startswith("for 2 of 3 models")
    unsure = tuple(replace(one, per_audio_hour_high=None) for one in others)
    several = replace(money, serving=unsure)
    _, cheapest, _ = key_figures(replace(small(), money=several))
    assert cheapest.answer == "-"
    assert cheapest.detail.startswith("The intervals tell none for any of 2 models")


# A single machine


def test_the_best_compression_is_held_against_the_fastest_that_did_the_same():
    inference, *_ = best_of_models(single())
    best = inference.compression
    assert (
        str(best.case.row.work) == "asr-inference/ds2-small/int8-dynamic/onnxruntime/b1"
    )
    # fp32 in ONNX Runtime is the fastest baseline: int8 takes 0.4 of its time.
    assert best.gain == pytest.approx(2.5)


def test_a_compression_beyond_its_gate_is_no_best():
    def failing(work, label, cell):
        is_int8 = work.compression == "int8-dynamic"
        return replace(cell, gate_passed=False) if is_int8 else cell

    inference, *_ = best_of_models(changed(single(), failing))
    assert inference.compression.case.row.work.compression == "bf16"
    assert inference.fastest.row.work.compression == "bf16"


@pytest.mark.parametrize(
    "changes",
    [{"beyond_limits": "wer of 60 %"}, {"errors": {}}],
    ids=["beyond the limits", "without an accuracy where others have one"],
)
def test_what_may_not_be_bought_is_no_best(changes):
    def fast(work, label, cell):
        is_int8 = work.compression == "int8-dynamic"
        return replace(cell, gate_passed=None, **changes) if is_int8 else cell

    inference, *_ = best_of_models(changed(single(), fast))
    assert inference.fastest.row.work.compression == "bf16"


def test_what_is_not_compressed_has_no_best_compression():
    features = next(b for b in best_of_models(single()) if b.workload == "asr-features")
    assert features.compression is None


def test_the_table_has_a_row_a_model_and_the_paired_loss():
    comparison = single()
    best = best_of_models(comparison)
    table = best_table(best, comparison.metrics)
    columns = {column.title: column for column in table.columns}
    assert columns["workload"].texts[0] == "asr-inference"
    assert columns["speed"].values[0] == 2.5
    assert columns["accuracy changes by"].texts[0] == "wer +0.60 %"
    assert columns["is in"].texts[0] == "RTFx"


def test_figures_of_a_single_machine_count_what_was_measured_and_spoiled():
    spoiled = changed(
        single(),
        lambda work, label, cell: replace(cell, spoiled=work.batch_size == 64),
    )
    measured, compression, disturbed = key_figures_of_one(
        spoiled, best_of_models(spoiled)
    )
    assert (measured.answer, measured.detail) == (
        "28",
        "0 lose more than their gate allows, 0 have no result",
    )
    assert compression.answer == "2.50 x"
    assert disturbed.answer == "6 of 28 cases"


@pytest.mark.parametrize("compression", ["fp32", "int8-dynamic"])
def test_a_best_compression_of_spoiled_times_says_so(compression):
    spoiled = changed(
        single(),
        lambda work, label, cell: replace(
            cell, spoiled=work.compression == compression
        ),
    )
    best = best_of_models(spoiled)
    _, figure, _ = key_figures_of_one(spoiled, best)
    assert figure.detail.endswith("; other load spoiled their times")
    table = best_table(best, spoiled.metrics)
    (column,) = [one for one in table.columns if one.title == "its times"]
    assert column.texts[0] == "spoiled"


def test_nothing_spoiled_and_nothing_compressed_is_said():
    bare = changed(
        single(), lambda work, label, cell: replace(cell, gate_passed=None, errors={})
    )
    _, compression, disturbed = key_figures_of_one(bare, best_of_models(bare))
    assert compression.answer == "-"
    assert disturbed.answer == "0 of 28 cases"
