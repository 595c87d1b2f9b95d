"""Where tables are printed."""

from __future__ import annotations

import sys

import pytest

from harness.report.tables.table import Table, text_column
from harness.report.tables.terminal import WIDTH, console_of, print_table

COLUMN = text_column("name", ["x" * 150], styles={"x" * 150: "red"}, importance=1)
TABLE = Table("toys", "Toys", (COLUMN, text_column("more", ["z" * 100])))


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    print_table(TABLE, console_of())
    return capsys.readouterr().out


@pytest.mark.parametrize("name", ["FORCE_COLOR", "TTY_COMPATIBLE", None])
def test_what_is_piped_stays_whole(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str | None,
) -> None:
    """As on no terminal: nothing is left out for its width."""
    for each in ("FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(each, raising=False)
    if name:
        monkeypatch.setenv(name, "1")
    out = printed(capsys)
    assert (out.count("x"), out.count("z")) == (150, 100)
    assert "no room" not in out
    assert ("\x1b[" in out) == (name == "FORCE_COLOR")


def test_a_terminal_has_its_own_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "77")
    monkeypatch.setenv("LINES", "40")
    assert console_of().width == 77
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False, raising=False)
    assert (console_of().width, console_of(140).width) == (WIDTH, 140)
