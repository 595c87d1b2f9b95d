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

from harness.git import git_environment, git_state
from harness.measure.spawn import Suite
from harness.suite import SUITE

LOCKS = ("requirements.lock", "requirements-optional.lock")
NOTHING_SAID = "git failed and said nothing"
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
    not there: before anything is checked out. SIGTERM and SIGHUP end the program by
    SystemExit meanwhile, so that worktrees and workers do not outlive it.
    """
    pythons = [_interpreter(path) for path in interpreters]
    commits = [_commit(revision, repository) for revision in revisions]
    parent = Path(mkdtemp(prefix="speechmark-ab-"))
    try:
        with _signals_as_exits(signal.SIGTERM, signal.SIGHUP):
            a, b = (
                _state(name, revision, commit, python, repository, parent)
                for name, revision, commit, python in zip(
                    "AB", revisions, commits, pythons, strict=True
                )
            )
            yield a, b
    finally:
        for name in "AB":
            _remove(repository, parent / name)
        shutil.rmtree(parent, ignore_errors=True)


def _state(
    name: str,
    revision: str,
    commit: str | None,
    python: str,
    repository: Path,
    parent: Path,
) -> State:
    """Checks the commit out into a folder of `parent`, unless it is the working tree
    that is asked for."""
    if commit is None:
        now = git_state(repository, paths=["."])
        suite = Suite(python, repository)
        return State(name, revision, now["commit"], bool(now["dirty"]), suite)
    folder = parent / name
    # Whatever a user's hook does after a checkout, it is no part of the state.
    no_hooks = ("-c", f"core.hooksPath={os.devnull}")
    _git(repository, *no_hooks, "worktree", "add", "--detach", str(folder), commit)
    return State(name, revision, commit, False, Suite(python, folder))


def _remove(repository: Path, folder: Path) -> None:
    """A worktree, whole or half made. What git cannot remove is deleted all the same,
    and forgotten."""
    if not folder.exists():
        return
    try:
        _git(repository, "worktree", "remove", "--force", str(folder))
    except ValueError:
        shutil.rmtree(folder, ignore_errors=True)
        _git(repository, "worktree", "prune")


@contextmanager
def _signals_as_exits(*signals: signal.Signals) -> Iterator[None]:
    """Each of them raises SystemExit, but for those that this program was started to
    ignore, as by nohup."""
    before = {number: signal.getsignal(number) for number in signals}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, _raise_exit)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _raise_exit(number: int, frame: object) -> None:
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
    """`--quiet` leaves git's own words for what is wrong besides: the ownership of the
    folder, a damaged object, no repository at all."""
    if revision == AS_IT_IS:
        return None
    wanted = f"{revision}^{{commit}}"
    try:
        return _git(repository, "rev-parse", "--verify", "--quiet", wanted).strip()
    except ValueError as error:
        if str(error) != NOTHING_SAID:
            raise
        raise ValueError(
            f"{revision!r} is no revision of the repository in {repository}: give a "
            "commit, a branch or a tag, or '.' for the working tree as it is"
        ) from None


def _git(repository: Path, *arguments: str) -> str:
    command = ["git", "-C", str(repository), *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, env=git_environment()
        )
    except FileNotFoundError:
        raise ValueError("git is not installed: states are checked out by it") from None
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip()
        raise ValueError(
            f"git in {repository}: {said}" if said else NOTHING_SAID
        ) from None
    return done.stdout


def lock_difference(states: tuple[State, State]) -> str | None:
    """What tells the states' requirements apart where both run in one environment, for
    then one of them runs with the other's libraries; None where nothing does."""
    a, b = (_requirements(state) for state in states)
    if a == b or states[0].suite.interpreter != states[1].suite.interpreter:
        return None
    names = sorted(name for name in a.keys() | b.keys() if a.get(name) != b.get(name))
    changed = [
        f"{name} {a.get(name, 'none')} to {b.get(name, 'none')}" for name in names
    ]
    more = f" and {len(changed) - 5} more" if len(changed) > 5 else ""
    return (
        f"{LOCKS[0]} differs ({', '.join(changed[:5])}{more}), but both states run in "
        f"the environment of {states[0].suite.interpreter}: to compare the libraries "
        "too, install each lock into an environment and give --a-env and --b-env"
    )


def _requirements(state: State) -> dict[str, str]:
    """Versions by name, of locks of NAME==VERSION lines; one with another version for
    some Pythons has both."""
    assert state.suite.folder is not None
    found: dict[str, str] = {}
    for lock in (state.suite.folder / name for name in LOCKS):
        for line in lock.read_text().splitlines() if lock.is_file() else []:
            name, sign, version = line.split(";")[0].split("#")[0].partition("==")
            if sign:
                others = found.get(name.strip())
                both = f"{others} or {version.strip()}" if others else version.strip()
                found[name.strip()] = both
    return found
