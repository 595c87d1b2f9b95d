"""Trials of the verdicts themselves."""

from __future__ import annotations

from dataclasses import replace

import pytest
import toy
from click.testing import CliRunner
from played import MIB, a_round, comparison, metric, result
from test_ab_pair import MACHINE, SHORT

from harness import live
from harness import profile as profiles
from harness.ab import command, trials
from harness.ab.comparison import Comparison
from harness.ab.trials import Trial, is_busy, passed


@pytest.mark.parametrize("cases", [1, 2, 5])
def test_half_of_twenty_trials_are_busy_and_each_case_both_ways(cases: int) -> None:
    busy = [is_busy(number, cases) for number in range(20)]
    assert sum(busy) == 10
    for case in range(cases):
        assert set(busy[case::cases]) == {True, False}


def trial(*ratios: float, busy: bool = False) -> Trial:
    return Trial(comparison(*ratios), busy)


SAME, SLOWER, FASTER = (trial(*[ratio] * 8) for ratio in (1.0, 1.1, 0.9))
UNDECIDED = trial(0.5, 2.0, 0.5, 2.0, 1.0)


def test_every_change_of_a_state_against_itself_is_false() -> None:
    assert SLOWER.false_verdicts == ["time slower"]
    assert FASTER.false_verdicts == ["time faster"]
    assert SAME.false_verdicts == UNDECIDED.false_verdicts == []


def test_so_are_changes_of_memory_and_accuracy() -> None:
    other = result(2 * MIB, accuracy={"metrics": {"wer": metric(0.11)}})
    changed = replace(
        comparison(1.0), rounds=(a_round(1.0, 1.0, (result(), other)),) * 8
    )
    assert Trial(changed, False).false_verdicts == ["memory more", "wer differs"]


@pytest.mark.parametrize(("false", "well"), [(0, True), (1, True), (2, False)])
def test_one_false_verdict_passes_and_two_do_not(false: int, well: bool) -> None:
    done = [SLOWER] * false + [SAME] * 12 + [UNDECIDED] * 6
    assert passed(done, "") == (
        well,
        f"false verdicts: {false} of {len(done)} comparisons of a state with itself, "
        f"of which {false + 12} came to a verdict",
    )


def test_trials_that_decide_nothing_are_no_evidence() -> None:
    ok, text = passed([UNDECIDED] * 9 + [SAME] * 11, "")
    assert (ok, "11 came to a verdict" in text) == (False, True)
    assert passed([UNDECIDED] * 8 + [SAME] * 12, "")[0]


@pytest.mark.parametrize(("found", "well"), [(18, True), (17, False)])
def test_eighteen_of_twenty_must_be_found(found: int, well: bool) -> None:
    done = [SLOWER] * found + [UNDECIDED, FASTER, SAME][: 20 - found]
    ok, text = passed(done, "5 % slower")
    assert (ok, text) == (well, f"5 % slower: found in {found} of 20 comparisons")


def test_a_comparison_that_broke_is_no_trial() -> None:
    broke = Trial(Comparison("toy", status="failed", reason="gone"), False)
    assert passed([SAME, broke], "") == (False, "1 of 2 comparisons broke")
    assert broke.line(1) == "  1 quiet toy: failed: gone"


def test_a_trials_line_has_its_ratio_interval_and_verdict() -> None:
    assert trial(*[1.1] * 8, busy=True).line(12) == (
        " 12 busy  toy/good/fp32/eager/cpu/b1: 1.1000 [1.100 to 1.100], 8 pairs, 80 s: "
        "slower"
    )


@pytest.fixture
def toy_suite(monkeypatch: pytest.MonkeyPatch) -> None:
    workload = replace(toy.WORKLOAD, points={"commit": toy.points("good", "other")})
    monkeypatch.setattr(command, "discover", lambda: [workload])
    monkeypatch.setattr(trials, "this_machine", lambda: MACHINE)
    monkeypatch.setitem(profiles.PROFILES, "commit", SHORT)


@pytest.mark.usefixtures("toy_suite")
def test_trials_of_a_state_with_itself_are_quiet_and_busy() -> None:
    arguments = ["aa", "--count", "3", "--minutes", "0.0001"]
    done = CliRunner().invoke(trials.main, arguments)
    lines = done.output.splitlines()
    assert [line.split()[1] for line in lines[:3]] == ["quiet", "busy", "busy"]
    assert [line.split()[2].split("/")[1] for line in lines[:3]] == [
        *("good", "other", "good")
    ]
    assert lines[-1].startswith("false verdicts: 0 of 3 comparisons of a state with")
    assert done.exit_code == 1, "one pair each decides nothing"


@pytest.mark.usefixtures("toy_suite")
def test_a_trial_that_takes_long_says_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live, "EVERY_S", 0.0)
    arguments = ["aa", "--count", "1", "--minutes", "0.0001"]
    said = CliRunner().invoke(trials.main, arguments).stderr
    assert said.startswith("toy/good/fp32/eager/cpu/b1: ")
    assert "1 pairs" in said
    assert said.endswith(" so far\n")


@pytest.mark.usefixtures("toy_suite")
def test_a_slow_down_that_is_not_found_in_time_fails_the_trial() -> None:
    arguments = ["power", "--count", "1", "--minutes", "0.0001", "-k", "other"]
    done = CliRunner().invoke(trials.main, [*arguments, "--slow-down", "7"])
    assert (done.exit_code, done.output.splitlines()[-1]) == (
        *(1, "7 % slower: found in 0 of 1 comparisons"),
    )


@pytest.mark.usefixtures("toy_suite")
def test_a_stall_in_every_seventh_step_is_found() -> None:
    arguments = ["stall", "--count", "1", "--stall", "5000", "-k", "good"]
    done = CliRunner().invoke(trials.main, arguments)
    assert (done.exit_code, done.output.splitlines()[-1]) == (
        *(0, "every 7th step 5000 % slower: found in 1 of 1 comparisons"),
    )


@pytest.mark.usefixtures("toy_suite")
def test_a_large_slow_down_is_found() -> None:
    arguments = ["power", "--count", "1", "--slow-down", "900", "-k", "good"]
    done = CliRunner().invoke(trials.main, arguments)
    assert done.exit_code == 0, done.output
    assert "quiet" in done.output
