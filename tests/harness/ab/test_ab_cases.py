"""Cases that one state has and the other lacks."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from test_ab_pair import STATES, planned

from harness.ab.cases import UNKNOWN, UnlistedError, beside_them, declared, in_both
from harness.measure.spawn import Suite
from harness.selection import ALL, Selection

GOOD, OTHER = planned("good"), planned("other")


def stated(
    known: set[str],
    a: list[str] | None,
    b: list[str] | None,
    selection: Selection = ALL,
):
    return [
        (one.case_id, one.status, one.reason)
        for one in beside_them(known, a, b, selection)
    ]


def test_what_one_state_lacks_is_new_or_gone() -> None:
    known = {"old", "both", "new"}
    assert stated(known, ["old", "both"], ["both", "new"]) == [
        ("old", "failed", "gone in B"),
        ("new", "skipped", "new in B"),
    ]
    for selection in (Selection("NE"), Selection(globs=("n*",))):
        assert stated(known, ["old", "both"], ["both", "new"], selection) == [
            ("new", "skipped", "new in B")
        ]


def test_what_the_comparing_suite_lacks_is_stated() -> None:
    assert stated(set(), ["both"], ["both"]) == [("both", "skipped", UNKNOWN)]


def test_where_a_state_does_not_tell_its_cases_all_are_run() -> None:
    assert stated({"old"}, None, ["new"]) == []
    assert in_both([GOOD, OTHER], None, [GOOD.case.id]) == [GOOD]
    assert in_both([GOOD, OTHER], None, None) == [GOOD, OTHER]


def test_a_state_lists_the_cases_of_its_own_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the working folder's nor those of a path that the user set."""
    for name, model in (("state", "its-own"), ("foreign", "foreign")):
        package = tmp_path / name / "harness"
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "plan.py").write_text(
            "from types import SimpleNamespace as N\n"
            "def discover(): return []\n"
            "def plan(found, profile, hardware):\n"
            f"    return [N(case=N(id=f'toy/{model}/{{profile}}/{{hardware[0]}}'))]\n"
        )
    monkeypatch.chdir(tmp_path / "foreign")
    monkeypatch.setitem(os.environ, "PYTHONPATH", str(tmp_path / "foreign"))
    state = replace(STATES[0], suite=Suite(folder=tmp_path / "state"))
    assert declared(state, "commit", "cpu") == ["toy/its-own/commit/cpu"]


def test_a_state_whose_code_is_broken_tells_nothing(tmp_path: Path) -> None:
    package = tmp_path / "harness"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError")
    state = replace(STATES[0], suite=Suite(folder=tmp_path))
    with pytest.raises(UnlistedError, match="RuntimeError"):
        declared(state, "commit", "cpu")
