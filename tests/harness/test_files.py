"""Files that people asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.files import cache_folder, check_output
from workloads.corpora.cache import default_cache_dir


@pytest.mark.parametrize(
    ("name", "stated"),
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
    tmp_path: Path, name: str, stated: str
) -> None:
    result = tmp_path / "result.json"
    result.write_text("{}")
    (tmp_path / "linked.json").symlink_to(result)
    with pytest.raises(ValueError, match=stated):
        check_output(tmp_path / name, [result])


def test_the_harness_keeps_nothing_where_the_cache_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPEECHMARK_CACHE", str(tmp_path / "kept"))
    assert cache_folder() == tmp_path / "kept" == default_cache_dir()
    (tmp_path / "file").touch()
    monkeypatch.setenv("SPEECHMARK_CACHE", str(tmp_path / "file" / "kept"))
    assert cache_folder() is None
    with pytest.raises(OSError, match=r"SPEECHMARK_CACHE=.* is no folder"):
        default_cache_dir()
