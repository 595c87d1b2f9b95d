"""The command line, as a user types it."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import toy
from click.testing import CliRunner
from outcomes import CASE, TRAINING_CASE, outcome, point, record, training_outcome

from harness import cli
from harness.bridges.cost import Showing
from harness.hardware import Machine
from harness.measure.overhead import Cost, Overhead
from harness.measure.power import Found, Power
from harness.profile import QUICK
from harness.record.journal import Journal
from harness.record.schema import Record


def invoke(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli.main, arguments)
    return done.exit_code, done.output


def test_plan_lists_each_case_with_its_time_and_the_sum() -> None:
    status, printed = invoke("plan", "--profile", "smoke")
    assert status == 0
    lines = [line.split() for line in printed.splitlines()]
    cases = [line for line in lines if line and line[0].startswith("asr-training/")]
    every = [line for line in lines if line and line[0].count("/") >= 5]
    assert ["asr-training/ds2-small/fp32/eager/cpu/b8", "15", "s"] in cases
    total_s = sum(float(line[1]) for line in every)
    assert f"{len(every)} cases" in printed
    assert f"{total_s / 60:.1f} min" in printed


def test_plan_says_once_what_each_workload_does() -> None:
    _, printed = invoke("plan", "--profile", "smoke")
    lines = [line.strip() for line in printed.splitlines()]
    titles = [
        line.partition(":")[0] for line in lines if re.match(r"[a-z0-9-]+: ", line)
    ]
    workloads = {line.partition("/")[0] for line in lines if line.count("/") >= 5}
    assert set(titles) == workloads
    assert len(titles) == len(workloads)


def test_plan_keeps_to_hardware_and_keyword() -> None:
    _, printed = invoke("plan", "--hardware", "cpu:threads=1", "-k", "B16")
    cases = [line for line in printed.splitlines() if "/eager/" in line]
    assert cases
    assert all("/cpu:threads=1/b16" in case for case in cases)


def test_plan_takes_globs_of_whole_ids_where_expressions_cannot() -> None:
    _, printed = invoke("plan", "--cases", "asr-decoding/*beam=64*", "-k", "cpu")
    cases = [line.split()[0] for line in printed.splitlines() if "/cpu/" in line]
    assert cases == ["asr-decoding/ds2-small/fp32/flashlight/cpu/b1/beam=64"]
    assert "1 case " in printed


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


def test_doctor_prints_fingerprint_and_remedies(tmp_path: Path) -> None:
    status, printed = invoke("doctor", "--results", str(tmp_path))
    assert status in (0, 1, 3)  # what it finds here is this machine's own
    for word in ("cpu_model", "torch_onednn", "governor", "disk space", "remedy"):
        assert word in printed
    assert (status == 1) == ("bad" in {w for w in printed.split() if w == "bad"})


SHOWN = Showing(samples=1000, cases=12, median_s=0.004, least_s=0.003, most_s=0.005)
POWER = Power(0.009, (Found(20.0, 39, 40),), (Found(5.0, 8, 8),))


def test_overhead_measures_in_a_real_worker(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("harness.measure.overhead.BLOCK_S", 0.05)
    machine = Machine(cpus=(0,), isas=(), cuda_devices=0)
    monkeypatch.setattr(cli, "this_machine", lambda: machine)
    monkeypatch.setattr(cli, "measure_showing", lambda: SHOWN)
    monkeypatch.setattr(cli, "measure_power", lambda cpus: POWER)
    out = tmp_path / "overhead.json"
    tables = [f"--csv={tmp_path / 'out.csv'}", f"--markdown={tmp_path / 'out.md'}"]
    status, printed = invoke("overhead", "--pairs", "6", "--json", str(out), *tables)
    assert status in (0, 1, 3)  # how much it is depends on the machine's other load
    written = json.loads(out.read_text())
    assert written["power"]["reading_s"] == POWER.reading_s
    assert f"a worker waits {1e3 * written['pause_s']:.1f} ms after each" in printed
    assert "showing 1000 samples to pytest-benchmark" in printed
    assert "yardstick: 9.0 ms between segments" in printed
    assert "a slower host is found (0 %: false alarms): 20 %: 39 of 40" in printed
    costs = {cost["name"]: cost for cost in json.loads(out.read_text())["costs"]}
    assert [*costs][:2] == ["harness", "sensors"]
    assert costs["sensors"]["pairs"] == 6
    assert costs["sensors"]["percent"] is not None
    (row, *_) = csv.DictReader((tmp_path / "out.csv").read_text().splitlines())
    assert (row["part"], float(row["%"])) == ("harness", costs["harness"]["percent"])
    assert "| harness |" in (tmp_path / "out.md").read_text()


@pytest.mark.parametrize(
    ("low_percent", "high_percent", "status", "answer"),
    [
        (-0.1, 0.4, 0, "at most 0.5 %: yes"),
        (0.51, 0.7, 1, "at most 0.5 %: no"),
        (-85.0, 409.0, 3, "at most 0.5 %: cannot tell"),
    ],
    ids=["yes", "no", "cannot tell"],
)
def test_overhead_answers_yes_no_or_that_it_cannot_tell(
    monkeypatch: pytest.MonkeyPatch,
    low_percent: float,
    high_percent: float,
    status: int,
    answer: str,
) -> None:
    cost = Cost("sensors", 0.3, low_percent, high_percent, 50)
    monkeypatch.setattr(cli, "measure", lambda *_: Overhead((cost,), step_s=2e-4))
    monkeypatch.setattr(cli, "measure_showing", lambda: SHOWN)
    monkeypatch.setattr(cli, "measure_power", lambda cpus: POWER)
    found, printed = invoke("overhead")
    assert found == status
    assert answer in printed


def test_an_overhead_worker_that_dies_is_an_error_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def dies(*_: object) -> None:
        raise RuntimeError("the overhead worker died:\nout of memory")

    monkeypatch.setattr(cli, "measure", dies)
    status, printed = invoke("overhead")
    assert status == 1
    assert printed == "Error: the overhead worker died:\nout of memory\n"


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


def test_doctor_writes_fingerprint_and_checks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names = ("csv", "json", "markdown")
    invoke("doctor", "--results", ".", *(f"--{name}=out.{name}" for name in names))
    rows = list(csv.DictReader(Path("out.csv").read_text().splitlines()))
    facts = {row["fact"] for row in rows if row["table"] == "facts"}
    assert "cpu_model" in facts
    severities = {row["severity"] for row in rows if row["table"] == "checks"}
    assert severities <= {"ok", "warn", "bad", "unknown"}
    assert severities
    assert len(json.loads(Path("out.json").read_text())["tables"]) == 2
    assert "| check |" in Path("out.markdown").read_text()
