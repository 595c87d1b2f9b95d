"""The composite action of docs/github: its steps, run as the scripts that they are,
with stand-ins for the two programs that they call."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from harness.cli import main

GITHUB = Path(__file__).parents[1] / "docs" / "github"
ACTION: dict[str, Any] = yaml.safe_load((GITHUB / "action.yml").read_text())
STEPS = {step["name"]: step for step in ACTION["runs"]["steps"]}
TABLE = "| case | B / A |\n|---|---|\n| toy | 1.250 |\n"


@dataclass
class Run:
    """A checkout in which both programs are scripts that note what they were given."""

    folder: Path
    inputs: dict[str, str]
    status: int = 0  # of speechmark
    comments: int = 0  # status of gh
    known: str = ""  # the number of the comment that an earlier run wrote
    writes_table: bool = True

    def __post_init__(self) -> None:
        table = f"printf '{TABLE}' > speechmark.md" if self.writes_table else ":"
        self._program(
            self.folder / ".venv" / "bin" / "speechmark",
            f'printf "%s\\n" "$@" > given.txt; {table}; echo said; exit {self.status}',
        )
        self._program(
            self.folder / "bin" / "gh",
            f'if [ "$2" = --paginate ]; then echo "{self.known}"; exit; fi; '
            f'printf "%s\\n" "$@" > commented.txt; exit {self.comments}',
        )

    def _program(self, path: Path, script: str) -> None:
        path.parent.mkdir(parents=True)
        path.write_text(f"#!/bin/bash\n{script}\n")
        path.chmod(0o755)

    def step(self, name: str) -> int:
        """Runs it as GitHub does, with its expressions filled in."""
        step = STEPS[name]
        stated = {name: self._filled(text) for name, text in step["env"].items()}
        places = {"GITHUB_OUTPUT": "output.txt", "GITHUB_STEP_SUMMARY": "summary.md"}
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=self.folder,
            env={"PATH": path, **places, **stated},
            check=False,
            capture_output=True,
        )
        return done.returncode

    def _filled(self, text: str) -> str:
        def value(found: re.Match[str]) -> str:
            kind, _, name = found[1].strip().partition(".")
            if kind == "inputs":
                return self.inputs.get(name, ACTION["inputs"][name].get("default", ""))
            return self.read("output.txt").strip().removeprefix("status=")

        return re.sub(r"\$\{\{(.*?)\}\}", value, text)

    def read(self, name: str) -> str:
        return (self.folder / name).read_text()


@pytest.fixture
def run(tmp_path: Path):
    def made(**more: Any) -> Run:
        return Run(tmp_path, {"base": "main", "pull-request": "7"}, **more)

    return made


def test_both_commits_and_every_input_reach_the_command(run):
    found = run()
    found.inputs |= {"cases": "int8 and static", "minutes": "5", "threshold": "1"}
    assert found.step("Compare") == 0
    assert found.read("given.txt").splitlines() == [
        *("ab", "main", "HEAD", "-k", "int8 and static"),
        *("--minutes=5", "--threshold=1", "--markdown=speechmark.md"),
    ]


def test_the_command_has_every_option_that_the_action_gives():
    command = main.get_command(click.Context(main), "ab")
    assert command is not None
    options = {name for option in command.params for name in option.opts}
    given = set(re.findall(r"(?<= )(--?[a-z]+)\b", STEPS["Compare"]["run"]))
    assert {"-k", "--minutes", "--threshold", "--markdown"} == given
    assert given <= options


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (0, "no case became worse than in main"),
        (1, "cases became worse than in main"),
        (2, "the comparison with main did not run"),
    ],
)
def test_the_table_is_shown_and_commented_and_the_status_is_the_commands(
    run, status, said
):
    found = run(status=status)
    for name in ("Compare", "Show", "Comment"):
        assert found.step(name) == 0
    assert found.read("summary.md") == found.read("comment.md")
    assert said in found.read("comment.md")
    assert TABLE in found.read("comment.md")
    assert "said" in found.read("comment.md")
    assert found.read("commented.txt").split()[:3] == ["pr", "comment", "7"]
    assert found.step("Judge") == status


def test_a_comparison_without_a_table_still_shows_what_was_said(run):
    found = run(status=2, writes_table=False)
    assert (found.step("Compare"), found.step("Show")) == (0, 0)
    assert "said" in found.read("comment.md")


def test_the_comment_of_the_run_before_is_replaced_and_no_others(run):
    found = run(known="4711")
    for name in ("Compare", "Show", "Comment"):
        assert found.step(name) == 0
    given = found.read("commented.txt").split()
    assert given[:3] == ["api", "-X", "PATCH"]
    assert given[3].endswith("/issues/comments/4711")
    assert found.read("comment.md").startswith("<!-- speechmark ab -->\n")
    assert 'startswith("<!-- speechmark ab -->")' in STEPS["Comment"]["run"]


def test_a_token_that_may_not_write_fails_nothing(run):
    found = run(comments=1)
    for name in ("Compare", "Show", "Comment", "Judge"):
        assert found.step(name) == 0


def test_the_workflow_gives_inputs_that_the_action_has():
    workflow = yaml.safe_load((GITHUB / "workflow.yml").read_text())
    (job,) = workflow["jobs"].values()
    (step,) = [one for one in job["steps"] if one["uses"] == "./docs/github"]
    assert set(step["with"]) <= set(ACTION["inputs"])
    assert {n for n, one in ACTION["inputs"].items() if one.get("required")} <= set(
        step["with"]
    )
