"""When a comparison ends, and what it says."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import count

import pytest
from played import MIB, a_noise, a_round, comparison, metric, result, rounds

from harness.ab.comparison import StopRule, compare, different_work
from harness.ab.pair import SideEndedError
from harness.statistics import LOOKS

ENDLESS = StopRule(budget_s=1e9)


class Clock:
    """Each round takes ten seconds: `compare` reads it at its start, then after each
    round."""

    def __init__(self) -> None:
        self._ticks = count()

    def __call__(self) -> float:
        return 10.0 * next(self._ticks)


def wild(number: int) -> float:
    """Ratios all over the place, from 0.14 to 7.4."""
    return math.exp(2 * math.sin(7 * number))


def compared(*ratios: float, stop: StopRule = ENDLESS):
    """The ratios of the first rounds, the last of them for all further ones."""

    def play(number: int):
        return rounds(ratios[min(number, len(ratios) - 1)])[0]

    return compare("toy", play, stop, clock=Clock())


def test_a_clear_answer_ends_at_the_first_look():
    done = compared(1.1)
    assert (len(done.rounds), done.time_verdict.text) == (LOOKS[0], "slower")
    assert done.is_regression


def test_the_same_ends_there_too():
    done = compared(1.001, 0.999)
    said = "same within 3 % (mean within 10 %)"
    assert (len(done.rounds), done.time_verdict.text) == (8, said)
    assert not done.is_regression


def test_between_looks_nothing_is_decided():
    """One pair too wide at the eighth, which the ninth would outweigh: it ends at the
    next look."""
    done = compared(1.0, 1.1)
    assert len(done.rounds) == LOOKS[1]


def test_looks_are_those_that_the_limits_give():
    done = compared(1.1, stop=replace(ENDLESS, looks=(9,)))
    assert len(done.rounds) == 9


def test_the_last_look_ends_it_undecided():
    def play(number: int):
        return rounds(wild(number))[0]

    done = compare("toy", play, ENDLESS, clock=Clock())
    assert len(done.rounds) == LOOKS[-1]
    assert done.time_verdict.word == "undecided"


def test_no_round_begins_that_would_end_beyond_the_budget():
    stop = StopRule(budget_s=35.0)
    done = compared(0.5, 2.0, 0.5, 2.0, stop=stop)
    assert (len(done.rounds), done.seconds) == (3, 30.0)


def test_a_budget_for_less_than_one_round_still_gets_one():
    done = compared(1.0, stop=StopRule(budget_s=1.0))
    assert len(done.rounds) == 1
    assert not done.time_verdict.decided


def test_evaluation_is_no_part_of_the_budget():
    """Five of the ten seconds of each round: seven rounds fit instead of three."""
    one = a_round(1.0, 1.0, judging_s=5.0)
    stop = StopRule(budget_s=35.0, looks=(99,))
    done = compare("toy", lambda number: one, stop, clock=Clock())
    assert (len(done.rounds), done.seconds) == (7, 35.0)


def test_the_threshold_is_that_of_the_limits():
    done = compared(1.1, stop=replace(ENDLESS, threshold_percent=20.0))
    assert done.time_verdict.text == "same within 20 % (mean within 20 %)"


def test_memory_must_be_decided_too():
    def play(number: int):
        peak_bytes = int(MIB * wild(number))
        return a_round(1.0, 1.0, (result(), result(peak_bytes)))

    done = compare("toy", play, ENDLESS, clock=Clock())
    assert done.time_verdict.decided
    assert not done.memory_verdict.decided
    assert len(done.rounds) == LOOKS[-1]


def test_more_memory_is_a_regression():
    one = a_round(1.0, 1.0, (result(), result(2 * MIB)))
    done = replace(comparison(1.0), rounds=(one,) * 8)
    assert (done.memory_verdict.text, done.memory.ratio) == ("more", 2.0)
    assert done.is_regression


def test_unknown_memory_decides_nothing_and_hinders_nothing():
    one = a_round(1.0, 1.0, (result(None), result(None)))
    done = compare("toy", lambda number: one, ENDLESS, clock=Clock())
    assert (done.memory, done.memory_verdict, len(done.rounds)) == (None, None, 8)


@pytest.mark.parametrize(
    ("b", "word", "regression"),
    [
        (0.10, "same", False),
        (0.11, "differs", False),
        (0.13, "worse", True),
        (0.05, "better", False),
    ],
)
def test_accuracy_is_worse_only_beyond_what_chance_does(b, word, regression):
    other = result(accuracy={"metrics": {"wer": metric(b)}})
    done = replace(comparison(1.0), rounds=(a_round(1.0, 1.0, (result(), other)),) * 8)
    assert [(m.name, m.word) for m in done.metrics] == [("wer", word)]
    assert done.is_regression is regression


def test_what_b_cannot_do_any_more_is_a_failure_and_a_regression():
    def play(number: int):
        raise SideEndedError("skipped", "B", "no such operator")

    done = compare("toy", play, ENDLESS, clock=Clock())
    assert (done.status, done.reason) == ("failed", "state B: no such operator")
    assert done.is_regression


@pytest.mark.parametrize(
    "changes",
    [
        {"accuracy": None},
        {"accuracy": {"metrics": {"wer": metric(0.1) | {"passed": False}}}},
    ],
)
def test_an_accuracy_or_a_gate_that_is_lost_is_a_regression(changes):
    results = (result(), result(**changes))
    done = replace(comparison(1.0), rounds=(a_round(1.0, 1.0, results),) * 8)
    assert [m.word for m in done.metrics] == ["worse"]
    assert done.is_regression


def test_work_without_accuracy_has_no_metrics():
    plain = result(accuracy=None)
    done = replace(comparison(1.0), rounds=(a_round(1.0, 1.0, (plain, plain)),))
    assert done.metrics == []


@pytest.mark.parametrize(
    ("changes", "stated"),
    [
        ({"work": {"items": 2.0, "audio_s": 5.0}}, "audio_s 6.0 in A, 5.0 in B"),
        ({"work": {"items": 1.0, "audio_s": 6.0}}, "items 2.0 in A, 1.0 in B"),
        ({"details": {"corpus_checksum": "cafe"}}, "corpus c0ffee in A, cafe in B"),
    ],
)
def test_different_work_has_no_verdict(changes, stated):
    results = (result(), result(**changes))
    assert different_work(results) == stated
    done = compare("toy", lambda n: a_round(1.0, 2.0, results), ENDLESS, clock=Clock())
    assert (done.status, done.reason) == ("failed", f"not the same work: {stated}")
    assert len(done.rounds) == 1


def test_another_size_of_model_is_the_same_work():
    small = result(work={"items": 2.0, "audio_s": 6.0, "model_bytes": 1})
    assert different_work((result(), small)) is None


@pytest.mark.parametrize("kind", ["skipped", "failed"])
def test_a_case_that_does_not_start_has_its_reason(kind):
    def play(number: int):
        raise SideEndedError(kind, "A", "no such operator")

    done = compare("toy", play, ENDLESS, clock=Clock())
    assert (done.status, done.reason) == (kind, "state A: no such operator")
    assert (done.time, done.time_verdict, done.metrics) == (None, None, [])


def test_rounds_before_a_crash_are_kept():
    def play(number: int):
        if number == 2:
            raise SideEndedError("skipped", "A", "gone")
        return a_round(1.0, 1.0)

    done = compare("toy", play, ENDLESS, clock=Clock())
    assert (done.status, len(done.rounds)) == ("failed", 2)


def test_each_round_is_stated():
    seen = []
    compare("toy", lambda n: a_round(1.0, 1.0), ENDLESS, seen.append, Clock())
    assert [len(so_far.rounds) for so_far in seen] == [1, 2, 3, 4, 5, 6, 7, 8]


def test_the_step_that_is_shown_is_the_median_over_the_pairs():
    assert comparison(1.0, 2.0, 8.0).step_s == (0.5, 1.0)


def test_what_went_on_beside_is_stated_beyond_the_limits():
    quiet = a_round(1.0, 1.0, noise=a_noise(others_cpu_percent=1.0, steal_percent=0.0))
    loud = a_noise(
        others_cpu_percent=48.0, steal_percent=3.0, quota_throttled_percent=60.0
    )
    louder = replace(loud, others_cpu_percent=49.0)
    rounds = (quiet, a_round(1.0, 1.0, noise=loud), a_round(1.0, 1.0, noise=louder))
    stated = replace(comparison(1.0), rounds=rounds).disturbance
    for part in (
        "quota_throttled_percent: 60 % of the quota's periods",
        "steal_percent: 3 % of the worker's CPUs (limit 1) at worst, in 2 of 3 pairs",
        "others_cpu_percent: 49 % of the worker's CPUs",
    ):
        assert part in stated
    assert replace(comparison(1.0), rounds=(quiet,)).disturbance is None


def test_how_one_worker_waits_for_the_other_is_no_disturbance():
    noise = a_noise(involuntary_switches_per_s=9_000.0, major_faults=900)
    one = a_round(1.0, 1.0, noise=noise)
    assert replace(comparison(1.0), rounds=(one,)).disturbance is None


@pytest.mark.parametrize(
    ("b", "word"),
    [
        (9.0, "same"),
        (8.7, "differs"),
        (9.4, "differs"),
        (8.4, "worse"),
        (9.6, "better"),
    ],
)
def test_of_some_metrics_higher_is_better(b, word):
    stated = [
        result(accuracy={"metrics": {"si_sdr": metric(v, 8.5, 9.5, better="higher")}})
        for v in (9.0, b)
    ]
    done = replace(comparison(1.0), rounds=(a_round(1.0, 1.0, tuple(stated)),) * 8)
    assert [(m.name, m.word) for m in done.metrics] == [("si_sdr", word)]
    assert done.is_regression is (word == "worse")


def test_a_metric_that_b_lost_keeps_the_direction_that_a_stated():
    stated = {"metrics": {"si_sdr": metric(9.0, better="higher")}}
    results = (result(accuracy=stated), result(accuracy=None))
    done = replace(comparison(1.0), rounds=(a_round(1.0, 1.0, results),) * 8)
    assert [(m.word, m.better) for m in done.metrics] == [("worse", "higher")]


def stalled(every: int, times: float, samples: int = 70):
    """A state that stalls in every so-many-th step against one that does not."""
    steps = [1.0 if (n + 1) % every else times for n in range(samples)]
    return replace(a_round(1.0, 1.0), blocks_s=([[1.0] * samples], [steps]))


def test_a_stall_in_every_seventh_step_is_found_by_mean_and_tail():
    """Mean 1.33 times, 90th percentile 3.3 times, a usual step the same."""
    done = compare("toy", lambda n: stalled(7, 3.3), ENDLESS, clock=Clock())
    assert (done.time.ratio, len(done.rounds)) == (1.0, 8)
    assert done.mean.ratio == pytest.approx(1 + 2.3 / 7)
    assert done.p90.ratio == pytest.approx(3.3)
    assert done.time_verdict.text == "slower by mean and p90 (else same within 3 %)"
    assert done.is_regression


def test_rare_stalls_show_in_the_mean_alone():
    done = compare("toy", lambda n: stalled(35, 8.0), ENDLESS, clock=Clock())
    assert done.p90.ratio == 1.0
    assert done.time_verdict.text == "slower by mean (else same within 3 %)"


def test_a_wider_threshold_does_not_hide_a_stall():
    stop = replace(ENDLESS, threshold_percent=8.0)
    done = compare("toy", lambda n: stalled(7, 3.3), stop, clock=Clock())
    assert done.time_verdict.word == "slower"


def test_a_mean_that_is_not_known_to_be_the_same_leaves_the_time_undecided():
    def play(number: int):
        return stalled(35, 10.0 if number % 2 else 1.0)

    done = compare("toy", play, replace(ENDLESS, looks=(8,)), clock=Clock())
    assert done.time_verdict.word == "undecided"
    assert done.time_verdict.text.startswith("undecided by mean: ")


def test_of_few_samples_no_90th_percentile_is_stated():
    assert compare("toy", lambda n: stalled(7, 3.3, 14), ENDLESS).p90 is None
    assert compare("toy", lambda n: stalled(7, 3.3, 21), ENDLESS).p90 is not None
