"""Arguments and files that are refused."""

import json

import pytest
from recorded import (
    content,
    labels,
    record,
)

from harness.record.result import ResultError
from harness.report.compare.reading.gather import gather


@pytest.mark.parametrize(
    ("argument", "stated"),
    [
        ("none.json", "'none.json' matches no file: give a result that `pytest "),
        ("x=none*.json", "'none*.json' matches no file: give a result that `pytest "),
        ("=a.json", "'=a.json': expected a name before '='"),
        ("folder", "folder is a folder: expected files, as folder/*.json"),
        ("x" * 10_000, "'xxx"),
        ("x" * 10_000 + "=none.json", "'none.json' matches no file"),
    ],
)
def test_what_names_no_file_is_refused(write, tmp_path, argument, stated):
    (tmp_path / "folder").mkdir()
    with pytest.raises(ValueError, match=r"^.{1,400}$") as error:
        gather([argument])
    assert str(error.value).startswith(stated)


def test_nothing_to_compare_is_refused():
    with pytest.raises(
        ValueError, match=r"^no result to compare: give one file or more"
    ):
        gather([])


def test_a_home_folder_is_found(write, monkeypatch, tmp_path):
    write("a.json")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert labels(gather(["box=~/a.json"])) == ["box"]


@pytest.mark.parametrize("text", ["", "[]", '{"benchmarks": [', "no JSON"])
def test_a_broken_file_among_good_ones_is_named(write, tmp_path, text):
    write("a.json")
    (tmp_path / "b.json").write_text(text)
    with pytest.raises(ResultError, match=r"^b\.json is no"):
        gather(["*.json"])


def test_a_file_that_cannot_be_read_is_named(write, monkeypatch):
    path = write("a.json")

    def refuse(*args, **named):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(ResultError, match=f"^cannot read {path}: Permission denied$"):
        gather([path])


def test_a_case_that_stands_twice_is_named(write):
    path = write("a.json", record([1.0]), record([2.0]))
    with pytest.raises(ResultError) as error:
        gather([path])
    assert str(error.value) == (
        f"{path}: asr-inference/ds2-small/fp32/eager/b1 on cpu stands there twice; the "
        "file was edited or damaged: measure again"
    )


@pytest.mark.parametrize(
    ("changes", "stated"),
    [
        (
            {"suite_version": None},
            "suite_version: Input should be a valid string (found",
        ),
        (
            {"suite_version": 1},
            "suite_version: Input should be a valid string (found 1)",
        ),
        ({"seed": "x"}, "seed: Input should be a valid integer, unable"),
        ({"seed": -1}, "seed: Input should be greater than or equal to 0 (found -1)"),
        ({"git_commit": 3}, "git_commit: Input should be a valid string (found 3)"),
        ({"data_root": []}, "data_root: Input should be a valid string (found [])"),
    ],
)
def test_an_edited_run_is_named_by_its_field(write, changes, stated):
    path = write("a.json", run=changes)
    with pytest.raises(ResultError) as error:
        gather([path])
    assert str(error.value).startswith(f"{path}: speechmark.run.{stated}")
    assert str(error.value).endswith("the file was edited or damaged: measure again")


def test_a_run_without_a_suite_version_is_named(write, tmp_path):
    plain_content = content()
    del plain_content["speechmark"]["run"]["suite_version"]
    (tmp_path / "a.json").write_text(json.dumps(plain_content))
    expected = r"^a\.json: speechmark\.run\.suite_version: Field required; the file"
    with pytest.raises(ResultError, match=expected):
        gather(["a.json"])


@pytest.mark.parametrize("host", [3, ["x"], {"x": 1}])
def test_a_host_that_is_no_text_is_named(write, host):
    path = write("a.json", machine={"host": host})
    with pytest.raises(ResultError) as error:
        gather([path])
    assert str(error.value) == (
        f"{path}: machine_info.speechmark.host: expected a text (found {host!r}); name "
        "the machine, as NAME=FILE"
    )
    assert labels(gather([f"box={path}"])) == ["box"]
