"""git is asked about the suite's folder, whatever a hook or a shell says."""

import subprocess
import sys

import pytest

from harness import git
from harness.suite import SUITE


def answers(**texts):
    """A runner that answers by a word of the command."""

    def run(command):
        return next(
            (text for word, text in texts.items() if word in str(command)), None
        )

    return run


@pytest.mark.parametrize(("status", "dirty"), [("", False), (" M cpu.py", True)])
def test_a_commit_is_dirty_when_files_differ(tmp_path, status, dirty):
    run = answers(toplevel=str(tmp_path), HEAD="abc123", status=status)
    assert git.git_state(tmp_path, run) == {"commit": "abc123", "dirty": dirty}


def test_someone_elses_repository_gives_no_commit(tmp_path):
    run = answers(toplevel=str(tmp_path.parent), HEAD="abc123", status="")
    assert git.git_state(tmp_path, run) == {"commit": None, "dirty": None}


def test_outside_git_there_is_no_commit(tmp_path):
    assert git.git_state(tmp_path) == {"commit": None, "dirty": None}
    assert "not a git repository" in git.unknown_commit(tmp_path)


def make(folder):
    """A repository with one commit of a suite's package."""
    (folder / "harness").mkdir(parents=True)
    (folder / "harness" / "a.py").touch()
    (folder / "README.md").touch()
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    for command in (
        ["init", "-q"],
        ["add", "."],
        [*identity, "commit", "-qm", str(folder)],
    ):
        subprocess.run(["git", "-C", str(folder), *command], check=True)
    return git.git_state(folder)["commit"]


@pytest.fixture
def repository(tmp_path):
    make(tmp_path / "suite")
    return tmp_path / "suite"


def test_a_real_repository_gives_its_commit(repository):
    state = git.git_state(repository)
    assert len(state["commit"]) == 40
    assert state["dirty"] is False


def test_a_changed_document_leaves_the_code_clean(repository):
    (repository / "README.md").write_text("changed")
    assert git.git_state(repository)["dirty"] is False


@pytest.mark.parametrize("name", ["a.py", "new.py"])
def test_changed_and_new_code_is_dirty(repository, name):
    (repository / "harness" / name).write_text("changed")
    assert git.git_state(repository)["dirty"] is True


def test_a_hooks_variables_do_not_lead_to_another_repository(
    repository, tmp_path, monkeypatch
):
    own = git.git_state(repository)
    other = make(tmp_path / "other")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other" / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path / "other"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "other" / ".git" / "index"))
    assert git.git_state(repository) == own
    assert own["commit"] != other


def test_a_real_hook_sees_the_suites_own_commit(tmp_path):
    """The suite is asked for its commit by a hook of another repository."""
    other = tmp_path / "other"
    make(other)
    ask = f"import sys; sys.path.insert(0, {str(SUITE)!r}); from harness import git; "
    hook = other / ".git" / "hooks" / "pre-commit"
    hook.write_text(f'#!/bin/sh\n{sys.executable} -c "{ask}print(git.git_state())"\n')
    hook.chmod(0o755)
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    command = ["git", "-C", str(other), *identity, "commit", "--allow-empty", "-m", "x"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert str(git.git_state()["commit"]) in done.stderr + done.stdout


def test_commands_that_fail_or_hang_answer_none():
    assert git.run_quietly(["no-such-program"]) is None
    assert git.run_quietly([sys.executable, "-c", "raise SystemExit(1)"]) is None
    assert git.run_quietly(["sleep", "60"], timeout_s=0.05) is None
    assert git.run_quietly(["echo", " x "]) == "x"
