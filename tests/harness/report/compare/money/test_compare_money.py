import math
from dataclasses import replace

import pytest
from rows import (
    CANDIDATES,
    HALF,
    OWNED,
    PRICES,
    RENTED,
    bound,
    error,
    estimate,
    measured,
    one_row,
    reached,
    row,
    trained,
    work,
)

from harness.metrics import MetricKinds
from harness.report.compare.model import AccuracyCost, NotMeasured, Work
from harness.report.compare.money.costs import money
from harness.report.compare.money.prices import Machine
from harness.report.compare.published import PublishedTime
from harness.report.compare.terms import QuestionError, Terms, check_limits

WORK = work()


def served(rows, terms=HALF, prices=PRICES, **others):
    """The serving of each candidate, by label."""
    found = money(rows, CANDIDATES, prices, terms, **others)
    return {serving.candidate: serving for serving in found.serving}


def test_an_hour_of_audio_costs_a_busy_hour_over_the_rtfx():
    found = served([one_row()])
    # 0.20 / 100 and 0.50 / 400
    assert found["own"].per_audio_hour == pytest.approx(0.002)
    assert found["rent"].per_audio_hour == pytest.approx(0.00125)
    assert found["own"].audio_hours_per_money == pytest.approx(500)
    assert found["rent"].audio_hours_per_money == pytest.approx(800)


@pytest.mark.parametrize("status", ["missing", "skipped", "failed"])
def test_what_one_alone_measured_is_no_offer_unless_the_other_cannot(status):
    """Else whoever measured more cases would be cheaper for it."""
    alone = row(
        work(batch_size=16),
        {"own": measured(rtfx=1000), "rent": NotMeasured(status, "no such case")},
    )
    found = served([one_row(), alone])
    rtfx = 100 if status == "missing" else 1000
    assert found["own"].rtfx == pytest.approx(rtfx)
    assert found["rent"].rtfx == pytest.approx(400)
    only = served([alone])["own"]
    if status == "missing":
        assert only.reason == "none of 1 cases: not in the files of rent"


def test_the_cost_of_an_hour_of_audio_is_as_sure_as_the_speed():
    # 0.20 / 125 and 0.20 / 80; of one process nothing is known.
    sure = measured(rtfx=100)
    unsure = replace(sure, rtfx=replace(sure.rtfx, low=80.0, high=125.0))
    found = served([one_row(unsure)])
    ends = (found["own"].per_audio_hour_low, found["own"].per_audio_hour_high)
    assert ends == pytest.approx((0.0016, 0.0025))
    assert found["own"].per_audio_hour == pytest.approx(0.002)
    assert found["rent"].per_audio_hour_low is None
    assert found["rent"].per_audio_hour_high is None


def test_an_owned_machine_that_is_busier_is_cheaper_and_a_rented_one_is_not():
    found = served([one_row()], Terms(utilization=1.0, years=2))
    assert found["own"].per_audio_hour == pytest.approx(0.001)
    assert found["rent"].per_audio_hour == pytest.approx(0.00125)


def test_measured_energy_is_charged_by_the_hour_of_audio():
    # 36,000 J = 0.01 kWh, x 0.05 = 0.0005 an hour of audio, beside 0.002.
    powered = OWNED.model_copy(update={"power_price_per_kwh": 0.05})
    prices = replace(PRICES, machines={"own": powered, "rent": RENTED})
    own = measured(rtfx=100, joules_per_audio_hour=estimate(36000))
    found = served([one_row(own)], prices=prices)
    assert found["own"].per_audio_hour == pytest.approx(0.0025)
    assert found["own"].joules_per_audio_hour == pytest.approx(36000)
    assert found["rent"].joules_per_audio_hour is None


def test_watts_at_the_wall_are_charged_and_never_shown_as_joules():
    # 0.2 kW x 0.50 = 0.10 an hour, beside 0.20: 0.30 / 100.
    watts = {"power_price_per_kwh": 0.50, "watts": 200.0}
    powered = OWNED.model_copy(update=watts)
    prices = replace(PRICES, machines={"own": powered, "rent": RENTED})
    found = served([one_row()], prices=prices)
    assert found["own"].per_audio_hour == pytest.approx(0.003)
    assert found["own"].joules_per_audio_hour is None


def test_the_cheapest_case_of_a_model_serves():
    fast, slow = work(batch_size=16), work(batch_size=1)
    rows = [
        row(each, {"own": measured(rtfx=rtfx), "rent": measured(rtfx=rtfx)})
        for each, rtfx in ((slow, 50), (fast, 200))
    ]
    found = served(rows)
    assert found["own"].work == fast
    assert (found["own"].rtfx, found["own"].errors) == (
        pytest.approx(200),
        {"wer": 0.1},
    )


def test_each_model_of_each_workload_is_served_by_itself():
    works = [work(), work(model="big"), work("wav2letter")]
    rows = [row(each, {"own": measured(), "rent": measured()}) for each in works]
    found = money(rows, CANDIDATES, PRICES, HALF).serving
    assert [(one.workload, one.model, one.candidate) for one in found] == [
        ("asr-inference", "ds2-small", "own"),
        ("asr-inference", "ds2-small", "rent"),
        ("asr-inference", "big", "own"),
        ("asr-inference", "big", "rent"),
        ("wav2letter", "ds2-small", "own"),
        ("wav2letter", "ds2-small", "rent"),
    ]


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (NotMeasured("failed", "no memory"), "failed: no memory"),
        (measured(gate_passed=False), "beyond its gate"),
        (measured(errors={}, errors_reason="untrained"), "no accuracy: untrained"),
        (measured(errors={}), "no accuracy: no reason given"),
        (measured(rtfx=1e-9), "an RTFx of 1e-09"),
    ],
)
def test_a_case_that_is_no_good_serves_nobody(cell, reason):
    found = served([one_row(cell)])
    assert found["own"].work is None
    assert found["own"].per_audio_hour is None
    assert found["own"].reason == f"none of 1 cases: {reason}"
    assert found["rent"].work == WORK


def test_a_case_that_is_in_no_file_serves_nobody():
    found = served([row(WORK, {"rent": measured()})])
    assert found["own"].reason == "none of 1 cases: not in its files"


def test_unlike_work_serves_nobody():
    found = served([one_row(same=False)])
    assert found["own"].reason == "none of 1 cases: not the same work on all candidates"


def test_many_reasons_are_stated_in_part():
    rows = [
        row(
            work(batch_size=size),
            {"own": NotMeasured("failed", str(size)), "rent": measured()},
        )
        for size in (1, 1, 2, 3, 4, 5)
    ]
    assert served(rows)["own"].reason == (
        "none of 6 cases: failed: 1; failed: 2; failed: 3; 2 more reasons"
    )


def test_a_candidate_without_a_price_has_that_for_a_reason():
    prices = replace(PRICES, machines={"own": OWNED})
    found = served([one_row()], prices=prices)
    assert found["rent"].reason == "no price in the price list"
    assert found["own"].work == WORK


@pytest.mark.parametrize(
    ("limits", "changes", "reason"),
    [
        ({"wer": 0.25}, {"errors": {"wer": error(0.25)}}, None),
        ({"wer": 0.25}, {"errors": {"wer": error(0.3)}}, "wer 0.3 is above 0.25"),
        ({"wer": 0.25}, {"errors": {"cer": error(0.1)}}, "wer is not known"),
        ({"p99_ms": 50}, {"latency_ms": {"p99": bound(50)}}, None),
        (
            {"p99_ms": 50},
            {"latency_ms": {"p99": bound(51)}},
            "p99 may be 51 ms, above 50",
        ),
        (
            {"p99_ms": 50},
            {"latency_ms": {"p99": bound(None, 40, 662)}},
            "p99 is not known: 40 samples, it takes 662",
        ),
        ({"p99_ms": 50}, {"latency_ms": {"p90": bound(1)}}, "p99 is not known"),
        (
            {"wer": 0.25, "p90_ms": 5},
            {"latency_ms": {"p90": bound(7)}},
            "p90 may be 7 ms, above 5",
        ),
    ],
)
def test_only_cases_within_the_limits_serve(limits, changes, reason):
    terms = replace(HALF, limits=limits)
    wer = measured(latency_ms={"p99": bound(1), "p90": bound(1)})
    found = served([one_row(measured(**changes), wer)], terms)
    assert found["own"].reason == (reason and f"none of 1 cases: {reason}")
    assert found["rent"].work == WORK


def test_the_bound_of_p99_is_what_is_shown():
    found = served([one_row(measured(latency_ms={"p99": bound(50)}))])
    assert (found["own"].p99_ms, found["rent"].p99_ms) == (50, None)


def test_a_limit_on_what_no_case_tells_is_refused():
    terms = replace(HALF, limits={"wre": 0.25})
    with pytest.raises(ValueError, match="limit wre") as caught:
        check_limits(terms, [one_row()], MetricKinds())
    assert str(caught.value) == (
        "limit wre: found no case with that error or latency (did you mean wer?), "
        "expected one of wer, p50_ms, p90_ms, p99_ms, p99_9_ms"
    )


def test_a_limit_on_an_error_is_a_mistake_where_no_case_tells_any():
    terms = replace(HALF, limits={"wer": 0.25})
    bare = measured(errors={}, errors_reason="untrained")
    with pytest.raises(QuestionError, match="limit wer: found no case with that error"):
        check_limits(terms, [one_row(bare, bare)], MetricKinds())


def test_workloads_without_errors_by_nature_and_trainings_serve_nobody():
    cell, training = measured(errors={}), trained(reached(0.1, 60.0))
    rows = [
        row(work("asr-input"), {"own": cell, "rent": cell}),
        row(work("asr-training"), {"own": training, "rent": training}),
    ]
    assert served(rows, without_errors={"asr-input"}) == {}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"utilization": 0.0},
            "utilization 0: expected the share of hours that a machine is busy, from "
            "0.001 to 1",
        ),
        (
            {"utilization": math.nan},
            "utilization nan: expected the share of hours that a machine is busy, from "
            "0.001 to 1",
        ),
        ({"years": -1.0}, "years -1: expected from 0.1 to 100"),
        (
            {"load_audio_hours_per_day": 0.0},
            "load 0: expected hours of audio a day, above 0 and at most 1e9",
        ),
        ({"limits": {"wer": -0.1}}, "limit wer = -0.1: expected 0 or more"),
        ({"limits": {"wer": math.nan}}, "limit wer = nan: expected 0 or more"),
    ],
)
def test_terms_that_make_no_sense_are_refused(changes, sentence):
    with pytest.raises(ValueError, match=r"expected") as caught:
        replace(HALF, **changes)
    assert str(caught.value) == sentence


def test_the_terms_stand_beside_the_answers():
    terms = Terms(0.5, 2, load_audio_hours_per_day=3000, limits={"wer": 0.25})
    found = money([one_row()], CANDIDATES, PRICES, terms)
    assert (found.currency, found.utilization, found.years) == ("USD", 0.5, 2)
    assert (found.load_audio_hours_per_day, found.limits) == (3000, {"wer": 0.25})
    assert [price.candidate for price in found.prices] == ["own", "rent"]
    assert [price.per_busy_hour for price in found.prices] == pytest.approx([0.2, 0.5])


def test_energy_that_only_one_of_two_is_charged_is_warned_of_and_marked():
    blind = OWNED.model_copy(update={"power_price_per_kwh": 0.5})
    prices = replace(PRICES, machines={"own": blind, "rent": blind})
    metered = measured(rtfx=100, joules_per_audio_hour=estimate(36000))
    found = money([one_row(metered)], CANDIDATES, prices, HALF)
    (warning,) = found.warnings
    assert warning.startswith("energy is missing from the costs of rent, and in those ")
    assert found.prices[1].energy_note.endswith("has no watts: too cheap beside own")
    alike = money([one_row(metered, metered)], CANDIDATES, prices, HALF)
    assert alike.warnings == ()


# Cost to accuracy


def training_row(*targets, same=True, **changes):
    training = trained(*targets, **changes)
    return row(work("asr-training"), {"own": training, "rent": training}, same)


def test_an_accuracy_costs_its_hours_times_the_price_of_an_hour():
    # 5,400 s = 1.5 h, x 0.20 and x 0.50
    found = money([training_row(reached(0.1, 5400))], CANDIDATES, PRICES, HALF)
    of = work("asr-training")
    assert [replace(each, cost=round(each.cost, 9)) for each in found.to_accuracy] == [
        AccuracyCost(of, "own", "cer", 0.1, pytest.approx(5400), 0.3),
        AccuracyCost(of, "rent", "cer", 0.1, pytest.approx(5400), 0.75),
    ]


def test_the_energy_of_a_training_is_in_its_cost():
    # Epochs of 3,600 s of audio (RTFx 450 x 8 s) take 10 s and 2,000 J: 0.2 kW x 0.50
    # = 0.10 an hour, beside 0.20: 1.5 h x 0.30.
    powered = OWNED.model_copy(update={"power_price_per_kwh": 0.50})
    prices = replace(PRICES, machines={"own": powered})
    changes = {
        "s_per_epoch": 10,
        "rtfx": 450,
        "step_s": estimate(8),
        "joules_per_audio_hour": estimate(2000),
    }
    rows = [training_row(reached(0.1, 5400), **changes)]
    (found,) = money(rows, CANDIDATES, prices, HALF).to_accuracy
    assert found.cost == pytest.approx(0.45)


@pytest.mark.parametrize(
    "unfit",
    [
        training_row(reached(0.1)),
        training_row(reached(0.1, 60), same=False),
        training_row(reached(0.1, 60), gate_passed=False),
        row(work("asr-training"), {"own": NotMeasured("failed", "x")}),
        one_row(),
    ],
    ids=["missed", "unlike", "beyond its gate", "failed", "no training"],
)
def test_what_is_not_reached_or_not_comparable_has_no_cost_to_accuracy(unfit):
    assert money([unfit], CANDIDATES, PRICES, HALF).to_accuracy == ()


def published(machine="Sys1$", tta_s=820 * 60.0, batch_size=96):
    target = ("cer", 0.10)
    return PublishedTime(
        machine, "asr-training", "ds2-paper", f"batch {batch_size}", *target, tta_s,
        "a document", "fp32", batch_size,
    )  # fmt: skip


SYS1 = Machine(purchase=2605.29, life_years=4, power_price_per_kwh=0.3)


def test_published_times_are_priced_by_the_documents_machines():
    # 2,605.29 / 4 = 651.3225 a year, / 8766 h = 0.0743010 an hour; x 820 / 60 h
    prices = replace(PRICES, machines={"Sys1$": SYS1, "own": OWNED})
    terms = Terms(utilization=1.0, years=2)
    times = [published(), published(tta_s=None), published("Sys9$")]
    found = money([], CANDIDATES, prices, terms, times)
    (cost,) = found.to_accuracy
    assert cost.cost == pytest.approx(1.0154470, rel=1e-6)
    assert (cost.candidate, cost.published) == ("Sys1$", True)
    assert (cost.metric, cost.level, cost.tta_s) == ("cer", 0.10, 49200)
    assert cost.source == "a document"
    prices = replace(PRICES, machines={"Sys1$": SYS1, "own": OWNED, "Sys9$": RENTED})
    others = money([], CANDIDATES, prices, terms, times).to_accuracy
    assert [other.candidate for other in others] == ["Sys1$", "Sys9$"]
    assert others[1].cost == pytest.approx(0.5 * 820 / 60)
    assert cost.work == Work(
        "asr-training", "ds2-paper", "fp32", "published", 96, (("setting", "batch 96"),)
    )


def test_the_price_of_a_published_machine_is_labelled():
    prices = replace(PRICES, machines={"Sys1$": SYS1, "own": OWNED})
    found = money([], CANDIDATES, prices, HALF, [published(), published()])
    assert [(price.candidate, price.published) for price in found.prices] == [
        ("own", False),
        ("Sys1$", True),
    ]
    assert found.prices[1].energy_note == (
        "left out: no joules were measured, and the price list has no watts"
    )


def test_the_cheapest_hour_may_be_that_of_several_workers_at_once():
    several = replace(WORK, options=(("instances", "8"),))
    cells = {"own": measured(rtfx=500), "rent": NotMeasured("skipped", "one core")}
    found = served([one_row(), row(several, cells)])
    assert found["own"].work == several
    assert found["own"].per_audio_hour == pytest.approx(0.20 / 500)
    assert found["rent"].work == WORK
