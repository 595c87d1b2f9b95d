"""Files that people asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.files import check_output, write_whole


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
