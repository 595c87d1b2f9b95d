"""The options --csv, --parquet, --json and --markdown on commands of click."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from harness.report.tables import outputs as module
from harness.report.tables.outputs import (
    Outputs,
    table_outputs,
    usage_errors,
    write_output,
)
from harness.report.tables.table import Table, text_column

TABLE = Table("toys", "Toys", (text_column("name", ["a"]),))


@click.command()
@click.argument("name")
@table_outputs(json="of its own")
def toy(name: str, outputs: Outputs) -> None:
    with usage_errors():
        outputs.check([Path("read.txt")])
    outputs.write([TABLE], json=lambda: f'{{"name": "{name}"}}')


@click.command()
@table_outputs(json=None)
@click.option("--json", "out")
def with_its_own(out: str, outputs: Outputs) -> None:
    click.echo(f"{out} {outputs}")


@click.command()
@table_outputs(html="of pictures")
def with_a_page(outputs: Outputs) -> None:
    outputs.write([TABLE], html=lambda: "<p>")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("read.txt").write_text("read")


def invoke(*arguments: str) -> tuple[int, str]:
    found = CliRunner().invoke(toy, arguments)
    return found.exit_code, found.output


def test_each_file_is_written_and_named() -> None:
    names = ("csv", "json", "markdown")
    status, printed = invoke("x", *(f"--{name}={name}.out" for name in names))
    assert status == 0
    assert printed.splitlines() == [f"written: {name}.out" for name in names]
    assert Path("csv.out").read_text() == "table,name\ntoys,a\n"
    assert json.loads(Path("json.out").read_text()) == {"name": "x"}
    assert Path("markdown.out").read_text().startswith("### Toys\n")


def test_parquet_without_its_package_is_refused_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    status, printed = invoke("x", "--parquet", "a.parquet", "--csv", "a.csv")
    assert status == 2
    stated = " ".join(printed.split())
    assert "--parquet a.parquet needs pyarrow, which is not installed: pip in" in stated
    assert "--csv has the same rows and columns" in stated
    assert not Path("a.csv").exists()


def test_parquet_is_written_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: True)
    monkeypatch.setattr(module, "as_parquet", lambda tables: b"PAR1 " + bytes([255]))
    status, printed = invoke("x", "--parquet", "a.parquet")
    assert (status, printed) == (0, "written: a.parquet\n")
    assert Path("a.parquet").read_bytes() == b"PAR1 \xff"


def test_without_them_nothing_is_written() -> None:
    assert invoke("x") == (0, "")
    assert [path.name for path in Path().iterdir()] == ["read.txt"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--csv", "no/a.csv"), "--csv no/a.csv: cannot write there"),
        (("--json", "read.txt"), "--json read.txt: that is one of the files"),
        (("--csv", "a", "--markdown", "a"), "--markdown a: --csv goes there"),
        (("--json", "a", "--csv", "a"), "--json a: --csv goes there"),
    ],
)
def test_what_cannot_be_written_is_said_at_once(
    arguments: tuple[str, ...], said: str
) -> None:
    status, printed = invoke("x", *arguments)
    assert (status, said in printed) == (2, True)
    assert Path("read.txt").read_text() == "read"
    assert not Path("a").exists()


def test_a_command_keeps_an_option_of_its_own() -> None:
    found = CliRunner().invoke(with_its_own, ["--json", "a", "--csv", "b"])
    assert found.output.startswith("a Outputs(csv=")


def test_a_command_that_writes_pages_says_what_they_hold() -> None:
    found = CliRunner().invoke(with_a_page, ["--html", "a.html"])
    assert (found.exit_code, found.output) == (0, "written: a.html\n")
    assert Path("a.html").read_text() == "<p>"
    assert "of pictures" in CliRunner().invoke(with_a_page, ["--help"]).output
    assert CliRunner().invoke(toy, ["x", "--html", "a"]).exit_code == 2


def test_further_outputs_are_checked_like_those_of_tables() -> None:
    with pytest.raises(ValueError, match="--csv a: --html goes there"):
        Outputs(csv=Path("a")).check(others={"--html": Path("a")})


def test_half_a_character_does_not_break_the_writing() -> None:
    write_output(Path("a.csv"), "a\ud800b")
    assert Path("a.csv").read_text() == "a?b"
