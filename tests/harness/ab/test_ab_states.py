"""Two states of a repository, side by side."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from git_by_hand import git

from harness.ab.states import checked_out, lock_difference


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


SIGNALLED = """
import signal, sys
from pathlib import Path

from harness.ab.states import checked_out

repository, number, ignored = Path(sys.argv[1]), int(sys.argv[2]), len(sys.argv) > 3
if ignored:
    signal.signal(number, signal.SIG_IGN)
before = signal.getsignal(number)
try:
    with checked_out(("HEAD~1", "HEAD"), repository=repository) as states:
        signal.raise_signal(number)
        folders = [state.suite.folder for state in states]
        print("went on with", [(one / "said.txt").read_text() for one in folders])
finally:
    print("as before:", signal.getsignal(number) is before)
"""


def signalled(repository: Path, number: int, *more: str) -> tuple[int, str]:
    """How another process ended that gets the signal, and what it printed."""
    command = [sys.executable, "-c", SIGNALLED, str(repository), str(number), *more]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.stderr == ""
    assert len(git(repository, "worktree", "list").splitlines()) == 1
    return ended.returncode, ended.stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_worktrees_are_gone_after_a_kill_that_asks(
    repository: Path, number: signal.Signals
) -> None:
    assert signalled(repository, number) == (128 + number, "as before: True\n")


def test_a_hang_up_that_was_to_be_ignored_is_ignored(repository: Path) -> None:
    ended = signalled(repository, signal.SIGHUP, "ignored")
    assert ended == (0, "went on with ['one', 'two']\nas before: True\n")


def test_a_hook_that_fails_is_not_run_and_leaves_no_worktree(repository: Path) -> None:
    hook = repository / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    with checked_out(("HEAD~1", "HEAD"), repository=repository) as states:
        assert said(states) == ["one", "two"]
    assert len(git(repository, "worktree", "list").splitlines()) == 1


def test_a_checkout_that_breaks_leaves_no_worktree(repository: Path) -> None:
    """A filter that the second commit asks for and that fails."""
    git(repository, "config", "filter.broken.clean", "cat")
    git(repository, "config", "filter.broken.smudge", "false")
    git(repository, "config", "filter.broken.required", "true")
    (repository / ".gitattributes").write_text("said.txt filter=broken")
    git(repository, "add", ".gitattributes")
    git(repository, "commit", "--quiet", "--message", "three")
    with (
        pytest.raises(ValueError, match="smudge filter broken failed"),
        checked_out(("HEAD~1", "HEAD"), repository=repository),
    ):
        pass
    assert len(git(repository, "worktree", "list").splitlines()) == 1


def test_what_git_says_is_stated_in_its_own_words(repository: Path) -> None:
    (repository / ".git" / "config").write_text("[core")
    with (
        pytest.raises(ValueError, match="fatal: bad config line"),
        checked_out(("HEAD", "HEAD"), repository=repository),
    ):
        pass


def test_an_unknown_revision_is_quoted(repository: Path) -> None:
    with (
        pytest.raises(ValueError, match=r"'nowhere' is no revision.*commit, a branch"),
        checked_out(("HEAD", "nowhere"), repository=repository),
    ):
        pass
    assert len(git(repository, "worktree", "list").splitlines()) == 1


def test_a_folder_without_a_repository_says_so(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="not a git repository"),
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


def locked(repository: Path, *locks: str) -> None:
    for lock in locks:
        (repository / "requirements.lock").write_text(lock)
        git(repository, "add", "requirements.lock")
        git(repository, "commit", "--quiet", "--message", "lock")


def test_other_requirements_in_one_environment_are_stated(repository: Path) -> None:
    locked(repository, "torch==2.13.0\nold==1\n", "torch==2.14.1\nnew==1\n")
    with checked_out(("HEAD~1", "HEAD"), repository=repository) as states:
        stated = lock_difference(states) or ""
    assert "new none to 1, old 1 to none, torch 2.13.0 to 2.14.1" in stated
    assert "--a-env and --b-env" in stated


def test_another_optional_requirement_or_another_for_some_pythons_is_stated(
    repository: Path,
) -> None:
    some = "sieve==2.10 ; python_full_version < '3.11.5'\nsieve==4.1\n"
    locked(repository, some, some.replace("2.10", "2.11"))
    (repository / "requirements-optional.lock").write_text("openvino==2026.4.1\n")
    git(repository, "add", "requirements-optional.lock")
    git(repository, "commit", "--quiet", "--message", "optional")
    with checked_out(("HEAD~2", "HEAD"), repository=repository) as states:
        stated = lock_difference(states) or ""
    assert "openvino none to 2026.4.1" in stated
    assert "sieve 2.10 or 4.1 to 2.11 or 4.1" in stated


def test_equal_requirements_or_two_environments_are_not(
    repository: Path, tmp_path: Path
) -> None:
    locked(repository, "torch==2.13.0\n", "torch==2.13.0  # the same\n")
    with checked_out(("HEAD~1", "HEAD"), repository=repository) as states:
        assert lock_difference(states) is None
        a, b = states
        other = replace(b, suite=replace(b.suite, interpreter="other"))
        (b.suite.folder / "requirements.lock").write_text("torch==2.14.1\n")
        assert lock_difference((a, other)) is None
        assert lock_difference((a, b)) is not None
