import json
import os

import pytest
import toy
from outcomes import CASE, broken, record

from harness import run_session
from harness.hardware import Machine
from harness.measure.compose import failed
from harness.measure.run import Runner, Settings
from harness.plan import Planned
from harness.profile import SMOKE
from harness.record.journal import Journal, JournalError, ResultsFolder
from harness.record.result import document
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

    def begun(resume=False, data_root=None, results="results", seed=0, env=(), **facts):
        monkeypatch.setattr(
            run_session.fingerprint, "fingerprint", lambda **_: MACHINE | facts
        )
        session = run_session.begin(
            profile="smoke",
            hardware=["cpu"],
            data_root=data_root,
            results=tmp_path / results,
            resume=resume,
            seed=seed,
            env=env,
        )
        session.close()
        return session

    return begun


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_that_no_generator_takes_is_refused_at_once(begin, tmp_path, seed):
    with pytest.raises(ValueError, match=f"--seed {seed}: expected a number from 0 to"):
        begin(seed=seed)
    assert not (tmp_path / "results").exists()


def test_a_run_is_not_resumed_on_another_machine(begin):
    first = begin().run_info["machine_digest"]
    now = r"machine_digest: '[0-9a-f]{16}' then, '[0-9a-f]{16}' now\); run with the"
    with pytest.raises(JournalError, match=f"another run \\({now}") as refusal:
        begin(resume=True, cpu_model="B")
    assert f"'{first}' then" in str(refusal.value)


@pytest.mark.parametrize(
    "fact",
    [
        {"host": "other"},
        {"cpu_cores_allowed": 1},
        {"gpu_driver": "1"},
        {"torch_version": "2"},
        {"libraries": {"numpy": "2"}},
    ],
)
def test_every_lasting_fact_tells_machines_apart(begin, fact):
    begin()
    with pytest.raises(JournalError, match="machine_digest"):
        begin(resume=True, **fact)


def test_a_run_is_resumed_where_only_passing_facts_changed(begin):
    first = begin()
    again = begin(resume=True, os_kernel="6.2", settings={"OMP_PROC_BIND": "true"})
    assert again.run_info == first.run_info


def test_corpora_of_one_name_are_told_apart_and_no_path_is_published(begin, tmp_path):
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
    with pytest.raises(JournalError, match="data_root: 'corpus-"):
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


def written(session):
    benchmarks = [{"extra_info": r.model_dump(mode="json")} for r in session.records]
    ours = document({}, session.records)
    text = json.dumps({"benchmarks": benchmarks, "speechmark": ours})
    session.result_path.write_text(text)
    return text


def test_a_run_whose_result_can_be_read_back_is_finished(session):
    session.record_of(PLANNED, None)
    written(session)
    session.finish({CASE.id})
    assert session.closing_line().startswith(f"result: {session.result_path} ")
    assert session._folder.unfinished() == []


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda path, text: path.unlink(), "cannot read {path}: No such file"),
        (lambda path, text: path.write_text(text[:-9]), "{path} is not JSON ("),
        (lambda path, text: path.write_text("[]"), "{path} is no result of speechmark"),
    ],
    ids=["removed", "truncated", "replaced"],
)
def test_a_result_that_cannot_be_read_back_is_told_and_can_be_resumed(
    session, spoil, told
):
    session.record_of(PLANNED, None)
    spoil(session.result_path, written(session))
    session.finish({CASE.id})
    line = session.closing_line()
    assert line.startswith(told.format(path=session.result_path))
    assert line.endswith(f"; every record is safe in {session._journal.path}")
    assert session._folder.unfinished() == [session._journal.path]


def test_a_run_of_unknown_commit_is_warned_of(session):
    (text,) = session.warnings()
    assert "is unknown (" in text
    session.machine_info["git_commit"] = "c"
    assert session.warnings() == []
