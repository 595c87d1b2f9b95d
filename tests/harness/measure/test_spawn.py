"""The parent's side of a worker that cannot be started."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import toy

from harness.measure.jobs import Job
from harness.measure.messages import FailureMessage, ResultMessage
from harness.measure.spawn import Suite, Worker
from harness.measure.worker import name_of


def open_files() -> set[str]:
    return set(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("what", ["interpreter", "log"])
def test_a_worker_that_cannot_start_leaves_no_pipe_open(
    tmp_path: Path, what: str
) -> None:
    missing = tmp_path / "missing" / "here"
    suite = Suite(str(missing)) if what == "interpreter" else Suite()
    log = missing if what == "log" else tmp_path / "worker.log"
    before = open_files()
    with pytest.raises(FileNotFoundError):
        Worker(Job("", (), {}), {}, log, suite)
    assert open_files() == before


def test_a_worker_takes_no_module_from_the_folder_it_is_started_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`statistics`, which workers load, and a `harness` of another checkout."""
    (tmp_path / "harness").mkdir()
    for name in ("statistics.py", "harness/__init__.py"):
        (tmp_path / name).write_text("raise RuntimeError('not this one')\n")
    monkeypatch.chdir(tmp_path)
    job = Job("harness.suite:loaded", tuple(os.sched_getaffinity(0)), {})
    worker = Worker(job, {}, tmp_path / "worker.log")
    try:
        (message,) = worker.messages(60)
    finally:
        worker.close()
    assert isinstance(message, FailureMessage), worker.log_tail()
    assert "loaded() takes 0 positional arguments" in message.reason


def test_a_worker_ends_when_all_is_told_whatever_libraries_left_behind(
    tmp_path: Path,
) -> None:
    cpus = tuple(os.sched_getaffinity(0))
    job = Job(name_of(toy.leave_much_behind), cpus, {"folder": str(tmp_path)})
    worker = Worker(job, {}, tmp_path / "worker.log")
    try:
        (message,) = worker.messages(30)
        assert isinstance(message, ResultMessage), worker.log_tail()
        assert worker.wait() == 0
    finally:
        worker.close()
    assert Path(message.value).exists()
