"""`speechmark ab`, as a user types it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import toy
from click.testing import CliRunner
from test_ab_pair import MACHINE, SHORT

from harness import cli, live
from harness import profile as profiles
from harness.ab import command
from harness.ab.cases import UnlistedError


def unlisted(*asked: object) -> list[str]:
    raise UnlistedError("of an earlier time")


@pytest.fixture(autouse=True)
def toy_suite(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The toy workload alone, on a machine without a GPU."""
    points = {"commit": toy.points("good", "unsupported"), "none": ()}
    workload = replace(toy.WORKLOAD, points=points)
    monkeypatch.setattr(command, "discover", lambda: [workload])
    monkeypatch.setattr(command, "declared", unlisted)
    monkeypatch.setattr(command, "this_machine", lambda: MACHINE)
    monkeypatch.setattr(command, "fingerprint", lambda: {"cpu_model": "toy"})
    monkeypatch.setitem(profiles.PROFILES, "commit", SHORT)
    monkeypatch.chdir(tmp_path)


def invoke(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli.main, ["ab", *arguments])
    return done.exit_code, done.output


QUICKLY = ("--minutes", "0.0001")


def test_the_working_tree_is_compared_with_itself(tmp_path: Path) -> None:
    tables = ("--csv", "out.csv", "--markdown", "out.md")
    status, printed = invoke(".", ".", *QUICKLY, "--json", "out.json", *tables)
    assert status == 0
    assert "A: . (" in printed
    stated = "warning: B does not list its cases (of an earlier time): none can be told"
    assert stated in printed
    assert "2 cases: up to some 0 s, and evaluation" in printed
    assert "undecided: 1 pairs, and it takes 8" in printed
    assert "skipped: toy/unsupported/fp32/eager/cpu/b1: state A: the toy" in printed
    stated = "time: 1 undecided, 1 skipped; regressions: 0; samples: out.json"
    assert stated in printed
    kept = json.loads((tmp_path / "out.json").read_text())
    assert kept["machine"] == {"cpu_model": "toy"}
    assert len(kept["cases"]) == 2
    assert (tmp_path / "out.csv").read_text().count("\nab,toy/") == 2
    assert "| toy/unsupported/fp32/eager/cpu/b1 |" in (tmp_path / "out.md").read_text()


def test_without_a_name_samples_go_to_the_local_results(tmp_path: Path) -> None:
    invoke(".", ".", *QUICKLY, "-k", "good")
    assert len(list((tmp_path / "results/local").glob("ab-*Z.json"))) == 1


def test_a_regression_ends_with_status_1(monkeypatch: pytest.MonkeyPatch) -> None:
    real = command.Contest
    monkeypatch.setattr(
        command,
        "Contest",
        lambda *arguments: real(*arguments, slow_down_percent=900.0),
    )
    status, printed = invoke(".", ".", "-k", "good", "--threshold", "50")
    assert (status, "slower" in printed) == (1, True)


def test_a_case_that_is_new_in_b_is_stated_and_is_no_regression(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ids = {
        "A": ["toy/unsupported/fp32/eager/cpu/b1"],
        "B": ["toy/unsupported/fp32/eager/cpu/b1", "toy/good/fp32/eager/cpu/b1"],
    }
    monkeypatch.setattr(command, "declared", lambda state, *asked: ids[state.name])
    status, printed = invoke(".", ".", *QUICKLY)
    assert (status, "1 case:" in printed) == (0, True)
    assert "skipped: toy/good/fp32/eager/cpu/b1: new in B" in printed


def test_requirements_that_differ_are_stated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "lock_difference", lambda states: "torch 1 to 2")
    assert "warning: torch 1 to 2" in invoke(".", ".", *QUICKLY, "-k", "good")[1]


def test_at_once_asks_for_two_halves(monkeypatch: pytest.MonkeyPatch) -> None:
    one = replace(MACHINE, cpus=MACHINE.cpus[:1], threads=1)
    monkeypatch.setattr(command, "this_machine", lambda: one)
    _, printed = invoke(".", ".", *QUICKLY, "-k", "good", "--at-once")
    assert "skipped: toy/good/fp32/eager/cpu/b1: cpu: at once each state has" in printed


def test_a_keyword_chooses_cases() -> None:
    _, printed = invoke(".", ".", *QUICKLY, "-k", "GOOD", "--json", "o.json")
    assert "1 case:" in printed
    assert "unsupported" not in printed


def test_a_glob_chooses_cases() -> None:
    _, printed = invoke(".", ".", *QUICKLY, "--cases", "*/good/*", "--json", "o.json")
    assert "1 case:" in printed
    assert "unsupported" not in printed


def test_a_case_that_takes_long_has_a_line_a_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live, "EVERY_S", 0.0)
    _, printed = invoke(".", ".", *QUICKLY, "-k", "good")
    assert re.search(r"\[1/1\] toy/good/\S+: .* 1 pairs, .* so far\n", printed)


@pytest.mark.parametrize(
    ("arguments", "stated"),
    [
        ((".", "nowhere"), "'nowhere' is no revision"),
        ((".", ".", "-k", "nothing"), "cases of commit matches -k 'nothing'"),
        ((".", ".", "--profile", "fast"), "unknown profile 'fast'"),
        ((".", ".", "--hardware", "cuda:0"), "0 CUDA devices"),
        ((".", ".", "--hardware", "tpu"), "unknown hardware 'tpu'"),
        ((".", ".", "--minutes", "0"), "--minutes 0"),
        ((".", ".", "--minutes", "nan"), "--minutes nan"),
        ((".", ".", "--minutes", "inf"), "--minutes inf"),
        ((".", ".", "--csv", "no/a.csv"), "--csv no/a.csv: cannot write there"),
        ((".", ".", "--csv", "a", "--json", "a"), "--json a: another output goes"),
        ((".", ".", "--threshold", "0"), "--threshold 0"),
        ((".", ".", "--threshold", "100"), "--threshold 100"),
        ((".", ".", "--a-env", "nowhere"), "'nowhere' does not exist"),
        ((".", ".", "--b-env", "."), "no Python there"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_measured(
    arguments: tuple[str, ...], stated: str
) -> None:
    status, printed = invoke(*arguments)
    assert (status, stated in printed) == (2, True), printed
