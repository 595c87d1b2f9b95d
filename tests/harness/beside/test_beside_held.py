"""Workers that give fake times: what is made of them."""

import json
from functools import partial

import pytest
from click.testing import CliRunner

from harness import live
from harness.ab.pair import SideEndedError
from harness.beside import __main__ as command
from harness.beside.held import Held, hold
from harness.measure.results import ToolResult, TurnsResult
from harness.workload import Work


class Side:
    """A worker whose blocks are all the same; `turns` is shared: who came when."""

    shortest_s = 0.0

    def __init__(self, name, block, stated, turns, ends=None):
        self.name, self.block, self.told = name, block, stated
        self.turns, self.ends, self.is_open = turns, ends, True
        turns.append((name, "start"))

    def wait_for_turn(self):
        if self.ends:
            raise SideEndedError(self.ends, self.name, "it lacks something")
        return [self.shortest_s]

    def take(self, what):
        self.turns.append((self.name, what))
        return self.block if what == "block" else []

    def end(self, kind):
        return self.told

    def close(self):
        self.is_open = False


class Clock:
    """A second later whenever it is looked at."""

    def __init__(self):
        self.now_s = 0.0

    def __call__(self):
        self.now_s += 1.0
        return self.now_s


def held(ours, tools, cycle=1, ends=None, pair_s=0.0, tool="loop"):
    """Of those blocks, a pair each; the last pair's tool `ends` early."""
    turns, sides = [], []
    last = len(ours) - 1

    def opens(name, blocks, stated, number):
        assert not any(side.is_open for side in sides if side.name == name)
        early = ends if (name, number) == ("tool", last) else None
        sides.append(Side(name, blocks[number], stated, turns, early))
        return sides[-1]

    found = hold(
        "toy",
        partial(opens, "ours", ours, TurnsResult(work=Work(1.0, 1.0), cycle=cycle)),
        partial(opens, "tool", tools, ToolResult(tool=tool)),
        len(ours),
        pair_s,
        Clock(),
    )
    assert not any(side.is_open for side in sides)
    return found, turns


def of_ratios(*ratios):
    ours_s = tuple((0.01 * ratio,) for ratio in ratios)
    return Held("toy", "loop", ours_s, ((0.01,),) * len(ratios))


def test_each_pair_is_of_fresh_processes_and_neither_is_always_first():
    _, turns = held([[1.0]] * 3, [[1.0]] * 3)
    assert len(turns) == 3 * 8
    pairs = [turns[i : i + 8] for i in range(0, 24, 8)]
    for pair, first, second in zip(
        pairs, ("ours", "tool", "ours"), ("tool", "ours", "tool"), strict=True
    ):
        assert pair == [
            ("ours", "start"),
            ("tool", "start"),
            ("ours", "warm-up"),
            ("tool", "warm-up"),
            (first, "block"),
            (second, "block"),
            (second, "block"),
            (first, "block"),
        ]


def test_turns_go_on_until_the_pair_has_had_its_time():
    found, _ = held([[1.0]], [[1.0]], pair_s=3.0)
    assert found.tool_s == ((1.0,) * 6,)  # the clock was read before and after each two


def test_a_tool_that_takes_whole_seconds_has_as_many_of_ours_beside_it(monkeypatch):
    monkeypatch.setattr(Side, "shortest_s", 1.0)
    found, turns = held([[1.0]], [[1.0]])
    assert [name for name, what in turns if what == "block"] == (
        ["ours"] * 8 + ["tool"] * 2 + ["ours"] * 8
    )
    assert (found.ours_s, found.tool_s) == (((1.0,) * 2,), ((1.0,) * 2,))


def test_each_turn_has_the_mean_of_a_cycle_beside_what_the_tool_tells():
    found, _ = held([[1.0, 3.0, 1.0, 9.0, 2.0, 3.0], [4.0, 4.0]], [[2.0], [5.0]], 2)
    assert found.ours_s == ((2.5, 2.5), (4.0, 4.0))
    assert found.tool_s == ((2.0, 2.0), (5.0, 5.0))
    assert found.tool == "loop"


def test_beside_a_tool_of_medians_each_input_has_its_own():
    """An outlier in either of two cycles out of three moves every cycle's mean, and no
    input's median: benchmark_app, which tells those, would look faster than ours."""
    block = [1.0, 3.0, 9.0, 3.0, 1.0, 11.0]
    for tool, step_s in (("benchmark_app", 2.0), ("loop", 6.0)):
        assert held([block], [[2.0]], 2, tool=tool)[0].ours_s == ((step_s,) * 2,)


def test_turns_count_against_those_beside_them():
    """A host that is three times as slow for a while, in turns of both: the medians of
    all turns would say 3.06."""
    ours_s, tool_s = (1.02, 1.02, 3.06, 3.06, 9.0), (1.0, 1.0, 3.0, 3.0, 1.0)
    assert Held("toy", "loop", (ours_s,), (tool_s,)).ratio.ratio == pytest.approx(1.02)


@pytest.mark.parametrize("kind", ["skipped", "failed"])
def test_a_worker_that_ends_is_stated_with_its_reason(kind):
    found, _ = held([[1.0]] * 6, [[1.0]] * 6, ends=kind)
    assert (found.status, found.reason) == (kind, "state tool: it lacks something")
    assert len(found.ours_s) == len(found.tool_s) == 5  # of the pairs before


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


def test_the_interval_is_that_of_the_pairs_ratios():
    found = of_ratios(1.01, 1.03, 1.02, 1.0, 1.02, 1.01, 1.01, 1.02).ratio
    assert (found.low, found.high) == pytest.approx((1.0, 1.03))


@pytest.mark.parametrize(
    ("ratios", "pairs"),
    [
        ((1.0,) * 18, 8),  # the first look tells
        ((1.06,) * 18, 8),
        ((1.05, 1.0) * 2 + (1.0,) * 14, 12),  # the second
        ((1.0, 1.06) * 9, 18),  # none
        ((1.0,) * 5, 5),  # there are no more
    ],
)
def test_pairs_go_on_until_a_look_tells(ratios, pairs):
    found, _ = held([[ratio] for ratio in ratios], [[1.0]] * len(ratios))
    assert len(found.ours_s) == len(found.tool_s) == pairs


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


def test_each_pair_is_told_once(monkeypatch, tmp_path):
    def hold(case_id, open_ours, open_tools, most_pairs, pair_s):
        for number in range(2):
            open_ours(number), open_tools(number)
        return of_ratios(1.0)

    (first, *_) = command.held_cases("cpu")
    monkeypatch.setattr(live, "EVERY_S", 0.0)
    monkeypatch.setattr(command, "held_cases", lambda hardware: [first])
    monkeypatch.setattr(command, "hold", hold)
    monkeypatch.setattr(command, "Side", lambda *_: None)
    found = CliRunner().invoke(command.main, ["--most-pairs", "9"])
    assert found.stderr.splitlines() == [
        f"{first.case.id}: pair {number} of at most 9: 0 s so far" for number in (1, 2)
    ]


def test_where_nothing_could_be_timed_nothing_is_held(monkeypatch, tmp_path):
    found, _ = run(monkeypatch, tmp_path, Held("toy", status="skipped", reason="no"))
    assert found.exit_code == 3


def test_too_few_pairs_for_an_interval_are_null_in_the_file(monkeypatch, tmp_path):
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
