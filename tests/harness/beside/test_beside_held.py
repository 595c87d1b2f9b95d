"""Workers that give fake times: what is made of them."""

import json

import pytest
from click.testing import CliRunner

from harness import live
from harness.ab.pair import SideEndedError
from harness.beside import __main__ as command
from harness.beside.held import Held, hold


class Worker:
    """A worker whose turns give what is said; `turns` is shared: who came when."""

    def __init__(self, number, steps_s, turns, ends=None):
        self.number, self.steps_s, self.turns = number, steps_s, turns
        self.ends, self.is_open = ends, True
        turns.append((number, "start"))

    def wait_for_turn(self):
        if self.ends:
            raise SideEndedError(self.ends, "beside", "it lacks something")
        return []

    def take(self, what):
        self.turns.append((self.number, what))
        return [self.steps_s[what]] if what in self.steps_s else []

    def end(self, kind):
        return kind(tool="loop")

    def close(self):
        self.is_open = False


class Clock:
    """A second later whenever it is looked at."""

    def __init__(self):
        self.now_s = 0.0

    def __call__(self):
        self.now_s += 1.0
        return self.now_s


def held(ours_s, tools_s, ends=None, process_s=0.0):
    """Of those steps, a process each; the last one `ends` early."""
    turns, workers = [], []
    last = len(ours_s) - 1

    def opens(number):
        assert not any(worker.is_open for worker in workers)
        steps_s = {"ours": ours_s[number], "tool": tools_s[number]}
        early = ends if number == last else None
        workers.append(Worker(number, steps_s, turns, early))
        return workers[-1]

    found = hold("toy", opens, len(ours_s), process_s, Clock())
    assert not any(worker.is_open for worker in workers)
    return found, turns


def of_ratios(*ratios):
    ours_s = tuple((0.01 * ratio,) for ratio in ratios)
    return Held("toy", "loop", ours_s, ((0.01,),) * len(ratios))


def test_each_process_is_started_anew_and_neither_is_always_first():
    found, turns = held([1.0, 1.1, 1.2], [2.0, 2.1, 2.2])
    names = [what for _, what in turns]
    for number, first, second in ((0, "ours", "tool"), (1, "tool", "ours")):
        assert [turn[0] for turn in turns[6 * number : 6 * number + 6]] == [number] * 6
        assert names[6 * number : 6 * number + 6] == [
            "start",
            "warm-up",
            *(first, second, second, first),
        ]
    assert found.ours_s == ((1.0, 1.0), (1.1, 1.1), (1.2, 1.2))
    assert found.tool_s == ((2.0, 2.0), (2.1, 2.1), (2.2, 2.2))
    assert found.tool == "loop"


def test_turns_go_on_until_the_process_has_had_its_time():
    found, _ = held([1.0], [1.0], process_s=3.0)
    assert found.tool_s == ((1.0,) * 6,)  # the clock was read before and after each two


def test_turns_count_against_those_beside_them():
    """A host that is three times as slow for a while, in turns of both: the medians of
    all turns would say 3.06."""
    ours_s, tool_s = (1.02, 1.02, 3.06, 3.06, 9.0), (1.0, 1.0, 3.0, 3.0, 1.0)
    assert Held("toy", "loop", (ours_s,), (tool_s,)).ratio.ratio == pytest.approx(1.02)


@pytest.mark.parametrize("kind", ["skipped", "failed"])
def test_a_worker_that_ends_is_stated_with_its_reason(kind):
    found, _ = held([1.0] * 6, [1.0] * 6, ends=kind)
    assert (found.status, found.reason) == (kind, "state beside: it lacks something")
    assert len(found.ours_s) == len(found.tool_s) == 5  # of those before


@pytest.mark.parametrize(
    ("ratios", "verdict"),
    [
        ((1.02,) * 8, "within"),
        ((1.04,) * 8, "slower"),
        ((0.6,) * 8, "within"),
        ((1.0, 1.01, 1.02, 1.0, 1.0, 1.0, 1.05, 1.06), "cannot tell"),
        ((1.02, 1.04, 1.06, 1.05, 1.05, 1.06, 1.05, 1.05), "cannot tell"),
        ((1.0,) * 7, "cannot tell"),  # too few for an interval that is looked at again
        ((2.0,) * 7, "cannot tell"),
    ],
)
def test_the_verdict_is_stated_where_the_interval_lies_on_one_side(ratios, verdict):
    assert of_ratios(*ratios).verdict == verdict


def test_the_interval_is_that_of_the_processes_ratios():
    found = of_ratios(1.01, 1.03, 1.02, 1.0, 1.02, 1.01, 1.01, 1.02).ratio
    assert (found.low, found.high) == pytest.approx((1.0, 1.03))


@pytest.mark.parametrize(
    ("ratios", "processes"),
    [
        ((1.0,) * 18, 8),  # the first look tells
        ((1.06,) * 18, 8),
        ((1.05, 1.0) * 2 + (1.0,) * 14, 12),  # the second
        ((1.0, 1.06) * 9, 18),  # none
        ((1.0,) * 5, 5),  # there are no more
    ],
)
def test_processes_go_on_until_a_look_tells(ratios, processes):
    found, _ = held(ratios, [1.0] * len(ratios))
    assert len(found.ours_s) == len(found.tool_s) == processes


def run(monkeypatch, tmp_path, *results):
    """The command, whose first cases come to these results."""
    cases, found = command.held_cases("cpu")[: len(results)], iter(results)
    monkeypatch.setattr(command, "held_cases", lambda hardware: cases)
    monkeypatch.setattr(command, "beside", lambda *_: next(found))
    out = tmp_path / "out.json"
    stated = CliRunner().invoke(command.main, ["--json", str(out)])
    assert stated.exception is None or isinstance(stated.exception, SystemExit)
    return stated, json.loads(out.read_text(), parse_constant=pytest.fail)["cases"]


@pytest.mark.parametrize(
    ("other", "exit_code", "stated"),
    [
        (of_ratios(*(1.01,) * 8), 0, "2 cases: 2 within 3 % of the tool"),
        (of_ratios(*(1.06,) * 8), 1, "1 within 3 % of the tool, 1 slower"),
        (Held("toy", status="skipped", reason="no AMX"), 0, "1 skipped"),
        (Held("toy", status="failed", reason="no file"), 1, "1 failed"),
        (of_ratios(0.9, 1.2, 1.0, 1.1, 1.0, 1.0), 3, "1 cannot tell"),
    ],
)
def test_the_exit_status_asks_for_within_of_every_case_that_was_timed(
    monkeypatch, tmp_path, other, exit_code, stated
):
    good = of_ratios(*(1.0,) * 8)
    found, cases = run(monkeypatch, tmp_path, good, other)
    assert found.exit_code == exit_code, found.output
    assert stated in found.output
    assert other.reason in found.output
    assert cases[0]["verdict"] == "within"
    assert cases[0]["ratio"]["high"] == pytest.approx(1)
    assert cases[1]["status"] == other.status


def test_each_process_is_told_once(monkeypatch, tmp_path):
    def hold(case_id, opens, most, process_s):
        for number in range(2):
            opens(number)
        return of_ratios(1.0)

    (first, *_) = command.held_cases("cpu")
    monkeypatch.setattr(live, "EVERY_S", 0.0)
    monkeypatch.setattr(command, "held_cases", lambda hardware: [first])
    monkeypatch.setattr(command, "hold", hold)
    monkeypatch.setattr(command, "Side", lambda *_: None)
    found = CliRunner().invoke(command.main, ["--most", "9"])
    assert found.stderr.splitlines() == [
        f"{first.case.id}: process {number} of at most 9: 0 s so far"
        for number in (1, 2)
    ]


def test_where_nothing_could_be_timed_nothing_is_held(monkeypatch, tmp_path):
    found, _ = run(monkeypatch, tmp_path, Held("toy", status="skipped", reason="no"))
    assert found.exit_code == 3


def test_too_few_processes_for_an_interval_are_null_in_the_file(monkeypatch, tmp_path):
    found, (case,) = run(monkeypatch, tmp_path, of_ratios(1.0, 1.0))
    assert found.exit_code == 3
    assert case["ratio"] == {"ratio": 1.0, "low": None, "high": None, "n": 2}
    assert case["verdict"] == "cannot tell"


def test_the_file_states_the_machine(monkeypatch, tmp_path, seen):
    run(monkeypatch, tmp_path, of_ratios(1.0, 1.0))
    machine = json.loads((tmp_path / "out.json").read_text())["machine"]
    assert machine == json.loads(json.dumps(seen))
    assert machine["cpu_architecture"]


def test_a_text_that_no_case_contains_is_refused():
    stated = CliRunner().invoke(command.main, ["-k", "nothing-of-that-name"])
    assert stated.exit_code == 2
    assert "of what has a tool matches -k 'nothing-of-that-name'" in stated.output


def test_every_runtime_is_held_beside_its_tool():
    ids = [planned.case.id for planned in command.held_cases("cpu")]
    assert len(ids) == len(set(ids))
    runtimes = {planned.case.runtime for planned in command.held_cases("cpu")}
    assert runtimes == {"eager", "compile", "onnxruntime", "openvino"}
