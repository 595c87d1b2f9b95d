"""The two states of the suite that are compared, each in a folder of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from harness.measure.spawn import Suite
from harness.observe.software import SUITE, git_state

AS_IT_IS = "."  # the working tree, with what is not committed


@dataclass(frozen=True)
class State:
    """One state: `revision` as the user wrote it, `commit` as it was found."""

    name: str  # "A" or "B"
    revision: str
    commit: str | None
    dirty: bool  # the folder differs from that commit
    suite: Suite

    def __str__(self) -> str:
        changed = ", changed" if self.dirty else ""
        commit = f" ({self.commit[:12]}{changed})" if self.commit else ""
        other = self.suite.interpreter != sys.executable
        python = f" by {self.suite.interpreter}" if other else ""
        return f"{self.name}: {self.revision}{commit}{python}"


@contextmanager
def checked_out(
    revisions: tuple[str, str],
    interpreters: tuple[Path | None, Path | None] = (None, None),
    repository: Path = SUITE,
) -> Iterator[tuple[State, State]]:
    """Both states, each in a worktree that is removed at the end.

    A revision is whatever git knows, or "." for the working tree as it is. ValueError
    for an unknown revision, a folder without a repository, or an interpreter that is
    not there: before anything is checked out. SIGTERM ends the program by SystemExit
    meanwhile, so that worktrees and workers do not outlive it.
    """
    pythons = [_interpreter(path) for path in interpreters]
    commits = [_commit(revision, repository) for revision in revisions]
    parent = Path(mkdtemp(prefix="speechmark-ab-"))
    added: list[Path] = []
    before = signal.signal(signal.SIGTERM, _terminated)
    try:
        states = []
        for name, revision, commit, python in zip(
            "AB", revisions, commits, pythons, strict=True
        ):
            folder, dirty = parent / name, False
            if commit is not None:
                _git(repository, "worktree", "add", "--detach", str(folder), commit)
                added.append(folder)
            else:
                now = git_state(repository)
                folder, commit, dirty = repository, now["commit"], bool(now["dirty"])
            states.append(State(name, revision, commit, dirty, Suite(python, folder)))
        yield states[0], states[1]
    finally:
        for folder in added:
            _git(repository, "worktree", "remove", "--force", str(folder))
        shutil.rmtree(parent, ignore_errors=True)
        signal.signal(signal.SIGTERM, before)


def _terminated(number: int, frame: object) -> None:
    raise SystemExit(128 + number)


def _interpreter(path: Path | None) -> str:
    """A Python, or the one of a virtual environment's folder."""
    if path is None:
        return sys.executable
    found = path / "bin" / "python" if path.is_dir() else path
    if not (found.is_file() and os.access(found, os.X_OK)):
        raise ValueError(
            f"{path}: no Python there; give an interpreter, or the folder of a virtual "
            "environment in which the suite's requirements are installed"
        )
    return str(found.absolute())  # a link into the environment stays one


def _commit(revision: str, repository: Path) -> str | None:
    if revision == AS_IT_IS:
        return None
    try:
        found = _git(repository, "rev-parse", "--verify", f"{revision}^{{commit}}")
    except ValueError:
        raise ValueError(
            f"{revision!r} is no revision of the repository in {repository}: give a "
            "commit, a branch or a tag, or '.' for the working tree as it is"
        ) from None
    return found.strip()


def _git(repository: Path, *arguments: str) -> str:
    command = ["git", "-C", str(repository), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except FileNotFoundError:
        raise ValueError("git is not installed: states are checked out by it") from None
    except subprocess.CalledProcessError as error:
        what = " ".join(arguments[:2])
        raise ValueError(f"git {what}: {error.stderr.strip()}") from None
    return done.stdout
