"""A cached folder is whole or absent, and its damage is found."""

import os
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from basics.files import file_sha256
from workloads.corpora import cache


def test_a_manifest_comes_back_with_its_checksum(tmp_path: Path) -> None:
    written = cache.write_manifest(tmp_path, {"seed": 3})
    assert cache.read_manifest(tmp_path) == ({"seed": 3}, written)
    assert written == file_sha256(tmp_path / "manifest.json")


def test_a_changed_manifest_is_refused(tmp_path: Path) -> None:
    cache.write_manifest(tmp_path, {"seed": 3})
    manifest = tmp_path / "manifest.json"
    manifest.write_text(manifest.read_text().replace("3", "4"))
    with pytest.raises(ValueError, match=r"manifest\.json has SHA-256 .*, expected"):
        cache.read_manifest(tmp_path)


@pytest.mark.parametrize("name", ["manifest.json", "manifest.sha256"])
def test_a_missing_manifest_is_refused(name: str, tmp_path: Path) -> None:
    cache.write_manifest(tmp_path, {})
    (tmp_path / name).unlink()
    with pytest.raises(ValueError, match=f"cannot read the manifest .*{name}"):
        cache.read_manifest(tmp_path)


def test_damaged_and_missing_files_are_told_apart(tmp_path: Path) -> None:
    for name in ("good", "bad"):
        (tmp_path / name).write_bytes(b"speech")
    listed = dict.fromkeys(("good", "bad", "gone"), file_sha256(tmp_path / "bad"))
    (tmp_path / "bad").write_bytes(b"speecH")
    faults = cache.damaged_files(tmp_path, listed)
    assert faults == {"bad": "damaged", "gone": "missing"}


def test_a_failed_build_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with cache.temporary_folder(tmp_path / "final") as folder:
            (folder / "half").write_text("...")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_what_killed_builders_left_is_removed_after_a_day(tmp_path: Path) -> None:
    never_left = []

    def leave(hours: float) -> Path:
        never_left.append(cache.temporary_folder(tmp_path / "final"))
        left = never_left[-1].__enter__()
        (left / "part").mkdir()
        (left / "part" / "a.wav").write_bytes(b"speech")
        for path in (left / "part" / "a.wav", left / "part", left):
            then = path.stat().st_mtime - 3600 * hours
            os.utime(path, (then, then))
        return left

    fresh, stale, in_use = leave(0), leave(25), leave(25)
    (in_use / "part" / "b.wav").write_bytes(b"more speech")
    other = tmp_path / ".mine"
    other.mkdir()
    os.utime(other, (0, 0))
    with cache.temporary_folder(tmp_path / "another"):
        assert [path.exists() for path in (fresh, stale, in_use)] == [True, False, True]
    assert other.exists()


def test_a_discarded_folder_leaves_its_name_at_once_and_may_be_gone(
    tmp_path: Path,
) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "file").touch()
    cache.discard(tmp_path / "old")
    cache.discard(tmp_path / "old")
    assert list(tmp_path.iterdir()) == []


def test_files_are_swapped_in_with_the_manifest_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    final = tmp_path / "final"
    final.mkdir()
    (final / "zebra").write_text("damaged")
    order = []
    replace = Path.replace

    def watched(path: Path, target: Path) -> Path:
        order.append(path.name)
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", watched)
    with cache.rebuilt(final) as built:
        cache.write_manifest(built, {"content": "built"})
        (built / "zebra").write_text("whole")
    assert order[0] == "zebra"
    assert (final / "zebra").read_text() == "whole"
    assert cache.read_manifest(final)[0] == {"content": "built"}


def built_folder(final: Path, content: str) -> Path:
    built = final.parent / content
    built.mkdir()
    cache.write_manifest(built, {"content": content})
    return built


def test_of_two_builders_the_first_one_stays(tmp_path: Path) -> None:
    final = tmp_path / "final"
    cache.publish(built_folder(final, "first"), final)
    cache.publish(built_folder(final, "second"), final)
    assert cache.read_manifest(final)[0] == {"content": "first"}


def test_a_folder_in_the_way_that_is_no_cache_is_an_error(tmp_path: Path) -> None:
    final = tmp_path / "final"
    final.mkdir()
    (final / "mine.txt").write_text("keep")
    with pytest.raises(OSError, match="final"):
        cache.publish(built_folder(final, "built"), final)
    assert (final / "mine.txt").read_text() == "keep"


def test_a_cache_among_temporary_files_is_told_with_the_reason(
    tmp_path, monkeypatch, caplog
):
    (tmp_path / "home").touch()  # no folder can be made in a file
    monkeypatch.delenv("SPEECHMARK_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert cache.default_cache_dir().parent == tmp_path
    assert "is no folder" in caplog.text


def test_who_comes_while_another_makes_a_folder_waits_for_it(tmp_path: Path) -> None:
    folder, made = tmp_path / "final", list[str]()
    inside, leave = threading.Event(), threading.Event()

    def first() -> None:
        with cache.one_maker(folder):
            inside.set()
            leave.wait(10)
            made.append("first")

    def second() -> None:
        with cache.one_maker(folder):
            made.append("second")

    with ThreadPoolExecutor(2) as pool:
        pool.submit(first)
        assert inside.wait(10)
        waiting = pool.submit(second)
        with pytest.raises(TimeoutError):
            waiting.result(timeout=0.2)
        leave.set()
    assert made == ["first", "second"]
    assert list(tmp_path.iterdir()) == []


def test_makers_of_other_folders_do_not_wait(tmp_path: Path) -> None:
    with cache.one_maker(tmp_path / "one"), cache.one_maker(tmp_path / "other"):
        assert len(list(tmp_path.iterdir())) == 2
