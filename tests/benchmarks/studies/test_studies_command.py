"""Files for people are never written over those of another kind."""

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from benchmarks.studies.command import Report, Study, places, study_outputs
from harness.report.tables.outputs import usage_errors
from harness.report.tables.table import Table, text_column

STUDY = Study("toys", "some-study", "count of toys")
TABLE = Table("toys", "Toys", (text_column("name", ["a"]),))


@click.command()
@click.option("--size", "sizes", multiple=True)
@click.option("--count", type=int)
@click.option("--fast", is_flag=True)
@study_outputs
def study(sizes, count, fast, outputs):
    with usage_errors():
        STUDY.check(outputs)
    STUDY.write(outputs, Report("How many?", [TABLE, "text"], {"count": count}, {}))


def run(*arguments):
    """Exit status and output."""
    found = CliRunner().invoke(study, list(map(str, arguments)))
    return found.exit_code, found.output


def files_of(folder):
    return [f"--{kind}={folder / kind}" for kind in ("csv", "json", "html")]


def test_numbers_tables_and_page_are_written(tmp_path):
    assert run("--count", 3, *files_of(tmp_path))[0] == 0
    numbers = json.loads((tmp_path / "json").read_text())
    assert (numbers["schema"], numbers["schema_version"]) == ("some-study", 1)
    assert numbers["count"] == 3
    assert (tmp_path / "csv").read_text() == "table,name\ntoys,a\n"
    page = (tmp_path / "html").read_text()
    assert "<h1>How many?</h1>" in page
    assert f"speechmark: {numbers['origin']['speechmark']}" in page


def test_the_command_is_stated_without_the_files_that_it_writes(tmp_path):
    asked = ("--fast", "--size", "a b", "--count", 7, "--size", "c")
    run(*asked, *files_of(tmp_path))
    origin = json.loads((tmp_path / "json").read_text())["origin"]
    assert origin["command"] == (
        "python -m benchmarks.studies.toys --size 'a b' --size c --count 7 --fast"
    )


def test_files_of_the_kind_may_be_written_again(tmp_path):
    assert [run(*files_of(tmp_path))[0] for _ in range(2)] == [0, 0]


@pytest.mark.parametrize("option", ["json", "html"])
@pytest.mark.parametrize(
    "content", [b"theirs", b"\xff\xfe\x00", b"", b"[]", b'{"schema": "other"}']
)
def test_a_file_of_another_kind_is_left_alone(tmp_path, option, content):
    path = tmp_path / "theirs.txt"
    path.write_bytes(content)
    status, said = run(f"--{option}", path)
    assert status == 2
    assert "theirs.txt exists and is no" in said
    assert "count of toys" in said
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("option", "mark"),
    [("json", '"schema": "some-study"'), ("html", 'content="some-study"')],
)
def test_a_mark_deep_in_a_file_does_not_make_it_of_the_kind(tmp_path, option, mark):
    path = tmp_path / "theirs.txt"
    path.write_text(content := f"{'a note on files ' * 100}\n{mark}")
    status, said = run(f"--{option}", path)
    assert (status, "theirs.txt exists and is no" in said) == (2, True)
    assert path.read_text() == content


def test_a_file_that_cannot_be_read_is_left_alone(tmp_path, monkeypatch):
    path = tmp_path / "theirs.txt"
    path.write_text("theirs")

    def refused(*arguments, **options):
        raise PermissionError("not yours")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", refused)
        status, said = run("--html", path)
    assert (status, "theirs.txt exists and is no" in said) == (2, True)
    assert path.read_text() == "theirs"


def test_a_page_is_no_file_of_numbers(tmp_path):
    run("--html", tmp_path / "page")
    status, said = run("--json", tmp_path / "page")
    assert (status, "is no count of toys in JSON" in said) == (2, True)


def test_a_file_that_cannot_be_written_is_told_before_the_work(tmp_path):
    status, said = run("--html", tmp_path / "absent" / "a")
    assert (status, "absent/a: cannot write there" in said) == (2, True)
    assert "is a directory" in run("--json", tmp_path)[1]


def test_results_need_a_file_each(tmp_path):
    both = [f"--{name}={tmp_path / 'one'}" for name in ("json", "html")]
    status, said = run(*both)
    assert (status, "one: --json goes there; name another" in said) == (2, True)


def test_without_files_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run() == (0, "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("count", [0, -1, 6])
def test_more_than_there_are_cannot_be_taken(count):
    with pytest.raises(ValueError, match=f"cannot take {count} mixtures: 5 mixtures"):
        places(count, 5, "mixtures")
