import json
import os
from dataclasses import replace

import psutil
import pytest
import toy
from click.testing import CliRunner
from outcomes import STEADY, broken, outcome, record, segment, sensed

from harness import live
from harness.case import Case
from harness.hardware import Machine
from harness.measure import neighbour as module
from harness.measure.compose import failed
from harness.measure.follow import Progressing
from harness.measure.neighbour import Pair, neighbour, passed, run_pair
from harness.plan import Planned
from harness.profile import SMOKE

STOLEN = sensed(segment(1, steal_percent=12.0))
UNSTEADY = STEADY | {"steady": False}


def pair(beside_s, alone=None, **changes):
    return Pair(alone or record(outcome(1.0)), record(outcome(beside_s, **changes)))


@pytest.mark.parametrize(
    ("one", "verdict"),
    [
        (pair(1.04), "same"),
        (pair(0.96), "same"),
        (pair(1.06), "UNMARKED"),
        (pair(0.94), "UNMARKED"),
        (pair(1.06, seen=STOLEN), "marked"),
        (pair(1.06, warm_up=UNSTEADY), "marked"),
        (pair(1.06, seen=sensed(segment(1, seconds=0.1))), "marked"),
        (pair(1.0, alone=record(outcome(1.0, seen=STOLEN))), "void"),
        (pair(1.06, alone=record(outcome(1.0, warm_up=UNSTEADY))), "void"),
    ],
)
def test_a_median_that_moves_must_be_marked(one, verdict):
    assert one.verdict == verdict


def test_a_run_that_failed_compares_nothing_and_tells_why():
    case = toy.WORKLOAD, Case("toy", "good", "fp32", "eager", "cpu", 1)
    lost = failed(*case, SMOKE, broken("stage build: out of memory\nmore"))
    one = replace(pair(1.0), beside=lost)
    assert (one.verdict, one.percent) == ("void", None)
    assert one.line().endswith("stage build: out of memory")


def test_one_median_that_moved_unmarked_fails_them_all():
    same, unmarked, void = (
        pair(1.0),
        pair(2.0),
        pair(1.0, record(outcome(1.0, seen=STOLEN))),
    )
    assert passed([same, void]) == (True, "2 cases: 1 same, 1 void")
    assert passed([same, unmarked]) == (False, "2 cases: 1 same, 1 UNMARKED")
    assert passed([void])[0] is False
    assert passed([])[0] is False


def test_a_line_tells_both_medians_and_what_was_drawn_again():
    assert pair(1.5).line() == (
        "UNMARKED toy/good/fp32/eager/cpu/b1: 1000 ms alone, 1500 beside (+50.0 %); "
        "nothing drawn again"
    )


def test_a_neighbour_lives_as_long_as_it_is_asked_for_and_keeps_to_its_cpu():
    cpu = min(os.sched_getaffinity(0))
    with neighbour(0.01, 0.01, cpu) as pid:
        assert os.sched_getaffinity(pid) == {cpu}
    assert not psutil.pid_exists(pid)


def test_both_runs_are_made_and_only_one_beside_a_neighbour(tmp_path, monkeypatch):
    begun = []
    real = module.neighbour
    monkeypatch.setattr(
        module, "neighbour", lambda *times: begun.append(times) or real(*times)
    )
    monkeypatch.setattr(module, "cache_folder", lambda: tmp_path)
    case = Case("toy", "good", "fp32", "eager", "cpu", 1)
    machine = Machine(tuple(os.sched_getaffinity(0)), isas=(), cuda_devices=0)
    one = run_pair(Planned(toy.WORKLOAD, case, 1.0), machine, "smoke", tmp_path)
    assert (one.alone.status, one.beside.status) == ("ok", "ok")
    assert begun == [(1.0, 1.0)]


def test_the_stage_of_a_run_is_told_each_minute(monkeypatch):
    case = Case("toy", "good", "fp32", "eager", "cpu", 1)
    monkeypatch.setattr(live, "EVERY_S", 0.0)
    monkeypatch.setattr(
        module, "chosen_cases", lambda *_: [Planned(toy.WORKLOAD, case, 1)]
    )

    def run(planned, machine, profile, folder, listen):
        listen(Progressing("warmup"))
        return pair(1.0)

    monkeypatch.setattr(module, "run_pair", run)
    found = CliRunner().invoke(module.main, [])
    assert found.stderr == f"{case.id}: warmup: 0 s so far\n"


def test_trainings_are_left_out(monkeypatch):
    training = next(iter(toy.TRAINING.cases("quick", "cpu")))
    monkeypatch.setattr(
        module, "chosen_cases", lambda *_: [Planned(toy.TRAINING, training, 1)]
    )
    found = CliRunner().invoke(module.main, [])
    assert (found.exit_code, found.output) == (1, "0 cases: \n")


def test_a_file_has_a_row_of_figures_a_case(tmp_path, monkeypatch):
    planned = [Planned(toy.WORKLOAD, Case("toy", "good", "fp32", "eager", "cpu", 1), 1)]
    monkeypatch.setattr(module, "chosen_cases", lambda *_: planned)
    monkeypatch.setattr(module, "run_pair", lambda *_: pair(1.5))
    files = {name: tmp_path / name for name in ("csv", "json", "markdown")}
    options = [f"--{name}={path}" for name, path in files.items()]
    assert CliRunner().invoke(module.main, options).exit_code == 1
    assert files["csv"].read_text().splitlines() == [
        "table,case,alone (ms),beside (ms),change (%),verdict",
        "neighbour,toy/good/fp32/eager/cpu/b1,1000.0,1500.0,50.0,UNMARKED",
    ]
    assert "UNMARKED" in files["markdown"].read_text()
    assert json.loads(files["json"].read_text())["tables"][0]["rows"][0][3] == 50.0
