"""A repository to check states out of."""

from __future__ import annotations

from pathlib import Path

import pytest
from git_by_hand import git


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two commits: a file that says "one", then "two"."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    for text in ("one", "two"):
        (folder / "said.txt").write_text(text)
        git(folder, "add", "said.txt")
        git(folder, "commit", "--quiet", "--message", text)
    return folder
