"""The page that says what runs where is what steps, runtimes and tasks say now."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.studies import compressions
from harness import workload_files
from workloads.compression.known import STEPS
from workloads.runtimes.known import RUNTIMES
from workloads.runtimes.pytorch import Eager

PAGE = Path(__file__).parents[3] / "docs" / "compressions.md"


@pytest.fixture(autouse=True)
def own_workloads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of a user would be on the page as well."""
    monkeypatch.delenv(workload_files.VARIABLE, raising=False)


def test_the_page_is_what_the_command_prints() -> None:
    printed = compressions.page()
    assert PAGE.read_text() == printed, f"run {compressions.__doc__}"
    assert printed.isascii()
    assert not [line for line in printed.splitlines() if line.startswith("% ")]


def test_every_step_and_every_declared_compression_is_on_the_page() -> None:
    printed = compressions.page()
    assert all(f"| {kind.help()} | {kind.summary} |" in printed for kind in STEPS)
    for one in compressions.declared():
        stem = compressions._PERCENT.sub("-PERCENT", one.compression.name)
        assert f"| {one.compression.name} |" in printed or f"| {stem} (" in printed


def test_a_reason_of_a_runtime_is_a_note_with_a_number() -> None:
    found, notes = compressions.declared(), list[str]()
    table = compressions.cpu_table(found, notes)
    rows = {row[0]: row[1:] for row in table.lines()}
    assert rows["fp32"] == ("yes",) * 4
    eager, compiled, *files = rows["int8-static"]
    assert files == ["yes", "yes"]
    assert eager.startswith("no (")
    assert compiled.startswith("some (")  # not of models with LSTMs
    assert "int8-static" in notes[int(eager[4:-1]) - 1]


def test_what_a_runtime_says_otherwise_changes_the_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Closed(Eager):
        def why_not_on(self, place: object) -> str | None:
            return "it is closed"

    monkeypatch.setitem(RUNTIMES, "eager", Closed())
    assert ". it is closed\n" in compressions.page()
