"""What a person sees of what takes long."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from harness import live as module
from harness.live import duration_text, live, live_console, once_a_minute


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that pass."""
    now = [50.0]
    monkeypatch.setattr(module, "monotonic", lambda: now[0])
    return now


@pytest.mark.parametrize("name", ["FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"])
def test_a_pipe_is_no_terminal_whatever_variables_say(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "1")
    pipe = io.StringIO()
    with live(live_console(pipe)) as tell:
        tell("at work", 1, 2)
    assert pipe.getvalue() == ""
    console = live_console(pipe)
    assert not console.is_terminal
    assert not console.is_interactive


def test_a_terminal_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TTY_COMPATIBLE", raising=False)
    assert live_console(Terminal()).is_terminal


def test_a_terminal_shows_each_thing_that_is_told_as_it_is_written() -> None:
    screen = io.StringIO()
    with live(Console(file=screen, force_terminal=True, width=100)) as tell:
        tell("first [/unk]", 1, 4)
        tell("second", 2, 4)
    assert "first [/unk]" in screen.getvalue()
    assert "second" in screen.getvalue()


def test_without_a_terminal_there_is_a_line_a_minute(clock: list[float]) -> None:
    pipe = io.StringIO()
    with live(live_console(pipe)) as tell:
        for second in range(150):
            clock[0] = 50.0 + second
            tell(f"[second] {second}", second, 300)
    assert pipe.getvalue().splitlines() == [
        "[second] 60: 60 s so far, about 4.0 min left",
        "[second] 120: 2.0 min so far, about 3.0 min left",
    ]


@pytest.mark.parametrize(("done", "total"), [(0.0, 10.0), (3.0, None)])
def test_nothing_is_estimated_of_what_is_not_known(
    clock: list[float], done: float, total: float | None
) -> None:
    lines: list[str] = []
    tell = once_a_minute(lines.append)
    clock[0] += 60.0
    tell("at work", done, total)
    assert lines == ["at work: 60 s so far"]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.0, "0 s"), (89.0, "89 s"), (90.0, "1.5 min"), (5400.0, "1.5 h")],
)
def test_durations_are_said_in_the_unit_that_people_use(
    seconds: float, said: str
) -> None:
    assert duration_text(seconds) == said
