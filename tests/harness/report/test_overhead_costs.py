import io
import json

from rich.console import Console

from harness import live
from harness.bridges.cost import Showing
from harness.measure.overhead import Cost, Overhead
from harness.measure.power import Found, Power
from harness.report import overhead as costs
from harness.report.tables.terminal import print_table

FOUND = Overhead(
    (
        Cost("harness", 0.0314, -0.01, 0.07, 50),
        Cost("sensors", 0.125, 0.1, 0.15, 50),
        Cost("gpu", None, None, None, 1),
    ),
    step_s=0.00022,
)
POWER = Power(0.009, (Found(0.0, 1, 40),), (Found(20.0, 7, 8),))
SHOWING = Showing(samples=1000, cases=12, median_s=0.004, least_s=0.0035, most_s=0.005)


def printed():
    console = Console(file=io.StringIO(), width=140, force_terminal=False)
    print_table(costs.table(FOUND), console)
    return [line.split() for line in console.file.getvalue().splitlines()]


def test_each_part_is_a_row_with_its_interval_and_its_limit_if_any():
    rows = {row[0]: row[1:] for row in printed() if row}
    assert rows["harness"] == ["+0.031", "-0.010", "to", "+0.070", "50", "0.5", "yes"]
    assert rows["sensors"] == ["+0.125", "+0.100", "to", "+0.150", "50", "0.5", "yes"]


def test_a_part_that_had_too_few_pairs_says_what_to_do():
    rows = {row[0]: row[1:] for row in printed() if row}
    assert rows["gpu"] == ["-", "raise", "--pairs", "1"]


def test_how_the_figures_came_about_stands_below():
    _, steps, showing = costs.remarks(FOUND, SHOWING)
    assert steps == (
        "harness: of a step of 1 ms, measured on one of 0.22 ms; the others: 4 times "
        "as often as in a run, and divided by 4"
    )
    assert showing == (
        "showing 1000 samples to pytest-benchmark, after the timed stage: 4.0 ms a "
        "case, 3.5 to 5.0 ms in 12 cases of one process"
    )


def test_what_cannot_be_stated_is_no_yes():
    """+32 % give or take more is not shown to be too much, nor to be little."""
    unsure = Overhead((Cost("harness", 32.0, -85.0, 409.0, 6), FOUND.costs[1]), 2e-4)
    answer, *_ = costs.remarks(unsure, SHOWING)
    assert answer == (
        "measuring costs at most 0.5 %: cannot tell, the limit lies within the "
        "interval of harness; raise --pairs, or measure when nothing else runs"
    )
    assert costs.remarks(FOUND, SHOWING)[0] == "measuring costs at most 0.5 %: yes"


def test_json_holds_every_figure_and_the_limit():
    plain = json.loads(costs.as_json(FOUND, SHOWING, POWER))
    assert plain["costs"][1] == {
        "name": "sensors",
        "percent": 0.125,
        "low_percent": 0.1,
        "high_percent": 0.15,
        "pairs": 50,
    }
    assert (plain["step_s"], plain["limit_percent"]) == (0.00022, 0.5)
    assert plain["answer"] == "yes"
    assert plain["showing"]["median_s"] == 0.004
    unknown = dict.fromkeys(("registers", "memory", "handovers"))
    assert plain["power"] == {
        "reading_s": 0.009,
        "host": [{"slow_percent": 0.0, "found": 1, "trials": 40} | unknown],
        "beside": [{"slow_percent": 20.0, "found": 7, "trials": 8} | unknown],
    }


def test_without_a_terminal_there_is_no_bar(capsys):
    with costs.progress(3) as on_round:
        on_round(1)
    assert capsys.readouterr() == ("", "")


def test_a_terminal_shows_the_round(monkeypatch):
    screen = io.StringIO()
    terminal = Console(file=screen, force_terminal=True, width=100)
    monkeypatch.setattr(live, "live_console", lambda: terminal)
    with costs.progress(3) as on_round:
        on_round(1)
        on_round(3)
    assert "overhead: round 2 of 3" in screen.getvalue()
    assert "round 4" not in screen.getvalue()
