"""Two states of a repository, side by side."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest
from git_by_hand import git

from harness.ab.states import checked_out


def folders(states) -> list[Path]:
    return [state.suite.folder for state in states]


def said(states) -> list[str]:
    return [(folder / "said.txt").read_text() for folder in folders(states)]


def test_each_revision_stands_in_a_folder_of_its_own(repository: Path) -> None:
    with checked_out(("HEAD~1", "main"), repository=repository) as states:
        assert said(states) == ["one", "two"]
        assert [state.name for state in states] == ["A", "B"]
        commits = git(repository, "rev-parse", "HEAD~1", "HEAD").split()
        assert [state.commit for state in states] == commits


def test_a_dot_is_the_working_tree_with_what_is_not_committed(repository: Path) -> None:
    (repository / "said.txt").write_text("three")
    with checked_out(("HEAD", "."), repository=repository) as states:
        assert said(states) == ["two", "three"]
        assert [state.dirty for state in states] == [False, True]
        assert "changed" in str(states[1])
        assert "changed" not in str(states[0])


def test_worktrees_are_gone_afterwards_even_after_an_error(repository: Path) -> None:
    with (
        pytest.raises(RuntimeError),
        checked_out(("HEAD~1", "HEAD"), repository=repository) as states,
    ):
        raise RuntimeError
    assert not any(folder.exists() for folder in folders(states))
    assert len(git(repository, "worktree", "list").splitlines()) == 1


def test_worktrees_are_gone_after_a_kill_that_asks(repository: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with (
        pytest.raises(SystemExit) as ended,
        checked_out(("HEAD~1", "HEAD"), repository=repository),
    ):
        signal.raise_signal(signal.SIGTERM)
    assert ended.value.code == 128 + signal.SIGTERM
    assert len(git(repository, "worktree", "list").splitlines()) == 1
    assert signal.getsignal(signal.SIGTERM) is before


def test_an_unknown_revision_is_quoted(repository: Path) -> None:
    with (
        pytest.raises(ValueError, match=r"'nowhere' is no revision.*commit, a branch"),
        checked_out(("HEAD", "nowhere"), repository=repository),
    ):
        pass
    assert len(git(repository, "worktree", "list").splitlines()) == 1


def test_a_folder_without_a_repository_says_so(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="is no revision of the repository in"),
        checked_out(("HEAD", "HEAD"), repository=tmp_path),
    ):
        pass


def test_each_state_may_have_its_own_interpreter(
    repository: Path, tmp_path: Path
) -> None:
    environment = tmp_path / "env"
    (environment / "bin").mkdir(parents=True)
    (environment / "bin" / "python").symlink_to(sys.executable)
    with checked_out(("HEAD", "HEAD"), (None, environment), repository) as states:
        here, there = (state.suite.interpreter for state in states)
        assert here == sys.executable
        assert there == str(environment / "bin" / "python")
        assert there in str(states[1])
        assert here not in str(states[0])


@pytest.mark.parametrize("kind", ["no file", "no program", "empty folder"])
def test_an_interpreter_that_is_none_is_refused(
    repository: Path, tmp_path: Path, kind: str
) -> None:
    python = tmp_path / "python"
    if kind == "no program":
        python.write_text("text")
    if kind == "empty folder":
        python.mkdir()
    with (
        pytest.raises(ValueError, match=f"{python}: no Python there"),
        checked_out(("HEAD", "HEAD"), (python, None), repository),
    ):
        pass
