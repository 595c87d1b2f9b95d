import errno
import fcntl
import json
import os
import re

import pytest
import toy
from outcomes import CASE, broken, record

from harness.measure.compose import failed
from harness.profile import SMOKE
from harness.record.journal import Journal, JournalError, ResultsFolder, result_path

RUN = {"profile": "quick", "hardware": ["cpu"], "seed": 0}


def of(model, reason="broken"):
    case = CASE.__class__("toy", model, "fp32", "eager", "cpu", 1)
    return failed(toy.WORKLOAD, case, SMOKE, broken(reason))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "host-1.journal.jsonl"


@pytest.fixture
def journal(path):
    """A run with two records that was killed."""
    journal = Journal(path, RUN)
    journal.add(of("a"))
    journal.add(of("b"))
    return journal


def test_a_new_journal_says_what_run_it_is(path):
    Journal(path, RUN)
    assert [json.loads(line) for line in path.open()] == [{"run": RUN}]


def test_a_continued_journal_holds_every_record(path, journal):
    again = Journal(path, RUN)
    assert list(again.records.values()) == [of("a"), of("b")]
    assert not again.finished


def test_a_measured_record_is_read_back_whole(path):
    Journal(path, RUN).add(record())
    assert Journal(path, RUN).records == {CASE.id: record()}


def test_a_record_is_on_disk_when_it_is_added(path, journal, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(os.fstat(fd).st_size))
    journal.add(of("c"))
    assert synced == [path.stat().st_size]


def test_a_case_measured_again_counts_with_its_last_record(path, journal):
    journal.add(of("a", "broken again"))
    assert Journal(path, RUN).records[of("a").case_id].reason == "broken again"


@pytest.mark.parametrize("kept", [1, 30, -1])
def test_a_torn_last_line_is_dropped_from_records_and_file(path, journal, kept):
    whole = path.read_bytes()
    journal.add(of("c"))
    line = path.read_bytes().removeprefix(whole)
    path.write_bytes(whole + line[:kept])
    again = Journal(path, RUN)
    assert list(again.records) == [of("a").case_id, of("b").case_id]
    assert path.read_bytes() == whole
    again.add(of("c"))
    assert path.read_bytes() == whole + line


def test_a_journal_whose_very_first_line_is_torn_begins_anew(path):
    path.write_bytes(b'{"run": {"pro')
    assert Journal(path, RUN).records == {}
    assert path.read_bytes() == json.dumps({"run": RUN}).encode() + b"\n"


def test_a_journal_of_other_settings_is_refused_with_what_differs(path, journal):
    now = {"profile": "smoke", "hardware": ["cpu"], "seed": 1, "data_root": "x"}
    differing = (
        "(data_root: None then, 'x' now; profile: 'quick' then, 'smoke' now; "
        "seed: 0 then, 1 now); run with the same settings, or start anew without "
        "--resume"
    )
    with pytest.raises(JournalError, match=re.escape(differing)):
        Journal(path, now)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (b'{"schema_version": 1, "case\n', "line 2 is not JSON ("),
        (b"\n", "line 2 is not JSON ("),
        (b'{"schema_version": 1}\n', "line 2 is not a valid record: "),
        (b"[]\n", "line 2 is not a valid record: "),
    ],
)
def test_a_damaged_line_is_named_by_its_number_with_the_remedy(
    path, journal, damage, message
):
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], damage, *lines[2:]]))
    with pytest.raises(JournalError, match=re.escape(message)) as refusal:
        Journal(path, RUN)
    assert str(refusal.value).endswith("remove that line to measure its case again")


def test_a_damaged_first_line_cannot_be_mended_by_removing_it(path, journal):
    path.write_bytes(b"?" + path.read_bytes())
    with pytest.raises(JournalError, match=r"line 1 is not JSON .* without --resume$"):
        Journal(path, RUN)


@pytest.fixture
def full_disk(monkeypatch):
    def fill(number):
        def refuse(fd):
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, "fsync", refuse)

    return fill


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "free some space"),
        (errno.EDQUOT, "free some space"),
        (errno.EACCES, "make it writable"),
    ],
)
def test_a_failed_write_leaves_no_half_record_and_tells_the_remedy(
    path, journal, full_disk, number, remedy
):
    before = path.read_bytes()
    full_disk(number)
    with pytest.raises(JournalError) as refusal:
        journal.add(of("c"))
    assert str(refusal.value) == (
        f"cannot write the journal {path}: {os.strerror(number)}; the 2 records before "
        f"are safe: {remedy} and go on with --resume"
    )
    assert path.read_bytes() == before
    assert of("c").case_id not in journal.records


def test_once_there_is_space_again_a_run_can_be_resumed(
    path, journal, full_disk, monkeypatch
):
    full_disk(errno.ENOSPC)
    with pytest.raises(JournalError):
        journal.add(of("c"))
    monkeypatch.undo()
    Journal(path, RUN).add(of("c"))
    assert len(Journal(path, RUN).records) == 3


def test_a_disk_full_from_the_start_leaves_a_journal_that_can_be_resumed(
    path, full_disk, monkeypatch
):
    full_disk(errno.ENOSPC)
    with pytest.raises(JournalError, match="the 0 records before are safe"):
        Journal(path, RUN)
    monkeypatch.undo()
    assert Journal(path, RUN).records == {}


def test_the_end_of_a_run_is_marked_once(path, journal):
    journal.finish()
    journal.finish()
    Journal(path, RUN).finish()
    assert path.read_bytes().count(b'{"end": true}\n') == 1
    assert Journal(path, RUN).finished


def test_a_results_folder_is_made_with_its_parents(tmp_path):
    ResultsFolder(tmp_path / "results" / "local").close()
    assert (tmp_path / "results" / "local").is_dir()


def test_two_runs_cannot_write_into_one_folder(tmp_path):
    held = ResultsFolder(tmp_path)
    expected = f"another run (process {os.getpid()}) writes into {tmp_path}; wait for"
    with pytest.raises(JournalError, match=re.escape(expected)):
        ResultsFolder(tmp_path)
    held.close()
    ResultsFolder(tmp_path).close()


def test_a_folder_left_by_a_killed_run_names_its_next_holder_alone(tmp_path):
    (tmp_path / ".lock").write_text("4194305")
    held = ResultsFolder(tmp_path)
    assert (tmp_path / ".lock").read_text() == str(os.getpid())
    held.close()


def test_a_file_in_the_place_of_the_folder_is_stated_with_the_remedy(tmp_path):
    taken = tmp_path / "results"
    taken.touch()
    expected = (
        f"cannot write into the results folder {taken}: File exists; choose another "
        "with --results, or make it writable"
    )
    with pytest.raises(JournalError, match=f"^{re.escape(expected)}$"):
        ResultsFolder(taken)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_write_permission_is_stated_with_the_remedy(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(JournalError, match="Permission denied; choose another with"):
        ResultsFolder(tmp_path)


def test_unfinished_runs_are_stated_the_newest_last(tmp_path):
    folder = ResultsFolder(tmp_path)
    names = ("c", "a", "b", "finished")
    for age, name in enumerate(names):
        path = tmp_path / f"{name}.journal.jsonl"
        journal = Journal(path, RUN)
        if name == "finished":
            journal.finish()
        os.utime(path, (age, age))
    (tmp_path / "c.json").touch()
    found = [path.name.split(".")[0] for path in folder.unfinished()]
    folder.close()
    assert found == ["c", "a", "b"]


def test_a_run_that_had_nothing_to_lose_is_not_taken_for_the_interrupted_one(tmp_path):
    folder = ResultsFolder(tmp_path)
    paths = {name: tmp_path / f"{name}.journal.jsonl" for name in "abc"}
    Journal(paths["a"], RUN).add(of("a"))
    Journal(paths["b"], RUN).plan({"b": "test_b"})
    scratch = tmp_path / "b" / "scratch" / "case"
    scratch.mkdir(parents=True)
    (scratch / "checkpoint").touch()
    Journal(paths["c"], RUN).plan({"c": "test_c"})
    for age, path in enumerate(paths.values()):
        os.utime(path, (age, age))
    assert folder.unfinished() == [paths["c"], paths["a"], paths["b"]]
    folder.close()


def test_a_file_system_without_locks_is_no_other_run(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", refuse)
    folder = ResultsFolder(tmp_path)
    assert f"of {tmp_path} cannot lock (Operation not supported)" in folder.warning
    folder.close()


def test_planned_cases_are_kept_with_the_names_that_pytest_gave_them(path):
    journal = Journal(path, RUN)
    journal.plan({"a": "test[a]"})
    journal.plan({"b": "test[b]"})
    size = path.stat().st_size
    journal.plan({"a": "test[a]"})
    assert path.stat().st_size == size
    assert Journal(path, RUN).planned == {"a": "test[a]", "b": "test[b]"}


def test_a_result_lies_beside_its_journal(path):
    assert result_path(path) == path.with_name("host-1.json")
