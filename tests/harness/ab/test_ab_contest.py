"""What is kept of a contest, from its first case on."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from played import comparison
from test_ab_pair import MACHINE, SHORT, STATES, planned

from harness.ab.comparison import Comparison, StopRule
from harness.ab.contest import Contest, run_all, write
from harness.ab.pair import SideEndedError


@pytest.fixture
def contest(tmp_path: Path) -> Contest:
    return Contest(STATES, SHORT, MACHINE, StopRule(budget_s=0.0), tmp_path / "work")


def test_the_file_holds_every_sample_and_what_they_say(
    contest: Contest, tmp_path: Path
) -> None:
    out = tmp_path / "new" / "ab.json"
    write(out, contest, [comparison(*[1.1] * 8)], {"suite_version": "1"})
    kept = json.loads(out.read_text())
    assert (kept["format"], kept["suite_version"]) == ("speechmark-ab", "1")
    assert [state["name"] for state in kept["states"]] == ["A", "B"]
    case = kept["cases"][0]
    assert case["axes"]["model"] == "good"
    assert (case["time"]["verdict"], case["memory"]["ratio"]) == ("slower", 1.0)
    assert case["time"]["ratio"] == pytest.approx(1.1)
    assert case["rounds"][0]["blocks_s"][0] == [[0.5] * 4]
    assert case["metrics"][0] | {"name": "wer", "word": "same"} == case["metrics"][0]


def test_an_endless_interval_is_null(contest: Contest, tmp_path: Path) -> None:
    alone = comparison(1.1)
    assert alone.time is not None
    assert alone.time.high == math.inf
    write(tmp_path / "ab.json", contest, [alone], {})
    time = json.loads((tmp_path / "ab.json").read_text())["cases"][0]["time"]
    assert (time["low"], time["high"]) == (None, None)


def test_a_case_without_rounds_keeps_its_reason(
    contest: Contest, tmp_path: Path
) -> None:
    case_id = planned().case.id
    gone = Comparison(case_id, status="skipped", reason="no such operator")
    write(tmp_path / "ab.json", contest, [gone], {})
    case = json.loads((tmp_path / "ab.json").read_text())["cases"][0]
    assert (case["status"], case["reason"]) == ("skipped", "no such operator")
    assert (case["time"], case["rounds"]) == (None, [])


def test_a_finished_case_is_in_the_file_before_the_next_begins(
    contest: Contest, tmp_path: Path
) -> None:
    out = tmp_path / "ab.json"
    cases = [planned("good"), planned("broken")]
    counts = []
    for _ in run_all(contest, cases, (), out, {}, lambda so_far: None):
        kept = json.loads(out.read_text())["cases"]
        counts.append([case["status"] for case in kept])
    assert counts == [["ok"], ["ok", "failed"]]


def test_logs_and_scratch_folders_lie_in_the_work_folder(contest: Contest) -> None:
    contest.run(planned())
    logs = sorted(path.name for path in (contest.work_dir / "logs").iterdir())
    assert [log.rsplit("-", 2)[1:] for log in logs] == [["A", "0.log"], ["B", "0.log"]]


def test_the_users_corpus_reaches_the_workers(contest: Contest, tmp_path: Path) -> None:
    task = replace(contest, data_root=tmp_path)._task(planned(), 0, tmp_path)
    assert task.data_root == str(tmp_path)
    assert contest._task(planned(), 0, tmp_path).data_root is None


def test_a_pair_is_timed_twice_as_long_as_a_case_in_blocks_of_a_sixteenth(
    contest: Contest, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_s = []

    def play(open_side: object, timed_s: float, *rest: object) -> None:
        asked_s.append(timed_s)
        raise SideEndedError("failed", "A", "that was enough")

    monkeypatch.setattr("harness.ab.contest.play", play)
    contest.run(planned())
    assert asked_s == [2 * SHORT.timed_s]
    task = contest._task(planned(), 0, contest.work_dir)
    assert task.block_s == SHORT.timed_s / 16


@pytest.mark.parametrize("name", ["slow_down_percent", "stall_percent"])
def test_only_b_is_slowed(contest: Contest, name: str) -> None:
    slowed = replace(contest, **{name: 5.0})
    tasks = [slowed._task(planned(), index, slowed.work_dir) for index in (0, 1)]
    assert [getattr(task, name) for task in tasks] == [0.0, 5.0]


def test_cases_of_one_state_stand_in_the_file_from_the_beginning(
    contest: Contest, tmp_path: Path
) -> None:
    new = Comparison(planned("new").case.id, status="skipped", reason="new in B")
    out = tmp_path / "ab.json"
    for _ in run_all(contest, [planned()], [new], out, {}, lambda so_far: None):
        kept = json.loads(out.read_text())["cases"]
        assert [case["reason"] for case in kept] == [None, "new in B"]
