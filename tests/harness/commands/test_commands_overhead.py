"""The command `speechmark overhead`."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness import cli
from harness.bridges.cost import Showing
from harness.commands import overhead as overhead_command
from harness.hardware import Machine
from harness.measure.overhead import Cost, Overhead
from harness.measure.power import Found, Power

SHOWN = Showing(samples=1000, cases=12, median_s=0.004, least_s=0.003, most_s=0.005)
POWER = Power(0.009, (Found(20.0, 39, 40),), (Found(5.0, 8, 8),))


def invoke(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli.main, arguments)
    return done.exit_code, done.output


def test_overhead_measures_in_a_real_worker(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("harness.measure.overhead.BLOCK_S", 0.05)
    machine = Machine(cpus=(0,), isas=(), cuda_devices=0)
    monkeypatch.setattr(overhead_command, "this_machine", lambda: machine)
    monkeypatch.setattr(overhead_command, "measure_showing", lambda: SHOWN)
    monkeypatch.setattr(overhead_command, "measure_power", lambda cpus: POWER)
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
    monkeypatch.setattr(
        overhead_command, "measure", lambda *_: Overhead((cost,), step_s=2e-4)
    )
    monkeypatch.setattr(overhead_command, "measure_showing", lambda: SHOWN)
    monkeypatch.setattr(overhead_command, "measure_power", lambda cpus: POWER)
    found, printed = invoke("overhead")
    assert found == status
    assert answer in printed


def test_an_overhead_worker_that_dies_is_an_error_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def dies(*_: object) -> None:
        raise RuntimeError("the overhead worker died:\nout of memory")

    monkeypatch.setattr(overhead_command, "measure", dies)
    status, printed = invoke("overhead")
    assert status == 1
    assert printed == "Error: the overhead worker died:\nout of memory\n"
