"""What the pages in docs show is what their commands print, and holds what they say."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness import cli

PROJECT = Path(__file__).parents[1]
PAGES = sorted((PROJECT / "docs").glob("*.md"))
BLOCK = re.compile(r"```console\n\$ ([^\n]+)\n(.*?)```", re.DOTALL)
SHOWN = ("speechmark show ", "speechmark plan ", "speechmark compare ")
BLOCKS = [
    (page.name, command, body)
    for page in PAGES
    for command, body in BLOCK.findall(page.read_text())
    if command.startswith(SHOWN)
]
STATISTICS = (PROJECT / "docs" / "statistics.md").read_text()


def trimmed(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def test_some_page_shows_what_a_command_prints() -> None:
    """Without a block the test below would be skipped, and hold nothing."""
    assert BLOCKS


@pytest.mark.parametrize(
    ("page", "command", "body"), BLOCKS, ids=[" ".join(b[:2]) for b in BLOCKS]
)
def test_a_block_stands_in_what_its_command_prints(
    page: str, command: str, body: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page may show the beginning alone, or leave lines out with an ellipsis."""
    monkeypatch.chdir(PROJECT)
    found = CliRunner().invoke(cli.main, shlex.split(command)[1:])
    printed = trimmed(found.output)
    assert not [
        line for line in trimmed(body) if line.strip() != "..." and line not in printed
    ]


@pytest.mark.parametrize("page", [*PAGES, PROJECT / "README.md"], ids=lambda p: p.name)
def test_every_page_that_is_linked_is_there(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:\s]+\.md)(?:#[^)]*)?\)", page.read_text())
    assert not [link for link in links if not (page.parent / link).is_file()]


def rows(command: str) -> list[list[str]]:
    """The cells of a table of shares, without its heads."""
    (body,) = [text for name, text in BLOCK.findall(STATISTICS) if name == command]
    return [re.split(r"\s{2,}", line.strip()) for line in trimmed(body)[1:]]


def share(cell: str) -> float:
    return float(cell.removesuffix(" %"))


def test_equal_machines_have_a_clear_winner_in_a_tenth_of_trials_at_most() -> None:
    table = rows("python -m harness.report.compare.simulation")
    assert len(table) == 8
    for _, _, _, *cells in table:
        *winners, score, ratio, time = map(share, cells)
        assert len(winners) == 5
        assert max(winners) <= 10
        assert min(score, ratio, time) >= 90


def test_bounds_of_percentiles_hold_as_they_say() -> None:
    table = rows("python -m harness.report.compare.simulation --bounds")
    told = [cell for row in table for cell in row[4:] if cell != "none told"]
    assert len(told) == 24
    assert min(map(share, told)) >= 99
    single = [row for row in table if row[2:4] == ["1", "1"]]
    assert all(set(row[4:]) == {"none told"} for row in single)
