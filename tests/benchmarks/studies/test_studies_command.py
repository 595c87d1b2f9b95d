"""Files for people are written whole, and never over those of another kind."""

import pytest

from benchmarks.studies.command import Study, check_output, evenly


def check(path):
    check_output(path, lambda text: text.startswith("ours"), "report")


def test_a_new_file_and_one_of_the_kind_may_be_written(tmp_path):
    check(tmp_path / "new.txt")
    (tmp_path / "old.txt").write_text("ours, older")
    check(tmp_path / "old.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["old.txt"]


@pytest.mark.parametrize("content", [b"theirs", b"\xff\xfe\x00", b""])
def test_a_file_of_another_kind_is_left_alone(tmp_path, content):
    path = tmp_path / "theirs.txt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"theirs\.txt exists and is no report: rem"):
        check(path)
    assert path.read_bytes() == content


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(ValueError, match="is a folder: give another name"):
        check(tmp_path)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"no folder .*absent for the report: make"):
        check(tmp_path / "absent" / "a.txt")


def test_a_folder_that_cannot_be_written_into_is_named(tmp_path, monkeypatch):
    def refused(**settings):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("benchmarks.studies.command.tempfile.TemporaryFile", refused)
    with pytest.raises(ValueError, match=r"cannot write into .*Permission denied"):
        check(tmp_path / "a.txt")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": "other"}', "<html>"])
def test_other_files_are_no_numbers_of_a_study(text):
    study = Study("some-study", "study")
    assert not study.is_json(text)
    assert not study.is_page(text)
    assert study.is_json('{"schema": "some-study"}')


@pytest.mark.parametrize("count", [0, -1, 6])
def test_more_than_there_are_cannot_be_taken(count):
    with pytest.raises(ValueError, match=f"cannot take {count} mixtures: 5 are there"):
        evenly(count, 5, "mixtures", "5 are there")
