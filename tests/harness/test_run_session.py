import errno
import json
import os
import platform
from dataclasses import replace
from pathlib import Path

import pytest
import toy
from outcomes import CASE, broken, record

from harness import run_session
from harness.expectations import Expectations
from harness.files import cache_folder
from harness.hardware import Machine
from harness.measure.compose import failed
from harness.measure.run import Runner, Settings
from harness.plan import Planned
from harness.profile import SMOKE
from harness.record.journal import Journal, JournalError, ResultsFolder
from harness.record.result import document, load
from harness.run_session import RunSession

PLANNED = Planned(toy.WORKLOAD, CASE, 1.0)
MACHINE = {
    "host": "h",
    "cpu_model": "A",
    "git_commit": "c",
    "code_digest": "d",
    "os_kernel": "6.1",
}


@pytest.fixture
def begin(tmp_path, monkeypatch):
    """Begins a run on a machine with these facts, and gives its results folder back."""

    def begun(
        *,
        profile="smoke",
        resume=False,
        data_root=None,
        results="results",
        seed=0,
        env=(),
        accuracy=None,
        **facts,
    ):
        monkeypatch.setattr(
            run_session.fingerprint, "fingerprint", lambda **_: MACHINE | facts
        )
        session = run_session.begin(
            profile=profile,
            hardware=["cpu"],
            data_root=data_root,
            results=tmp_path / results,
            resume=resume,
            seed=seed,
            env=env,
            accuracy=accuracy,
        )
        session.plan({CASE.id: "test_toy"})
        session.close()
        return session

    return begun


@pytest.mark.parametrize(
    ("profile", "accuracy", "takes_kept"),
    [
        ("quick", None, True),
        ("quick", "anew", False),
        ("standard", None, False),
        ("standard", "kept", True),
    ],
)
def test_kept_accuracies_serve_in_quick_and_where_they_are_asked_for(
    begin, profile, accuracy, takes_kept
):
    session = begin(profile=profile, accuracy=accuracy)
    assert session.settings.profile.takes_kept_accuracy is takes_kept


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_that_no_generator_takes_is_refused_at_once(begin, tmp_path, seed):
    with pytest.raises(ValueError, match=f"--seed {seed}: expected a number from 0 to"):
        begin(seed=seed)
    assert not (tmp_path / "results").exists()


def test_a_run_is_not_resumed_on_another_machine(begin):
    begin()
    now = r"cpu_model: 'A' then, 'B' now\); run with the same settings"
    with pytest.raises(JournalError, match=f"another run \\({now}"):
        begin(resume=True, cpu_model="B")


@pytest.mark.parametrize(
    ("fact", "stated"),
    [
        ({"host": "other"}, "host: 'h' then, 'other' now"),
        ({"cpu_cores_allowed": 1}, "cpu_cores_allowed: None then, 1 now"),
        ({"gpu_driver": "1"}, "gpu_driver: None then, '1' now"),
        ({"torch_version": "2"}, "torch_version: None then, '2' now"),
        ({"libraries": {"numpy": "2"}}, "libraries.numpy: None then, '2' now"),
    ],
)
def test_every_lasting_fact_tells_machines_apart_by_its_name(begin, fact, stated):
    begin()
    with pytest.raises(JournalError, match=stated):
        begin(resume=True, **fact)


def test_a_run_goes_on_after_a_commit_that_left_the_code_as_it_was(begin):
    begin()
    assert begin(resume=True, git_commit="e").run_info["git_commit"] == "e"


def test_a_run_of_changed_code_is_not_resumed_without_the_change(begin, monkeypatch):
    """Dirty when it was killed, and cleaned since: the commit is the same."""
    names = [f"harness/{letter}.py" for letter in "abcdefg"]
    monkeypatch.setattr(run_session, "code_files", lambda: dict.fromkeys(names, "1"))
    begin(code_digest="dirty")
    changed = dict.fromkeys(names, "2") | {"harness/a.py": "1"}
    monkeypatch.setattr(run_session, "code_files", lambda: changed)
    stated = (
        "it differs in harness/b.py, harness/c.py, harness/d.py, harness/e.py, "
        r"harness/f.py and 1 more \(commit c then, c now\)"
    )
    with pytest.raises(JournalError, match=stated):
        begin(resume=True, code_digest="clean")


def test_a_run_is_resumed_where_only_passing_facts_changed(begin):
    first = begin()
    again = begin(resume=True, os_kernel="6.2", settings={"OMP_PROC_BIND": "true"})
    assert again.run_info == first.run_info


def test_corpora_of_one_name_are_kept_apart_and_no_path_is_published(begin, tmp_path):
    labels = []
    for place in ("one", "two"):
        root = tmp_path / place / "corpus"
        root.mkdir(parents=True)
        labels.append(begin(data_root=root, results=place).run_info["data_root"])
    assert labels[0] != labels[1]
    assert all(label.startswith("corpus-") and "/" not in label for label in labels)


def test_a_run_is_not_resumed_over_another_corpus_of_the_same_name(begin, tmp_path):
    for place in ("one", "two"):
        (tmp_path / place / "corpus").mkdir(parents=True)
    begin(data_root=tmp_path / "one" / "corpus")
    with pytest.raises(JournalError, match="another folder of the name 'corpus'"):
        begin(resume=True, data_root=tmp_path / "two" / "corpus")


def test_a_passed_variable_stands_in_the_header_and_makes_another_run(begin):
    first = begin(env=["KMP_BLOCKTIME=0", "LD_PRELOAD=/home/me/libjemalloc.so"])
    passed = first.run_info["env"]
    assert passed["KMP_BLOCKTIME"] == "0"
    assert passed["LD_PRELOAD"].startswith("libjemalloc.so-")
    with pytest.raises(JournalError, match="another run"):
        begin(resume=True)


@pytest.fixture
def session(tmp_path, monkeypatch):
    """A run whose cases end as `session.ends` says, a checkpoint left behind."""
    monkeypatch.setenv("SPEECHMARK_CACHE", str(tmp_path / "cache"))
    folder = ResultsFolder(tmp_path)
    journal = Journal(tmp_path / "h.journal.jsonl", {})
    settings = Settings(SMOKE, Machine((0,), (), 0), tmp_path / "h")
    session = RunSession(folder, journal, settings, {}, {}, None)
    session.ends = record()

    def run(runner, workload, case, listen):
        scratch = runner._scratch(case)
        scratch.mkdir(parents=True, exist_ok=True)
        (scratch / "checkpoint").touch()
        return session.ends

    monkeypatch.setattr(Runner, "run", run)
    yield session
    folder.close()


def test_after_one_run_the_plan_of_the_next_comes_true(session, monkeypatch):
    """Cases that take other times than is declared, some of it outside of stages."""
    now, took_s = [0.0], {"a": 40.0, "b": 2.5}
    planned = [
        replace(PLANNED, case=replace(CASE, model=model), expected_s=10.0)
        for model in took_s
    ]

    def run(runner, workload, case, listen):
        now[0] += took_s[case.model]
        found = record(case=case)
        stage_s = {"build": 0.5, "timed": took_s[case.model] - 1.0}
        timing = found.timing.model_copy(update={"stage_s": stage_s})
        return found.model_copy(update={"timing": timing})

    monkeypatch.setattr(Runner, "run", run)
    monkeypatch.setattr(run_session, "monotonic", lambda: now[0])
    for one in planned:
        session.record_of(one, None)
    settings = session.settings
    known = (settings.profile, settings.machine, settings.seed, cache_folder())
    there = Expectations.here(*known).planned(planned)
    assert [one.expected_s for one in there] == pytest.approx([40.0, 2.5])
    for one in there:
        began_s = now[0]
        session._journal.records.clear()
        session.record_of(one, None)
        assert now[0] - began_s == pytest.approx(one.expected_s, rel=0.25)


def test_a_case_that_failed_tells_the_next_plan_nothing(session):
    session.ends = failed(toy.WORKLOAD, CASE, SMOKE, broken("stage build: broken"))
    session.record_of(PLANNED, None)
    assert session.expectations.of(PLANNED).runs == 0


def checkpoints(tmp_path):
    return list(tmp_path.rglob("checkpoint"))


def test_checkpoints_are_gone_once_the_record_is_safe(session, tmp_path):
    session.record_of(PLANNED, None)
    assert checkpoints(tmp_path) == []


def test_checkpoints_outlive_a_journal_that_cannot_be_written(
    session, tmp_path, monkeypatch
):
    def full(fd):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(JournalError, match="No space left"):
        session.record_of(PLANNED, None)
    assert len(checkpoints(tmp_path)) == 1


def test_a_failed_case_keeps_its_checkpoints_for_the_next_try(session, tmp_path):
    session.ends = failed(toy.WORKLOAD, CASE, SMOKE, broken())
    assert session.record_of(PLANNED, None).status == "failed"
    assert len(checkpoints(tmp_path)) == 1
    session.ends = record()
    assert session.record_of(PLANNED, None).status == "ok"
    assert checkpoints(tmp_path) == []


def test_checkpoints_left_by_a_kill_after_the_record_are_removed_on_resume(
    session, tmp_path
):
    session._journal.add(record())
    left = session._runner._scratch(CASE)
    left.mkdir(parents=True)
    (left / "checkpoint").touch()
    assert session.record_of(PLANNED, None) == record()
    assert checkpoints(tmp_path) == []


def write(session, path):
    """As the bridge to pytest does, with every record of the session."""
    ok = [r for r in session.records if r.status == "ok"]
    benchmarks = [{"extra_info": r.model_dump(mode="json")} for r in ok]
    ours = document({}, session.records)
    path.write_text(json.dumps({"benchmarks": benchmarks, "speechmark": ours}))


def finish(session, spoil=lambda path: None):
    def spoilt(path):
        write(session, path)
        spoil(path)

    session.finish(spoilt)


OTHER = Planned(toy.WORKLOAD, replace(CASE, model="other"), 1.0)


def test_a_run_whose_result_can_be_read_back_is_finished(session):
    session.record_of(PLANNED, None)
    finish(session)
    assert session.closing_line().startswith(f"result: {session.result_path} ")
    assert session._folder.unfinished() == []


def full(path):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def lose_a_record(path):
    content = json.loads(path.read_text())
    content["benchmarks"].clear()
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("spoil", "stated"),
    [
        (Path.unlink, "cannot read {path}: No such file"),
        (lambda path: os.truncate(path, 99), "{path} is not JSON ("),
        (lambda path: path.write_text("[]"), "{path} is no result of speechmark"),
        (lose_a_record, "{path} lacks toy/good/fp32/eager/cpu/b1: go on with --resume"),
        (full, "cannot write the result {path}: No space left on device; free some sp"),
    ],
    ids=["removed", "truncated", "replaced", "incomplete", "full disk"],
)
def test_a_result_that_cannot_be_read_back_is_stated_and_can_be_resumed(
    session, spoil, stated
):
    session.record_of(PLANNED, None)
    finish(session, spoil)
    line = session.closing_line()
    assert line.startswith(stated.format(path=session.result_path))
    assert line.endswith(f"; every record is safe in {session._journal.path}")
    assert session._folder.unfinished() == [session._journal.path]


def test_a_session_of_other_cases_neither_loses_records_nor_ends_the_run(session):
    """As by --resume -k: the first session was to measure two cases, and did one."""
    session._journal.plan({CASE.id: "a", replace(CASE, model="left").id: "b"})
    session._journal.add(record())
    session.ends = record(case=OTHER.case)
    session.plan({OTHER.case.id: "c"})
    session.record_of(OTHER, None)
    finish(session)
    found = {one.case_id for one in load(session.result_path).records}
    assert found == {CASE.id, OTHER.case.id}
    assert "unfinished: 1 cases are left, 2 are safe" in session.closing_line()
    assert session._folder.unfinished() == [session._journal.path]


def test_a_run_that_plans_nothing_leaves_no_journal(session):
    session.finish(full)
    assert session.closing_line() == "no case was measured"
    session.close()
    assert not session._journal.path.exists()


def test_a_run_of_unknown_commit_is_warned_of(session):
    (text,) = session.warnings()
    assert "is unknown (" in text
    session.machine_info["git_commit"] = "c"
    assert session.warnings() == []


def test_the_hardware_axis_knows_which_processor_this_is():
    """Caps on instruction sets are x86's alone."""
    assert run_session.this_machine().architecture == platform.machine()
