"""Pairs of real workers of the toy workload."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import toy

from harness.ab.comparison import StopRule
from harness.ab.contest import Contest
from harness.ab.pair import Round, Side, SideEndedError, play
from harness.ab.states import State
from harness.case import Case
from harness.hardware import Machine
from harness.measure.results import TurnsResult
from harness.measure.spawn import Suite
from harness.observe.host_speed import Best, HostShare, share
from harness.observe.yardstick import Reading
from harness.plan import Planned
from harness.profile import COMMIT
from harness.suite import PACKAGES, SUITE
from harness.workload import Work, Workload

MACHINE = Machine(tuple(os.sched_getaffinity(0)), isas=("avx2",), cuda_devices=0)
SHORT = replace(COMMIT, warmup_s=0.0, timed_s=0.02)
STATES = tuple(State(name, ".", None, False, Suite(folder=SUITE)) for name in "AB")


def planned(
    model: str = "good", workload: Workload = toy.WORKLOAD, hardware: str = "cpu"
) -> Planned:
    return Planned(
        workload, Case(workload.name, model, "fp32", "eager", hardware, 1), 1
    )


@pytest.fixture
def contest(tmp_path: Path) -> Contest:
    return Contest(STATES, SHORT, MACHINE, StopRule(budget_s=0.0), tmp_path)


def test_both_states_are_timed_and_judged(contest: Contest) -> None:
    done = contest.run(planned())
    assert (done.status, len(done.rounds)) == ("ok", 1)
    assert all(
        sum(map(sum, blocks)) >= SHORT.timed_s for blocks in done.rounds[0].blocks_s
    )
    assert [(m.name, m.a, m.word) for m in done.metrics] == [("wer", 0.1, "same")]
    assert done.memory is not None
    assert done.rounds[0].noise is not None
    assert done.rounds[0].noise.steal_percent is not None


def test_a_slowed_state_is_seen_to_be_slower(contest: Contest) -> None:
    done = replace(contest, slow_down_percent=400.0).run(planned())
    assert done.time is not None
    assert done.time.ratio > 2


def test_each_round_has_fresh_processes(contest: Contest) -> None:
    replace(contest, stop=StopRule(budget_s=1e9, looks=(2,))).run(planned())
    built = contest.work_dir.glob("scratch/built-good")
    assert sum(len(path.read_text().split()) for path in built) == 4


def test_a_worker_runs_the_code_of_its_state(contest: Contest, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for package in PACKAGES:
        (other / package).symlink_to(SUITE / package)
    (other / "toy.py").write_text("raise RuntimeError('the toy of another state')")
    elsewhere = replace(STATES[1], suite=Suite(folder=other))
    done = replace(contest, states=(STATES[0], elsewhere)).run(planned())
    assert done.status == "failed"
    assert "state B: RuntimeError: the toy of another state" in (done.reason or "")


def test_a_worker_that_ran_other_code_than_its_states_is_found_out(
    contest: Contest, tmp_path: Path
) -> None:
    """In a folder without the suite, `-m` finds the installed one."""
    empty = replace(STATES[1], suite=Suite(folder=tmp_path))
    done = replace(contest, states=(STATES[0], empty)).run(planned())
    assert done.status == "failed"
    assert f"state B: it ran the suite in {SUITE}, not the one in {tmp_path}" in (
        done.reason or ""
    )


def test_a_worker_is_run_by_the_interpreter_of_its_state(
    contest: Contest, tmp_path: Path
) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho 'no such interpreter'\nexit 3\n")
    python.chmod(0o755)
    other = replace(STATES[0], suite=Suite(str(python), SUITE))
    done = replace(contest, states=(other, STATES[1])).run(planned())
    assert done.status == "failed"
    assert "state A: the worker ended with exit status 3" in (done.reason or "")
    assert "no such interpreter" in (done.reason or "")


def test_a_suite_from_before_comparisons_is_named_as_such(
    contest: Contest, tmp_path: Path
) -> None:
    old = tmp_path / "old"
    for name in ("basics", "harness"):
        shutil.copytree(SUITE / name, old / name)
    (old / "harness" / "measure" / "turns.py").unlink()
    state = replace(STATES[0], suite=Suite(folder=old))
    done = replace(contest, states=(state, STATES[1])).run(planned())
    assert done.reason == (
        "state A: its suite has no harness.measure.turns yet: compare later revisions"
    )


@pytest.mark.parametrize(
    ("model", "status", "stated"),
    [
        ("unsupported", "skipped", "state A: the toy has no such operator"),
        ("broken", "failed", "state A: ValueError: the toy is broken on purpose"),
        ("killed", "failed", "state A: the worker was killed by signal 9"),
    ],
)
def test_a_case_that_cannot_be_compared_says_why(
    contest: Contest, model: str, status: str, stated: str
) -> None:
    done = contest.run(planned(model))
    assert done.status == status
    assert stated in (done.reason or "")


def test_warnings_of_the_work_say_whose_they_are(contest: Contest) -> None:
    side = contest._side(planned("warns"), MACHINE, 1, 0)
    side.wait_for_turn()
    with pytest.raises(SideEndedError, match="killed by signal 9"):
        side.take("warm-up")
    side.close()
    assert side.warnings == ["a damaged cache"]


def test_a_training_is_refused_with_what_to_compare_instead(contest: Contest) -> None:
    done = contest.run(planned(workload=toy.TRAINING))
    assert (done.status, "compare asr-step" in (done.reason or "")) == ("skipped", True)


def test_hardware_that_is_not_here_is_skipped_before_anything_starts(
    contest: Contest,
) -> None:
    done = contest.run(planned(hardware="cuda:0"))
    assert (done.status, "0 CUDA" in (done.reason or "")) == ("skipped", True)


def test_caps_reach_the_workers(contest: Contest) -> None:
    done = contest.run(planned(hardware="cpu:isa=avx2,threads=1"))
    details = done.rounds[0].results[1].details
    assert (details["threads"], details["isa"]) == ("1", "AVX2")


class Player:
    """A side that notes when it is asked."""

    def __init__(self, index: int, calls: list[str]) -> None:
        self.name, self.warnings = "AB"[index], [f"warned {index}"]
        self._samples: list[float] = []
        self._calls = calls
        self.tree = self
        self.pid = os.getpid()

    def read(self) -> None:
        """Gone: no usage is known."""

    def begin(self, what: str) -> None:
        self._calls.append(f"{self.name} {what}")
        self._samples = [1.0] if what == "block" else []

    def wait_for_turn(self) -> list[float]:
        self._calls.append(f"{self.name} waited for")
        return self._samples

    def take(self, what: str) -> list[float]:
        self.begin(what)
        return self.wait_for_turn()

    def end(self, kind: type) -> TurnsResult:
        return kind(work=Work(2.0, 6.0), cycle=1)

    def close(self) -> None:
        self._calls.append(f"{self.name} closed")


def played(
    timed_s: float, b_first: bool, judged: bool, at_once: bool = False
) -> tuple[list[str], Round]:
    calls: list[str] = []

    def open_side(index: int) -> Side:
        return Player(index, calls)  # type: ignore[return-value]

    done = play(open_side, timed_s, b_first, judged, at_once)
    stated = [call for call in calls if "closed" not in call]
    return stated if at_once else [c for c in stated if "waited" not in c], done


def blocks(calls: list[str]) -> str:
    return "".join(call[0] for call in calls if call.endswith("block"))


def test_states_take_turns_a_b_b_a_until_each_has_its_time() -> None:
    calls, done = played(5.0, b_first=False, judged=False)
    assert blocks(calls) == "ABBAABBAABBA"
    assert done.blocks_s == ([[1.0]] * 6, [[1.0]] * 6)


def test_every_second_pair_begins_with_b() -> None:
    calls, _ = played(1.0, b_first=True, judged=False)
    assert (calls[0], blocks(calls)) == ("B warm-up", "BAABBAAB")


def test_at_once_both_begin_before_either_is_waited_for() -> None:
    calls, done = played(2.0, b_first=False, judged=False, at_once=True)
    assert calls[2:6] == ["A warm-up", "B warm-up", "A waited for", "B waited for"]
    assert blocks(calls) == "ABABABAB"
    assert calls[6:10] == ["A block", "B block", "A waited for", "B waited for"]
    assert done.blocks_s == ([[1.0]] * 4, [[1.0]] * 4)


def test_states_at_once_have_cpus_of_their_own_and_exchange_them(
    contest: Contest, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    real = Contest._side

    def noted(self, planned, machine, index, number):
        seen.append((number, index, machine.cpus, machine.threads))
        return real(self, planned, MACHINE, index, number)

    monkeypatch.setattr(Contest, "_side", noted)
    four = Machine((0, 1, 2, 3, 8, 9), (), cuda_devices=0, threads=4)
    at_once = replace(contest, machine=four, at_once=True)
    replace(at_once, stop=StopRule(1e9, looks=(2,))).run(planned())
    assert seen == [
        (0, 0, (0, 1), 2),
        (0, 1, (2, 3), 2),
        (1, 0, (2, 3), 2),
        (1, 1, (0, 1), 2),
    ]


def test_accuracy_is_asked_for_once_all_is_timed() -> None:
    calls, _ = played(1.0, b_first=False, judged=True)
    assert calls[-2:] == ["A accuracy", "B accuracy"]
    assert "A accuracy" not in played(1.0, b_first=False, judged=False)[0]


def test_unknown_usage_leaves_the_time_of_others_unknown() -> None:
    _, done = played(1.0, b_first=False, judged=False)
    assert done.noise is not None
    assert done.noise.others_cpu_percent is None
    assert done.warnings == ("A: warned 0", "B: warned 1")


def test_a_block_ends_with_its_time(contest: Contest) -> None:
    """Half a millisecond a step, in blocks of a sixteenth of the timed time."""
    long = replace(contest, profile=replace(SHORT, timed_s=0.16))
    done = long.run(planned())
    for blocks in done.rounds[0].blocks_s:
        assert all(sum(block) >= 0.01 > sum(block[:-1]) for block in blocks)


def test_trials_may_go_without_accuracy(contest: Contest) -> None:
    done = replace(contest, judged=False).run(planned())
    assert done.metrics == []


class Stick:
    """A host that gives half of its best once blocks were timed."""

    def __init__(self) -> None:
        self.rates = iter((100.0, 50.0))

    def read(self) -> Reading:
        rate = next(self.rates)
        return Reading(0.0, rate, rate, 0.01)

    def share(self, *readings: Reading) -> HostShare:
        return share(readings, Best(100.0, 100.0))


def test_a_pair_tells_what_the_host_gave() -> None:
    calls: list[str] = []
    done = play(
        lambda index: Player(index, calls),  # type: ignore[arg-type,return-value]
        *(1.0, False, False, False),
        Stick(),  # type: ignore[arg-type]
    )
    assert done.noise is not None
    assert done.noise.host is not None
    assert (done.noise.host.registers, done.noise.host.memory) == (0.75, 0.75)
