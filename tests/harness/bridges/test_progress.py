import io
import threading
from dataclasses import replace

import pytest
import toy
from outcomes import record
from rich.console import Console

from harness.bridges import progress
from harness.bridges.progress import Display
from harness.measure.ahead import MakingProgress
from harness.measure.follow import Progressing
from harness.plan import Planned
from harness.report.case_line import result_text


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


RESULT = result_text(record())
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
    before = threading.active_count()
    display.listener(FIRST)(Progressing("timed", "epoch 1", 1, 2))
    assert threading.active_count() == before
    display.end(record(case=FIRST.case))
    assert quiet.file.getvalue() == ""


def test_a_case_that_ends_has_a_line_with_its_result_and_the_time_it_took(clock):
    lines = []
    display = Display(console(terminal=False), lines.append)
    display.begin([FIRST, SECOND])
    display.listener(FIRST)
    clock[0] += 12.0
    display.end(record(case=FIRST.case))
    display.listener(SECOND)
    clock[0] += 150.0
    display.end(record(case=SECOND.case))
    assert [line.replace(RESULT, "...") for line in lines] == [
        "[1/2] toy/a/fp32/eager/cpu/b1  ...  (12 s)",
        "[2/2] toy/b/fp32/eager/cpu/b1  ...  (2.5 min)",
    ]


def test_a_narrow_terminal_has_the_line_in_two(clock):
    lines = []
    display = Display(console(terminal=False), lines.append, columns=40)
    display.begin([FIRST])
    display.listener(FIRST)
    display.end(record(case=FIRST.case))
    assert lines == [f"[1/1] toy/a/fp32/eager/cpu/b1\n    {RESULT}  (0 s)"]


def test_results_are_left_to_whoever_shows_them_otherwise(clock):
    lines = []
    display = Display(console(terminal=False), lines.append, tells_results=False)
    display.begin([FIRST])
    display.listener(FIRST)
    display.end(record(case=FIRST.case))
    assert lines == []


def test_what_takes_longer_says_each_minute_how_far_it_is(clock, monkeypatch):
    """The minutes of this test are short."""
    monkeypatch.setattr(progress, "EVERY_S", 0.01)
    lines, told, before = [], threading.Event(), threading.active_count()

    def write(line):
        lines.append(line)
        told.set()

    display = Display(console(terminal=False), write)
    display.begin([FIRST, SECOND, THIRD])
    clock[0] -= 100.0
    listen = display.listener(FIRST)
    clock[0] += 40.0
    listen(Progressing("timed", "epoch 3: cer 0.5", 30, 60))
    told.clear()
    assert told.wait(10.0)
    display.pause()
    assert lines[-1] == (
        "[1/3] toy/a/fp32/eager/cpu/b1  timed epoch 3: cer 0.5 30/60: 40 s so far, "
        "60 s expected; about 6.3 min left of all"
    )
    assert threading.active_count() == before


def test_a_case_that_never_ended_is_told_no_more(clock):
    before = threading.active_count()
    display = Display(console(terminal=False), [].append)
    display.begin([FIRST, SECOND])
    display.listener(FIRST)
    display.listener(SECOND)
    assert threading.active_count() == before + 1
    display.pause()
    assert threading.active_count() == before


def test_a_terminal_that_shows_the_stage_needs_no_line_a_minute(clock, monkeypatch):
    before = threading.active_count()
    display = Display(console(terminal=True), [].append)
    display.begin([FIRST])
    display.listener(FIRST)
    assert threading.active_count() == before
    display.pause()


@pytest.mark.parametrize("name", ["FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"])
def test_variables_draw_nothing_in_a_pipe(monkeypatch, clock, name):
    pipe = io.StringIO()
    monkeypatch.setenv(name, "1")
    monkeypatch.setattr(progress.sys, "__stderr__", pipe)
    display = Display()
    display.begin([FIRST])
    display.listener(FIRST)(Progressing("timed"))
    display.pause()
    assert pipe.getvalue() == ""


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


def test_the_time_left_is_that_which_the_display_was_told_at_first(shown, clock):
    """What is expected here, which the tests' own cases do not know."""
    display, text = shown
    listen = display.listener(replace(FIRST, expected_s=9999.0))
    listen(Progressing("timed"))
    assert "[1/3] about 7.0 min left, timed: toy/a" in text()


def test_what_is_made_before_the_first_case_is_counted(shown):
    display, text = shown
    display.making(MakingProgress(2, 5, "toy/b/fp32/eager/cpu/b1"))
    assert "[2/5] making what cases take, once: toy/b/fp32/eager/cpu/b1" in text()


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
