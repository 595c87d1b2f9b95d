"""The command line, as a user types it."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import click
import pytest
import toy
from click.shell_completion import ShellComplete
from click.testing import CliRunner
from outcomes import CASE, TRAINING_CASE, outcome, point, record, training_outcome

from harness import cli
from harness.profile import QUICK
from harness.record.journal import Journal
from harness.record.schema import Record


def invoke(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli.main, arguments)
    return done.exit_code, done.output


HEAVY = [
    "numpy",
    "pydantic",
    "pytest",
    "rich",
    "scipy",
    "harness.plan",
    "harness.commands.plan",
]
HELP_AND_WHAT_IT_LOADED = f"""
import sys
from harness.cli import main
main(sys.argv[1:], standalone_mode=False)
print([name for name in {HEAVY!r} if name in sys.modules])
"""


def loaded_by(*arguments: str) -> str:
    command = [sys.executable, "-c", HELP_AND_WHAT_IT_LOADED, *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    return ran.stdout


def test_help_names_each_command_and_loads_none() -> None:
    printed = loaded_by("--help")
    words = " ".join(printed.split())
    for name, one in cli.SUBCOMMANDS.items():
        assert f" {name} {one.summary}" in words
    assert printed.endswith("\n[]\n")


def test_what_help_loads_would_be_seen() -> None:
    loaded = [name for name in HEAVY if name != "pytest"]
    assert loaded_by("plan", "--help").endswith(f"\n{loaded!r}\n")


@pytest.mark.parametrize("name", cli.SUBCOMMANDS)
def test_the_summary_of_a_command_is_the_first_sentence_of_its_help(name: str) -> None:
    command = cli.main.get_command(click.Context(cli.main), name)
    assert command is not None
    assert command.name == name
    summary = cli.SUBCOMMANDS[name].summary
    assert command.get_short_help_str(limit=200) == summary


def test_an_unknown_command_is_named() -> None:
    status, printed = invoke("shwo", "result.json")
    assert status == 2
    assert "No such command 'shwo'" in printed


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("speechmark re", ["report"]),
        ("speechmark ", list(cli.SUBCOMMANDS)),
        ("speechmark --ver", ["--version"]),
        ("speechmark show --by", ["--by-compression"]),
    ],
)
def test_a_shell_completes_commands_and_options(
    typed: str, expected: list[str]
) -> None:
    *words, incomplete = typed.split(" ")
    found = ShellComplete(cli.main, {}, "speechmark", "_SPEECHMARK_COMPLETE")
    items = found.get_completions(words[1:], incomplete)
    assert [item.value for item in items] == expected


@pytest.mark.parametrize(
    ("arguments", "stated"),
    [
        (("plan", "--profile", "fast"), "unknown profile 'fast'"),
        (("plan", "--hardware", "cuda:99"), "cuda:99: this machine has"),
        (
            ("plan", "-k", "nothing-like-it"),
            "cases of quick matches -k 'nothing-like-it'",
        ),
        (
            ("plan", "--cases", "nothing/*"),
            "cases of quick matches --cases 'nothing/*'",
        ),
        (("plan", "-k", "beam=64"), "--cases '*beam=64*' takes the ids that do"),
        (("overhead", "--pairs", "5"), "an interval needs at least 6 pairs"),
        (("overhead", "--hardware", "tpu"), "unknown hardware 'tpu'"),
        (
            ("overhead", "--json", "nowhere/a.json"),
            "--json nowhere/a.json: cannot write",
        ),
    ],
)
def test_bad_arguments_are_named(arguments: tuple[str, ...], stated: str) -> None:
    status, printed = invoke(*arguments)
    assert status == 2
    assert stated in printed


def test_show_prints_what_a_result_holds_and_why_cases_are_missing(
    tmp_path: Path,
) -> None:
    case = next(iter(toy.WORKLOAD.cases("smoke", "cpu")))
    record = Record(
        case_id=case.id,
        workload=case.workload,
        model=case.model,
        compression=case.compression,
        runtime=case.runtime,
        hardware=case.hardware,
        batch_size=case.batch_size,
        options={},
        profile=QUICK.name,
        stage="infer",
        status="skipped",
        reason="the toy is away",
    )
    ours = {
        "schema_version": 1,
        "run": {"profile": "quick", "suite_version": "9.9"},
        "not_measured": [record.model_dump(mode="json")],
    }
    machine = {"speechmark": {"cpu_model": "Toy CPU [bold]"}}
    path = tmp_path / "result.json"
    path.write_text(
        json.dumps({"machine_info": machine, "benchmarks": [], "speechmark": ours})
    )
    status, printed = invoke("show", str(path))
    assert status == 0
    assert "Toy CPU [bold], quick profile, suite 9.9" in printed
    assert f"skipped: {case.id}: the toy is away" in printed


def result_file(folder: Path, *records: Record) -> Path:
    """A result file of these measured records."""
    content = {
        "machine_info": {"speechmark": {"cpu_model": "Toy CPU"}},
        "benchmarks": [{"extra_info": r.model_dump(mode="json")} for r in records],
        "speechmark": {"schema_version": 1, "run": {"profile": "quick"}},
    }
    path = folder / "result.json"
    path.write_text(json.dumps(content))
    return path


@pytest.fixture
def two_cases(tmp_path: Path) -> Path:
    """A result of two cases, fp32 and int8, with transcripts and edits by length."""
    said = [("best", "old", "cold", 1)]
    transcribed = outcome(0.5, accuracy=toy.transcribed(said, [(3, 1)]))
    cases = (replace(CASE, compression=name) for name in ("fp32", "int8"))
    return result_file(tmp_path, *(record(transcribed, case=case) for case in cases))


def test_show_keeps_to_a_keyword(two_cases: Path) -> None:
    _, printed = invoke("show", str(two_cases), "-k", "INT8")
    assert "toy/good/int8/eager/cpu/b1" in printed
    assert "toy/good/fp32/eager/cpu/b1" not in printed


def test_show_by_compression_prints_ratios_in_place_of_the_plain_table(
    two_cases: Path,
) -> None:
    status, printed = invoke("show", str(two_cases), "--by-compression")
    assert status == 0
    assert "500 (1.00x)" in printed
    assert "operations" not in printed


def test_show_by_compression_says_that_nothing_was_measured(tmp_path: Path) -> None:
    trained = training_outcome(point(1, 0.9))
    path = result_file(tmp_path, record(trained, case=TRAINING_CASE))
    status, printed = invoke("show", str(path), "--by-compression")
    assert status == 1
    assert "none of 1 cases is an operation that was measured" in printed


def test_show_transcripts_prints_what_was_said_above_what_was_transcribed(
    two_cases: Path,
) -> None:
    status, printed = invoke("show", str(two_cases), "--transcripts", "-k", "int8")
    assert status == 0
    lines = printed.splitlines()
    assert lines[1:7] == [
        "under each pair: S substituted, D deleted, I inserted; * fills a gap",
        "toy/good/int8/eager/cpu/b1",
        "  best: edits 1, characters 3, error rate 33.3 %",
        "    said   *old",
        "    heard  cold",
        "           I",
    ]
    assert "fp32" not in printed


def test_show_writes_a_page_of_edits(two_cases: Path) -> None:
    page = two_cases.with_name("edits.html")
    status, printed = invoke("show", str(two_cases), "--edits-html", str(page))
    assert status == 0
    assert f"{page}: edit distance over length, 2 cases" in printed
    text = page.read_text()
    assert text.count("toy\\u002fgood\\u002fint8") == 1
    assert "Toy CPU, quick profile" in text


@pytest.mark.parametrize("option", ["--transcripts", "--edits-html=edits.html"])
def test_show_says_that_no_case_has_what_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    monkeypatch.chdir(tmp_path)
    status, printed = invoke("show", str(result_file(tmp_path, record())), option)
    assert status == 1
    assert "none of 1 cases has" in printed
    assert "measure them again" in printed
    assert not Path("edits.html").exists()


@pytest.mark.parametrize(
    ("name", "stated"),
    [
        ("missing/edits.html", "cannot write there"),
        ("result.json", "that is one of the files that are read"),
        (".", "that is no plain file"),
        ("x" * 300, "File name too long"),
    ],
)
def test_show_writes_no_page_where_it_cannot_or_would_destroy(
    two_cases: Path, name: str, stated: str
) -> None:
    before = two_cases.read_bytes()
    page = two_cases.parent / name
    status, printed = invoke("show", str(two_cases), f"--edits-html={page}")
    assert status == 2
    assert stated in printed
    assert two_cases.read_bytes() == before
    assert [path.name for path in two_cases.parent.iterdir()] == ["result.json"]


def test_show_names_a_keyword_that_no_case_contains(two_cases: Path) -> None:
    status, printed = invoke("show", str(two_cases), "-k", "bf16")
    assert status == 2
    said = f"none of the 2 cases of {two_cases} matches -k 'bf16'; the nearest: toy/"
    assert said in " ".join(printed.split())


def test_show_says_what_is_wrong_with_a_file(tmp_path: Path) -> None:
    Journal(tmp_path / "x.json", {"profile": "quick"})
    status, printed = invoke("show", str(tmp_path / "x.json"))
    assert status == 1
    assert "is no result of speechmark" in printed


def test_another_checkout_is_not_taken_for_the_suite_that_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("harness", "workloads", "benchmarks"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    monkeypatch.chdir(tmp_path)
    for command in (["plan"], ["ab", "main", "HEAD"]):
        status, printed = invoke(*command)
        assert status == 2
        assert f"{tmp_path} holds a suite, but this environment runs" in printed
    assert invoke("show", "none.json")[1].startswith("Error: cannot read none.json")


@pytest.mark.parametrize(
    "command",
    [
        ("plan", "--profile", "smoke"),
        ("show", "result.json"),
        ("show", "result.json", "--by-compression"),
        ("show", "result.json", "--transcripts"),
    ],
    ids=" ".join,
)
def test_what_is_printed_is_written_as_csv_json_and_markdown(
    two_cases: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.chdir(two_cases.parent)
    names = ("csv", "json", "markdown")
    status, printed = invoke(*command, *(f"--{name}=out.{name}" for name in names))
    assert status == 0
    assert all(f"written: out.{name}" in printed for name in names)
    rows = list(csv.DictReader(Path("out.csv").read_text().splitlines()))
    found = json.loads(Path("out.json").read_text())["tables"]
    assert len(rows) == sum(len(table["rows"]) for table in found) > 1
    assert {row["table"] for row in rows} == {table["id"] for table in found}
    assert Path("out.markdown").read_text().count("| --") >= len(found)
