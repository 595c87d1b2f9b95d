"""Files that people asked for."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import pytest

from harness.files import cache_folder, check_output, write_whole
from workloads.corpora.cache import default_cache_dir


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("old")
    check_output(path)
    write_whole(path, "new é")
    assert path.read_text(encoding="utf-8") == "new é"
    assert [one.name for one in tmp_path.iterdir()] == ["page.html"]


def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "page.html"
    path.write_text("old")

    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, "new")
    assert path.read_text() == "old"
    assert [one.name for one in tmp_path.iterdir()] == ["page.html"]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("missing/page.html", "cannot write there; name a file in a folder"),
        (".", "that is no plain file"),
        ("/dev/null", "that is no plain file"),
        ("result.json", "that is one of the files that are read"),
        ("linked.json", "that is one of the files that are read"),
        ("x" * 300, "File name too long; name another file"),
    ],
)
def test_what_would_be_lost_or_cannot_be_written_is_refused(
    tmp_path: Path, name: str, told: str
) -> None:
    result = tmp_path / "result.json"
    result.write_text("{}")
    (tmp_path / "linked.json").symlink_to(result)
    with pytest.raises(ValueError, match=told):
        check_output(tmp_path / name, [result])


def no_home() -> Path:
    raise RuntimeError("Could not determine home directory.")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's home, and nothing in the environment that names a cache."""
    for name in ("SPEECHMARK_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path / "tmp"))
    found = tmp_path / "home"
    found.mkdir()
    monkeypatch.setattr(Path, "home", lambda: found)
    return found


def test_the_harness_and_the_workloads_keep_one_cache_in_the_users_folder(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cache_folder() == default_cache_dir() == home / ".cache" / "speechmark"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert cache_folder() == default_cache_dir()


@pytest.mark.parametrize("name", ["SPEECHMARK_CACHE", "XDG_CACHE_HOME"])
def test_both_keep_it_where_the_environment_says(
    home: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, str(home / "elsewhere"))
    assert cache_folder() == default_cache_dir()
    assert cache_folder() in (home / "elsewhere", home / "elsewhere" / "speechmark")


@pytest.mark.parametrize("fault", ["a file", "read-only", "none"])
def test_both_keep_it_among_temporary_files_where_the_home_will_not_do(
    home: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    if fault == "a file":
        home.rmdir()
        home.touch()
    elif fault == "read-only":  # faked: nothing is read-only to root
        real = os.access
        monkeypatch.setattr(os, "access", lambda p, m: p != home and real(p, m))
    else:
        monkeypatch.setattr(Path, "home", no_home)
    expected = home.parent / "tmp" / f"speechmark-{os.getuid()}"
    assert cache_folder() == default_cache_dir() == expected


def test_neither_takes_a_folder_that_somebody_else_may_have_put_there(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "home", no_home)
    spare = home.parent / "tmp" / f"speechmark-{os.getuid()}"
    spare.symlink_to(home)
    assert cache_folder() is None
    with pytest.raises(OSError, match="another user's: set SPEECHMARK_CACHE"):
        default_cache_dir()
