"""The parent's side of a worker that cannot be started."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.measure.spawn import Suite, Worker


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
        Worker({}, {}, log, suite)
    assert open_files() == before
