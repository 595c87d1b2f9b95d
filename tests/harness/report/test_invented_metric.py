"""Metrics that nothing in the harness knows by name, in everything that is shown."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from recorded import CASE, TRAINING_CASE, accuracy, metric, record, result_file
from recorded import training as trained

from harness import cli
from harness.ab.accuracy import MetricChange
from harness.ab.show import _change as ab_text
from harness.bridges.asv import tracked
from harness.record.schema import Record

# One of each direction; shares of errors are kept as shares, points as they are.
BLUNDERS = {"unit": "%", "title": "Blunders"}
GRADE = {"unit": "points", "title": "Grade", "better": "higher"}
FAST = replace(CASE, compression="int8-static")


def judged(blunders: float = 0.125, grade: float = 3.5) -> dict[str, Any]:
    gate = {"gate": 0.25, "difference": -0.125, "passed": True}
    return accuracy(
        blunder_rate=metric(blunders, **BLUNDERS), grade=metric(grade, **GRADE, **gate)
    )


def towards_grade() -> Record:
    """A training that reaches a grade of 3, and the target states what that is."""
    plain = trained(2.0, targets=[(0.5, 20.0, 2)]).model_dump(mode="json")
    plain["tta"]["targets"][0] |= {"metric": "grade", "level": 3.0, **GRADE}
    for place, point in enumerate(plain["tta"]["curve"], 1):
        point["errors"] = {"grade": float(place)}
    plain["accuracy"] = judged()
    return Record.model_validate(plain)


@pytest.fixture
def two(tmp_path: Path) -> list[Path]:
    """Two machines, each with two cases and a training."""
    hosts = {"alpha": 1.0, "beta": 0.5}
    return [
        result_file(
            tmp_path / f"{host}.json",
            record(*[[0.5 * slowness]] * 3, accuracy=judged()),
            record(*[[0.2 * slowness]] * 3, case=FAST, accuracy=judged(0.15, 3.25)),
            towards_grade(),
            machine={"host": host},
        )
        for host, slowness in hosts.items()
    ]


def invoke(*arguments: object) -> str:
    found = CliRunner().invoke(cli.main, [str(a) for a in arguments])
    assert found.exit_code == 0, found.output
    return " ".join(found.output.split())


def test_show_has_its_title_and_unit(two: list[Path], tmp_path: Path) -> None:
    printed = invoke("show", two[0], "--csv", tmp_path / "a.csv")
    assert "Blunders 12.5" in printed
    assert "Grade 3 points" in printed  # the target
    written = (tmp_path / "a.csv").read_text()
    assert "Blunders %,12.5" in written


def test_show_by_compression_has_its_title_and_unit(two: list[Path]) -> None:
    printed = invoke("show", two[0], "--by-compression")
    assert "error %" in printed
    assert "Blunders 15.0" in printed


@pytest.mark.parametrize("option", ["--markdown", "--csv", "--html"])
def test_compare_writes_its_title_and_unit(
    two: list[Path], tmp_path: Path, option: str
) -> None:
    file = tmp_path / "out"
    printed = invoke("compare", *two, option, file)
    written = file.read_text()
    assert "Blunders 12.5" in printed
    assert "Grade 3 points" in printed
    for word in ("Blunders", "Grade"):
        assert word in written
    assert "blunder_rate" not in printed


def test_the_json_states_unit_and_direction(two: list[Path], tmp_path: Path) -> None:
    invoke("compare", *two, "--json", tmp_path / "a.json")
    stated = json.loads((tmp_path / "a.json").read_text())["metrics"]
    assert stated["blunder_rate"]["unit"] == "%"
    assert (stated["grade"]["title"], stated["grade"]["better"]) == ("Grade", "higher")


def test_pictures_tell_which_way_is_better(two: list[Path], tmp_path: Path) -> None:
    invoke("compare", *two, "--html", tmp_path / "a.html")
    page = (tmp_path / "a.html").read_text()
    assert "Higher and further left is better. Dashed lines are targets" in page
    assert '"Grade points"' in page  # the axis of the training's picture
    # That of accuracy against latency: the metric that has a gate.
    assert "change of Grade points, same utterances" in page


def test_limits_are_in_its_unit(two: list[Path]) -> None:
    printed = invoke("compare", *two, "--at-most", "blunder_rate=13")
    assert "With Blunders at most 13 % qualify 2 of 3 cases on alpha" in printed
    printed = invoke("compare", *two, "--at-least", "grade=3.4")
    assert "With Grade at least 3.4 points qualify 2 of 3 cases on alpha" in printed


def test_a_limit_at_its_wrong_end_is_refused(two: list[Path]) -> None:
    found = CliRunner().invoke(
        cli.main, ["compare", *map(str, two), "--at-most=grade=3"]
    )
    assert found.exit_code == 2
    assert "higher is better of grade, expected --at-least=grade=3" in " ".join(
        found.output.split()
    )


def test_a_training_ranks_by_its_time_to_the_level(two: list[Path]) -> None:
    printed = invoke("compare", *two, "-k", TRAINING_CASE.workload)
    assert "ranks first" in printed


def test_units_that_contradict_one_another_are_refused(tmp_path: Path) -> None:
    files = [
        result_file(
            tmp_path / f"{unit}.json", record(accuracy=accuracy(x=metric(unit=unit)))
        )
        for unit in ("%", "dB")
    ]
    found = CliRunner().invoke(cli.main, ["compare", *map(str, files)])
    assert found.exit_code == 1
    assert "dB is the unit of x, and %" in " ".join(found.output.split())


@pytest.mark.parametrize("turned", [False, True])
def test_a_record_without_a_unit_contradicts_none(tmp_path: Path, turned: bool) -> None:
    before, after = accuracy(x=metric()), accuracy(x=metric(**BLUNDERS))
    files = [
        result_file(tmp_path / f"{place}.json", record(accuracy=one))
        for place, one in enumerate([before, after][:: -1 if turned else 1])
    ]
    assert "Blunders 12.5" in invoke("compare", *files)


def test_ab_shows_a_change_in_its_unit() -> None:
    change = MetricChange("grade", 3.5, 3.0, (3.4, 3.6), **GRADE)
    assert ab_text(change) == "worse: Grade 3.50 to 3.00 points"
    change = MetricChange("blunder_rate", 0.125, 0.1, (0.12, 0.13), **BLUNDERS)
    assert ab_text(change) == "better: Blunders 12.50 to 10.00 %"


def test_asv_follows_it_the_way_it_falls_when_better() -> None:
    errors = tracked(record(accuracy=judged()))["errors"]
    assert errors == {
        "blunder_rate": 0.125,
        "inverse_grade": pytest.approx(1 / 3.5),
    }
