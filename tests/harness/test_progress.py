import io
import threading

import pytest
import toy
from rich.console import Console

from harness.bridges import progress
from harness.bridges.progress import Display, minutes
from harness.measure.run import Progressing
from harness.plan import Planned


def console(terminal):
    return Console(
        file=io.StringIO(),
        force_terminal=terminal,
        color_system=None,
        width=160,
        _environ={"TERM": "xterm"},
    )


def planned(model, expected_s):
    case = next(iter(toy.TRAINING.cases("quick", "cpu")))
    case = case.__class__("toy", model, "fp32", "eager", "cpu", 1)
    return Planned(toy.WORKLOAD, case, expected_s)


FIRST, SECOND, THIRD = planned("a", 60.0), planned("b", 120.0), planned("c", 240.0)


@pytest.fixture
def clock(monkeypatch):
    """The seconds that the display sees pass."""
    now = [50.0]
    monkeypatch.setattr(progress, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def shown(clock):
    """A display of three cases on a terminal, and what it has shown."""
    terminal = console(terminal=True)
    display = Display(terminal)
    display.begin([FIRST, SECOND, THIRD])
    yield display, lambda: terminal.file.getvalue()
    display.pause()


def test_nothing_is_shown_where_nobody_looks():
    quiet = console(terminal=False)
    display = Display(quiet)
    display.begin([FIRST])
    display.listener(FIRST)(Progressing("timed", "epoch 1", 1, 2))
    display.pause()
    assert quiet.file.getvalue() == ""


def test_a_terminal_shows_the_case_its_stage_and_the_time_left(shown):
    display, text = shown
    display.listener(FIRST)(Progressing("warmup"))
    display.pause()
    assert "[1/3] about 7.0 min left, warmup: toy/a/fp32/eager/cpu/b1" in text()


def test_time_spent_on_a_case_is_no_longer_left(shown, clock):
    display, text = shown
    display.listener(FIRST)
    listen = display.listener(SECOND)
    clock[0] += 60.0
    listen(Progressing("timed"))
    display.pause()
    assert "[2/3] about 5.0 min left, timed: toy/b/fp32/eager/cpu/b1" in text()


def test_a_case_that_takes_longer_than_expected_leaves_the_later_ones(shown, clock):
    display, text = shown
    display.listener(FIRST)
    display.listener(SECOND)
    listen = display.listener(THIRD)
    clock[0] += 1000.0
    listen(Progressing("timed"))
    display.pause()
    assert "[3/3] about 0 s left, timed: toy/c/fp32/eager/cpu/b1" in text()


def test_what_a_stage_does_is_shown_as_it_is_written(shown):
    display, text = shown
    display.listener(FIRST)(Progressing("timed", "epoch 2: [/unk] cer 0.5", 30, 60))
    display.pause()
    assert "timed epoch 2: [/unk] cer 0.5 30/60: toy/a" in text()


def test_a_display_goes_on_after_a_pause(shown):
    display, text = shown
    display.listener(FIRST)
    display.pause()
    display.listener(SECOND)
    display.pause()
    assert "[2/3] about 6.0 min left, start: toy/b/fp32/eager/cpu/b1" in text()


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.0, "0 s"), (89.0, "89 s"), (90.0, "1.5 min"), (5400.0, "1.5 h")],
)
def test_durations_are_said_in_the_unit_that_people_use(seconds, said):
    assert minutes(seconds) == said


def test_nothing_is_drawn_while_a_stage_is_timed(shown):
    display, text = shown
    before = threading.active_count()
    listen = display.listener(FIRST)
    listen(Progressing("timed"))
    assert threading.active_count() == before  # no thread that would draw by itself
    drawn = text()
    assert "a/fp32" in drawn
    assert "timed" in drawn


def test_a_paused_display_leaves_the_line_and_comes_back(shown):
    display, text = shown
    display.listener(FIRST)(Progressing("timed"))
    display.pause()
    seen = len(text())
    display.listener(SECOND)(Progressing("build"))
    assert "[2/3] about 6.0 min left, build: toy/b" in text()[seen:]
