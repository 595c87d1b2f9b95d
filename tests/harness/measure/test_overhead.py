from types import SimpleNamespace

import pytest

from harness.measure.jobs import PipeError
from harness.measure.messages import (
    FailureMessage,
    ResultMessage,
    SegmentMessage,
    StageMessage,
    WarningMessage,
)
from harness.measure.overhead import (
    BLOCK_S,
    FASTER,
    REFERENCE_STEP_S,
    SEGMENTS,
    Blocks,
    Cost,
    Overhead,
    _alternate,
    _stretches,
    costs_of,
    rounds,
)
from harness.measure.sensing import Sensing
from harness.measure.steady import SEGMENT_S


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr("harness.measure.overhead.sleep", lambda seconds: None)


def worker(*messages):
    """A worker that sends these; `answered` are the replies to it."""
    fake = SimpleNamespace(answered=[])
    fake.messages = lambda limit_s: iter(messages)
    fake.go_on = lambda: fake.answered.append("go on")
    fake.answer = fake.answered.append
    return fake


def stage(name):
    return StageMessage(name)


SEGMENT = SegmentMessage(5)
RESULT = ResultMessage({"rounds": [], "pauses_s": []})


def silent(variant):
    return Sensing()


def test_stages_and_segments_alone_are_answered():
    stated = worker(WarningMessage("cold"), stage("bare"), SEGMENT, RESULT)
    assert _alternate(stated, silent, lambda done: None) == Blocks([], [])
    assert stated.answered == ["go on", ""]


def test_a_worker_that_fails_is_stated_with_its_traceback():
    stated = worker(FailureMessage("broken", "Traceback: broken"))
    with pytest.raises(RuntimeError, match="Traceback: broken"):
        _alternate(stated, silent, lambda done: None)


def test_a_result_that_is_none_is_refused():
    with pytest.raises(PipeError, match=r"no valid result: pauses_s: Field required"):
        _alternate(worker(ResultMessage({"rounds": []})), silent, lambda done: None)


def test_a_worker_that_is_gone_has_no_result():
    assert _alternate(worker(stage("bare")), silent, lambda done: None) is None


def test_what_a_variant_needs_is_at_work_during_its_own_blocks_alone():
    log = []

    def begin(variant):
        log.append(f"begin {variant}")
        return Sensing(
            lambda: log.append(f"read {variant}"), lambda: log.append(f"end {variant}")
        )

    blocks = stage("bare"), SEGMENT, stage("noise"), SEGMENT, SEGMENT, stage("done")
    _alternate(worker(*blocks, RESULT), begin, lambda done: None)
    assert log == [
        *("begin bare", "read bare", "end bare"),
        *("begin noise", "read noise", "read noise", "end noise"),
        *("begin done", "end done"),
    ]


def test_what_goes_on_beside_a_worker_does_not_keep_it_waiting():
    """Sensors are read before it goes on, a progress line is drawn while it does."""
    stated = worker(stage("sensors"), SEGMENT, RESULT)
    log = stated.answered
    now = Sensing(lambda: log.append("read"), beside=lambda: log.append("draw"))
    _alternate(stated, lambda variant: now, lambda done: None)
    assert log == ["go on", "read", "", "draw"]


def test_the_pause_for_the_sensors_is_in_no_step():
    """Half a second of waiting, a first step of 1 s that is untimed, then 3 of 2 s."""
    clock = SimpleNamespace(s=0.0)

    def passes(seconds):
        clock.s += seconds

    steps = iter([1.0, 2.0, 2.0, 2.0] * SEGMENTS)
    channel = SimpleNamespace(segment=lambda samples: passes(0.5))
    timer = SimpleNamespace(now_s=lambda: clock.s)
    found = list(_stretches(channel, timer, lambda: passes(next(steps)), 3))
    assert found == [(0.5, 6.0)] * SEGMENTS


def test_what_a_failed_worker_needed_is_ended():
    log = []
    stated = worker(stage("noise"), FailureMessage("it broke", "broken"))
    with pytest.raises(RuntimeError):
        _alternate(
            stated,
            lambda _: Sensing(close=lambda: log.append("end")),
            lambda done: None,
        )
    assert log == ["end"]


def test_progress_counts_whole_rounds():
    done = []
    names = [name for names in rounds(2, ["gpu"]) for name in names]
    _alternate(worker(*map(stage, names), RESULT), silent, done.append)
    assert done == [0, 0, 0, 0, 1, 1, 1, 1]


def test_the_parts_take_turns_beside_bare_blocks():
    whole = {"harness", "bare", "sensors"}
    found = [set(names) - whole for names in rounds(5, ["cpu", "noise"])]
    assert found == [{"cpu"}, {"noise"}, {"cpu"}, {"noise"}, {"cpu"}]
    assert all(whole < set(names) for names in rounds(5, ["cpu", "noise"]))


def test_every_variant_stands_in_every_place_about_as_often():
    orders = rounds(400, ["cpu"])
    for name in ("harness", "bare", "sensors", "cpu"):
        places = [names.index(name) for names in orders]
        assert all(70 <= places.count(place) <= 130 for place in range(4))


def test_the_order_is_the_same_every_time():
    assert rounds(20, ["cpu"]) == rounds(20, ["cpu"])


def test_blocks_hold_as_many_segments_as_their_sensors_are_faster():
    assert SEGMENTS * SEGMENT_S == BLOCK_S * FASTER


def cost(name, percent, pairs=6):
    """As of pairs that are all alike."""
    return Cost(name, *[pytest.approx(percent)] * 3, pairs)


def test_a_sensors_cost_is_divided_by_how_much_more_often_it_ran():
    times = {"bare": 1.0, "harness": 1.0, "sensors": 1.5, "noise": 1.25}
    found = {cost.name: cost for cost in costs_of([times] * 6).costs}
    assert found["sensors"] == cost("sensors", 100 * 0.5 / FASTER)
    assert found["noise"] == cost("noise", 100 * 0.25 / FASTER)
    assert "bare" not in found


def test_the_harnesss_cost_is_stated_of_a_longer_step_than_was_run():
    step_s = REFERENCE_STEP_S / 4
    times = {"bare": step_s, "harness": 1.5 * step_s, "sensors": step_s}
    found = costs_of([times] * 6)
    assert found.costs[0] == cost("harness", 12.5)
    assert found.step_s == step_s


def test_the_interval_is_over_pairs_of_one_round():
    """A machine of half the speed in one round slows both alike."""
    times = {"bare": 1.0, "harness": 1.0, "sensors": 1.04}
    slow = {name: 2 * seconds for name, seconds in times.items()}
    assert costs_of([times, slow] * 3).costs[1] == cost("sensors", 1.0)


def test_a_round_that_something_else_disturbed_moves_no_figure():
    times = {"bare": 1.0, "harness": 1.0, "sensors": 1.04}
    disturbed = {"bare": 1.0, "harness": 9.0, "sensors": 9.0}
    harness, sensors = costs_of([times] * 19 + [disturbed]).costs
    assert (harness, sensors) == (cost("harness", 0.0, 20), cost("sensors", 1.0, 20))


def test_a_part_of_too_few_pairs_for_an_interval_has_no_figure():
    whole = {"bare": 1.0, "harness": 1.0, "sensors": 1.0}
    found = costs_of([whole | {"gpu": 1.0}] * 5 + [whole] * 5).costs[-1]
    assert found == Cost("gpu", None, None, None, 5)
    assert costs_of([whole | {"gpu": 1.0}] * 6).costs[-1].pairs == 6


@pytest.mark.parametrize(
    ("found", "answer"),
    [
        (Cost("harness", 1.0, 0.51, 1.5, 9), "no"),
        (Cost("sensors", 1.0, 0.51, 1.5, 9), "no"),
        (Cost("sensors", 1.0, 0.5, 1.5, 9), "cannot tell"),
        (Cost("sensors", 0.0, -0.6, 0.51, 9), "cannot tell"),
        (Cost("sensors", 0.0, -0.6, 0.5, 9), "yes"),
        (Cost("noise", 1.0, 0.51, 1.5, 9), None),
        (Cost("harness", None, None, None, 1), "cannot tell"),
    ],
)
def test_a_limit_is_kept_or_broken_by_a_whole_interval_only(found, answer):
    assert found.answer == answer


def test_one_broken_limit_is_no_and_one_that_is_not_known_leaves_no_yes():
    kept, broken = Cost("harness", 0, 0, 0.1, 9), Cost("sensors", 1, 0.6, 2, 9)
    unknown, free = Cost("sensors", 1, 0.1, 2, 9), Cost("gpu", 9, 8, 10, 9)
    assert Overhead((kept, free), 1e-3).answer == "yes"
    assert Overhead((kept, unknown), 1e-3).answer == "cannot tell"
    assert Overhead((unknown, broken, kept), 1e-3).answer == "no"
