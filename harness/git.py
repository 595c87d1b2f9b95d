"""git, asked about the suite's folder and no other."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.suite import PACKAGES, SUITE

# git's own list (`git rev-parse --local-env-vars`) is longer with each version; these
# alone say nothing of which repository is meant.
_GIT_KEPT = ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM")

Run = Callable[[Sequence[str]], str | None]


def git_environment(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Without what a hook or a shell sets to point git at another repository."""
    kept = {
        name: value
        for name, value in environment.items()
        if not name.startswith("GIT_") or name in _GIT_KEPT
    }
    return kept | {"GIT_OPTIONAL_LOCKS": "0"}  # in a hook the index is locked


def run_quietly(command: Sequence[str], timeout_s: float = 5.0) -> str | None:
    """A command's stripped output, None where it is absent, fails or hangs; git looks
    at no other repository than the command names."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=True,
            env=git_environment(),
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def git_state(
    folder: Path = SUITE, run: Run = run_quietly, paths: Sequence[str] = PACKAGES
) -> dict[str, Any]:
    """The suite's commit, and whether anything in `paths` differs from it; else None.

    An installed suite may lie inside someone else's repository: not its commit.
    """
    git = ["git", "-C", str(folder)]
    top = run([*git, "rev-parse", "--show-toplevel"])
    commit = run([*git, "rev-parse", "HEAD"])
    if not commit or not top or Path(top).resolve() != folder.resolve():
        return {"commit": None, "dirty": None}
    changes = run([*git, "status", "--porcelain", "--", *paths])
    return {"commit": commit, "dirty": None if changes is None else bool(changes)}


def unknown_commit(folder: Path = SUITE) -> str:
    """Why git tells no commit of `folder`, in git's own words."""
    command = ["git", "-C", str(folder), "rev-parse", "HEAD"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=5.0, env=git_environment()
        )
    except (OSError, subprocess.SubprocessError) as error:
        return str(error)
    if done.returncode:
        return done.stderr.strip().partition("\n")[0]
    return "it lies in a repository that is not its own"
