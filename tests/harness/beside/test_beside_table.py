"""The cases beside their tools, as a table."""

import csv

from click.testing import CliRunner

from harness.beside import __main__ as command
from harness.beside.held import Held
from harness.beside.table import table

TIMED = Held("toy/good", "loop", ((0.0101,),) * 8, ((0.01,),) * 8)
SKIPPED = Held("toy/bad", status="skipped", reason="no AMX")


def cells(held):
    return {column.title: column.texts[0] for column in table([held]).columns}


def test_a_case_that_was_timed_has_its_ratio_and_both_times():
    found = cells(TIMED)
    assert (found["ours / tool"], found["95 % interval"]) == ("1.010", "1.010 to 1.010")
    assert (found["ours"], found["tool"]) == ("10.1", "10.0")
    assert (found["result"], found["processes"]) == ("within", "8")


def test_of_few_processes_there_is_no_interval():
    few = Held("toy/good", "loop", TIMED.ours_s[:2], TIMED.tool_s[:2])
    assert cells(few)["95 % interval"] == "-"


def test_a_case_that_was_not_timed_has_its_reason():
    found = cells(SKIPPED)
    assert (found["result"], found["reason"]) == ("skipped", "no AMX")
    assert found["ours"] == "-"


def test_the_command_writes_a_row_a_case(monkeypatch, tmp_path):
    cases, found = command.held_cases("cpu")[:2], iter((TIMED, SKIPPED))
    monkeypatch.setattr(command, "held_cases", lambda hardware: cases)
    monkeypatch.setattr(command, "beside", lambda *_: next(found))
    files = {name: tmp_path / name for name in ("csv", "json", "markdown")}
    options = [f"--{name}={path}" for name, path in files.items()]
    CliRunner().invoke(command.main, options)
    rows = list(csv.DictReader(files["csv"].read_text().splitlines()))
    assert [row["result"] for row in rows] == ["within", "skipped"]
    assert float(rows[0]["tool (ms)"]) == 10.0
    assert "no AMX" in files["markdown"].read_text()
    assert '"verdict": "within"' in files["json"].read_text()
