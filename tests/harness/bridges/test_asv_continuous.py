"""`asv continuous` over real commits: silent where nothing changed, and where one
workload got slower, that one is named and no other.

Slow: half an hour on two idle cores, and 6 GB for asv's environment, once. It stays in
`.asv/env`, or in $SPEECHMARK_ASV_ENV, and serves the developer's own runs as well. The
commits are made in a clone of the last commit: what is not committed is not tested.

    pytest -m slow tests/harness/bridges/test_asv_continuous.py
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]
ENVIRONMENTS = Path(os.environ.get("SPEECHMARK_ASV_ENV", PROJECT / ".asv" / "env"))
SEEDED = "asr-decoding"  # on one core, so the steadiest
DECODER = "class LexiconBeamDecoder:"
DECODE = "    def decode("
SLOWER = '''    def decode(self, log_probs: Tensor, lengths: Tensor) -> list[str]:
        """A fifth slower than it need be."""
        from time import perf_counter

        began = perf_counter()
        transcripts = self.plain_decode(log_probs, lengths)
        end = began + 1.2 * (perf_counter() - began)
        while perf_counter() < end:
            pass
        return transcripts

'''

pytestmark = pytest.mark.slow


class Clone:
    """The project in a folder of its own, to commit to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        subprocess.run(["git", "clone", "-q", PROJECT, folder], check=True)
        self.git("checkout", "-q", "-B", "main")
        self.git("config", "user.name", "Nobody")
        self.git("config", "user.email", "nobody@example.org")
        path = folder / "asv.conf.json"
        shared = json.dumps(str(ENVIRONMENTS.resolve()))
        path.write_text(path.read_text().replace('".asv/env"', shared))
        self.git("commit", "-q", "-a", "-m", "Share the environment")

    def git(self, *arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=self.folder, check=True)

    def edit(self, name: str, change: Callable[[str], str]) -> None:
        """Change a file, and commit."""
        path = self.folder / name
        path.write_text(change(path.read_text()))
        self.git("commit", "-q", "-a", "-m", f"Edit {name}")

    def asv(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "asv", *arguments],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )


def reported(output: str) -> dict[str, str]:
    """The rows of asv's table of changes: the mark of each benchmark.

    >>> reported("| + | 669±2μs | 803±2μs | 1.20 | bench_a.Steady.time_x('a/b1') |")
    {"bench_a.Steady.time_x('a/b1')": '+'}
    """
    rows = [
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for line in output.splitlines()
        if line.lstrip().startswith("|")
    ]
    return {row[-1]: row[0] for row in rows if row[-1].startswith("bench_")}


def slowed(text: str) -> str:
    """The beam search, with a slower way into it."""
    before, decoder, search = text.partition(DECODER)
    assert search.count(DECODE) == 1
    plain = SLOWER + DECODE.replace("decode", "plain_decode")
    return before + decoder + search.replace(DECODE, plain)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    made = Clone(tmp_path_factory.mktemp("asv") / "speechmark")
    machine = made.asv("machine", "--yes")
    assert machine.returncode == 0, machine.stdout + machine.stderr
    return made


def test_a_commit_to_the_documentation_changes_nothing(clone: Clone) -> None:
    clone.edit("README.md", lambda text: f"{text}\nA note.\n")
    found = clone.asv("continuous", "--show-stderr", "HEAD~1", "HEAD")
    assert reported(found.stdout) == {}, found.stdout
    assert "BENCHMARKS NOT SIGNIFICANTLY CHANGED" in found.stdout
    assert "failed" not in found.stdout
    assert found.returncode == 0


def test_a_workload_that_got_a_fifth_slower_is_named_and_no_other(clone: Clone) -> None:
    clone.edit("workloads/asr/decoding.py", slowed)
    found = clone.asv("continuous", "--show-stderr", "HEAD~1", "HEAD")
    changes = reported(found.stdout)
    steady = [name for name in changes if ".Steady.time_per_item" in name]
    assert len(steady) == 1, found.stdout
    assert set(changes.values()) == {"+"}
    assert [name for name in changes if f"('{SEEDED}/" not in name] == []
    assert "PERFORMANCE DECREASED" in found.stdout
    assert found.returncode != 0
