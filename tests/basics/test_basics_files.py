"""Files that are written whole, and the folder for what outlives a run."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from pathlib import Path

import pytest

from basics.files import cache_folder, file_sha256, write_file, write_whole


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("old")
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


def test_a_file_that_cannot_be_filled_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    write_file(path, lambda file: file.write(b"old"))

    def break_off(file: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_file(path, break_off)
    assert path.read_bytes() == b"old"
    assert [one.name for one in tmp_path.iterdir()] == ["weights"]


def test_a_files_checksum_is_its_sha256(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"speech")
    assert file_sha256(tmp_path / "a") == hashlib.sha256(b"speech").hexdigest()


def no_home() -> Path:
    raise RuntimeError("Could not determine home directory.")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's home."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path / "tmp"))
    found = tmp_path / "home"
    found.mkdir()
    monkeypatch.setattr(Path, "home", lambda: found)
    return found


@pytest.mark.parametrize(
    ("platform", "expected"),
    [
        ("linux", ".cache/speechmark"),
        ("darwin", "Library/Caches/speechmark"),
        ("win32", "AppData/Local/speechmark"),
    ],
)
def test_each_system_has_its_usual_cache_folder(
    home: Path, monkeypatch: pytest.MonkeyPatch, platform: str, expected: str
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    assert cache_folder({}) == (home / expected, "")


def test_the_environment_says_where_the_cache_is(home: Path) -> None:
    base, chosen = str(home / "base"), str(home / "chosen")
    assert cache_folder({"XDG_CACHE_HOME": base})[0] == home / "base" / "speechmark"
    both = {"XDG_CACHE_HOME": base, "SPEECHMARK_CACHE": chosen}
    assert cache_folder(both) == (home / "chosen", "")


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("a file", "is no folder"),
        ("read-only", "cannot be written"),
        ("none", "Could not determine home directory"),
    ],
)
def test_it_lies_among_temporary_files_where_the_home_will_not_do(
    home: Path, monkeypatch: pytest.MonkeyPatch, fault: str, reason: str
) -> None:
    if fault == "a file":
        home.rmdir()
        home.touch()
    elif fault == "read-only":  # faked: nothing is read-only to root
        real = os.access
        monkeypatch.setattr(os, "access", lambda p, m: p != home and real(p, m))
    else:
        monkeypatch.setattr(Path, "home", no_home)
    folder, stated = cache_folder({})
    assert folder == home.parent / "tmp" / f"speechmark-{os.getuid()}"
    assert reason in stated
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_somebody_else_may_have_put_there_is_refused(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "home", no_home)
    spare = home.parent / "tmp" / f"speechmark-{os.getuid()}"
    spare.symlink_to(home)
    with pytest.raises(OSError, match="another user's: set SPEECHMARK_CACHE"):
        cache_folder({})


def test_a_chosen_cache_that_cannot_be_written_is_refused_by_its_variable(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").touch()
    chosen = {"SPEECHMARK_CACHE": str(tmp_path / "file" / "cache")}
    with pytest.raises(OSError, match=r"SPEECHMARK_CACHE=.*is no folder; name a fo"):
        cache_folder(chosen)
