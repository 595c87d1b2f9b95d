"""Replays through torch: their log decides whether they are the same primitive."""

from dataclasses import replace

import pytest
import torch

from harness.observe.onednn.capture import logged
from harness.observe.onednn.execution import Execution
from harness.observe.onednn.header import Header
from harness.observe.onednn.replay import problems
from harness.observe.onednn.replay.operators import NoOperator, operators
from harness.observe.onednn.replay.projection import Projected, Times, projection
from harness.observe.onednn.replay.record import record_of, replays_of
from harness.observe.onednn.replay.replaying import Eviction, Replayed, found_for, timed
from harness.observe.onednn.replay.turns import projected_in_turns
from harness.observe.onednn.total import Total, totals_of_logs
from harness.onednn.project import differences
from harness.onednn.projection_views import (
    missed_table,
    projection_lines,
    projection_table,
)


def test_sizes_of_convolutions_are_torchs():
    found = problems.convolution("g2mb4_ic8oc6_ih5oh3kh3sh1dh0ph0_iw16ow7kw3sw2dw1pw1")
    assert (found.groups, found.source, found.destination) == (
        *(2, (4, 8, 5, 16), (4, 6, 3, 7)),
    )
    assert found.weights == (6, 4, 3, 3)
    assert (found.stride, found.dilation, found.padding) == ((1, 2), (1, 2), (0, 1))
    assert found.macs == 4 * 6 * 4 * 3 * 7 * 9


@pytest.mark.parametrize("text", ["2x3:3x4", "", "mb2"])
def test_what_is_no_convolution_is_an_error(text):
    with pytest.raises(ValueError, match="is no convolution"):
        problems.convolution(text)


def test_sizes_that_are_told_at_run_time_are_an_error():
    with pytest.raises(ValueError, match="not all known"):
        problems.sizes("*x64:64x32")


def steps():
    """Of each kind that the suite's models run."""
    x1, x2 = torch.rand(2, 16, 1, 40), torch.rand(2, 16, 12, 40)
    conv = torch.nn.Conv2d(16, 32, (1, 3))
    grouped = torch.nn.Conv2d(16, 16, 3, padding=1, groups=16)
    narrow = torch.nn.Conv1d(16, 24, 5, stride=2, bias=False)
    up = torch.nn.ConvTranspose1d(24, 1, 4, stride=2)
    lstm = torch.nn.LSTM(20, 24, bidirectional=True)
    product = torch.rand(40, 24).bfloat16()

    def train(module, x):
        def step():
            module(x).sum().backward()

        return step

    def infer(module, x):
        def step():
            with torch.no_grad():
                module(x)

        return step

    def recur():
        y, _ = lstm(torch.rand(6, 3, 20))
        y.sum().backward()

    return {
        "convolution, training": train(conv, x1.requires_grad_()),
        "convolution, inference": infer(conv, x1.detach()),
        "channels last": infer(
            conv.to(memory_format=torch.channels_last),
            x2.to(memory_format=torch.channels_last),
        ),
        "depthwise": train(grouped, x2),
        "one-dimensional": train(narrow, torch.rand(2, 16, 40, requires_grad=True)),
        "transposed": train(up, torch.rand(2, 24, 40, requires_grad=True)),
        "lstm": recur,
        "bf16 product": lambda: torch.rand(30, 40).bfloat16() @ product,
        "bf16 sum": lambda: torch.addmm(
            torch.zeros(24).bfloat16(), torch.rand(30, 40).bfloat16(), product
        ),
        "bf16 products": lambda: (
            torch.rand(3, 30, 40).bfloat16() @ torch.rand(3, 40, 20).bfloat16()
        ),
    }


@pytest.mark.parametrize("name", steps())
def test_each_kind_is_replayed_as_the_very_same_primitive(name):
    step = steps()[name]
    step()
    log, _ = logged(step)
    executions = totals_of_logs([log])
    wanted = [one for one in executions if one.kind == "primitive"]
    if not wanted:
        pytest.skip(f"oneDNN does not run {name} on this processor")
    found, missed = found_for(wanted)
    assert missed == {}
    assert {run for one in found for run in one.runs} >= set(wanted)
    times = {}
    timed(found, times, None, runs=3)
    timed(found, times, Eviction(1 << 20), runs=2)
    assert set(times) >= set(wanted)
    for execution in wanted:
        assert len(times[execution].hot_ms) >= 2
        assert len(times[execution].cold_ms) >= 1


SRC, DST = "src:f32::blocked:ab::f0", "dst:f32::blocked:ba::f0"


def unknown(primitive="layer_normalization", kind="primitive", engine="cpu", **fields):
    given = {"descriptors": "", "attributes": "", "auxiliary": "", "problem": "2x3"}
    return Execution(kind, engine, primitive, "jit", "undef", **{**given, **fields})


@pytest.mark.parametrize(
    ("execution", "reason"),
    [
        (unknown(), "no call of torch is known"),
        (unknown(kind="graph"), "a graph"),
        (unknown(kind="ukernel"), "its call is not in the log"),
        (unknown(engine="gpu:0"), "it ran on gpu:0"),
        (
            unknown("matmul", descriptors="src:f8_e5m2::blocked:ab::f0"),
            "no type f8_e5m2",
        ),
        (unknown("convolution", descriptors=SRC), "is no convolution"),
        (unknown("matmul", descriptors=SRC), "is no product"),
        (unknown("matmul", problem="*x3:3x4", descriptors=SRC), "not all known"),
        (unknown("matmul", problem="2x3:3x4", descriptors=SRC), "describe its 'wei'"),
        (unknown("matmul"), "does not tell its types"),
        (unknown("matmul", descriptors="fsrc:nc"), "does not tell its types"),
        (
            unknown("reorder", problem="9999999999x999", descriptors=f"{SRC} {DST}"),
            "memory",
        ),
    ],
)
def test_what_torch_has_no_call_for_says_why(execution, reason):
    with pytest.raises(NoOperator, match=reason):
        list(operators(execution))
    _, missed = found_for([execution])
    assert reason in missed[execution]


def test_a_call_that_runs_another_kernel_does_not_count():
    log, _ = logged(lambda: torch.nn.Conv1d(16, 16, 3)(torch.rand(2, 16, 50)))
    (real,) = {c.execution for c in log.calls if c.execution.primitive == "convolution"}
    other = Execution(
        **{
            **{name: getattr(real, name) for name in real.__dataclass_fields__},
            "implementation": "brgconv:of_another_machine",
        }
    )
    _, missed = found_for([other])
    assert missed == {other: "no call of torch ran it as the log has it here"}


def total(calls, time_ms):
    return Total(calls=calls, time_ms=time_ms)


def test_a_projection_weighs_calls():
    a, b, lost = unknown("matmul"), unknown("convolution"), unknown()
    found = projection(
        {a: total(10, 20.0), b: total(2, 10.0), lost: total(1, 10.0)},
        {a: Times([1.0, 1.5, 1.0], [3.0]), b: Times([6.0], [7.0])},
        {lost: "why"},
        wall_s=0.1,
    )
    assert found.observed_ms == 30.0
    assert found.projected_ms == 10 * 1.0 + 2 * 6.0
    assert found.efficiency == pytest.approx(22 / 30)
    assert found.reproduced == pytest.approx(0.75)
    assert found.of_wall == pytest.approx(0.3)
    assert found.median_error == pytest.approx(0.5)
    assert found.bracketed == pytest.approx(20 / 30)
    assert [row.gain_ms for row in found.rows] == [10.0, 0.0]
    assert projection_table(found).columns[0].texts == ("matmul", "convolution")
    assert missed_table(found).columns[1].texts == ("why",)
    lines = list(projection_lines(found))
    assert lines[0] == "reproduced: 75.0 % of the logged time, 30.0 % of the wall time"
    assert "efficiency 0.733" in lines[1]


@pytest.mark.parametrize(
    ("observed", "inside"), [(0.9, False), (0.96, True), (2.0, True), (3.2, False)]
)
def test_a_bracket_is_from_hot_to_cold(observed, inside):
    assert Projected(unknown(), 1, observed, 1.0, 3.0).is_bracketed is inside


def test_nothing_reproduced_is_said():
    found = projection({unknown(): total(1, 1.0)}, {}, {}, None)
    assert list(projection_lines(found)) == ["nothing was reproduced"]
    assert found.reproduced == 0.0


def test_steps_and_replays_take_turns(monkeypatch):
    monkeypatch.setattr("harness.observe.onednn.replay.turns.ROUNDS", 3)
    layer, x = torch.nn.Conv1d(16, 16, 3), torch.rand(2, 16, 50)
    told = []
    found = projected_in_turns(lambda: layer(x), 2, 3, told.append)
    assert found.reproduced == 1.0
    assert {row.calls for row in found.rows} == {6}
    assert sum("turn" in text for text in told) == 3


def test_other_libraries_processors_and_threads_are_named():
    ours = Header("3.12.0", "x", "OpenMP", 2, "AVX2")
    assert list(differences(ours, ours, 2, cpus=2)) == []
    assert list(differences(Header("3.9.0", "", "", 4, "AVX2"), ours, 2, cpus=2)) == [
        "version 3.9.0 in the log, 3.12.0 here",
        "threads 4 in the log, 2 here",
    ]
    assert list(differences(Header(isa="AMX"), ours, None, cpus=2)) == [
        "isa AMX in the log, AVX2 here",
        "the log does not say which library wrote it",
    ]
    many = Header("3.12.0", "x", "OpenMP", 64, "AVX2")
    assert list(differences(many, ours, 64, cpus=2)) == [
        "64 threads, for which there are 2 CPUs here"
    ]


def test_no_replay_begins_when_time_is_up():
    times = {}
    timed([Replayed(pytest.fail, frozenset())], times, until=0.0)
    assert times == {}


def test_a_call_that_fails_now_has_no_times():
    def fails():
        raise RuntimeError("out of memory")

    times = {}
    timed([Replayed(fails, frozenset())], times)
    timed([Replayed(fails, frozenset())], times, Eviction(1 << 20))
    assert times == {}


def test_no_call_is_tried_where_memory_is_short(monkeypatch):
    where = "harness.observe.onednn.replay.replaying.memory_available_bytes"
    monkeypatch.setattr(where, lambda: 1 << 20)
    found, missed = found_for([unknown("matmul", problem="2x3:3x4")])
    assert found == []
    assert set(missed.values()) == {"no memory was left for its data"}


def test_so_many_runs_are_timed():
    layer, x = torch.nn.Conv1d(16, 16, 3), torch.rand(2, 16, 50)
    log, _ = logged(lambda: layer(x))
    found, _ = found_for({call.execution for call in log.calls})
    for runs in (2, 5):
        times = {}
        timed(found, times, None, runs)
        timed(found, times, Eviction(1 << 20), runs)
        convolution = next(e for e in times if e.primitive == "convolution")
        assert len(times[convolution].hot_ms) == runs
        assert len(times[convolution].cold_ms) == runs


def test_a_record_has_the_primitives_with_most_to_gain():
    executions = [unknown("matmul", problem=f"{n}x3:3x4") for n in range(1, 13)]
    found = projection(
        {one: total(2, 2.0 * n) for n, one in enumerate(executions, 1)},
        {one: Times([0.5], [2.0]) for one in executions},
        {},
        None,
    )
    made = record_of(replace(found, steps=4))
    assert made.steps == 4
    assert len(made.most_to_gain) == 10
    first = made.most_to_gain[0]
    assert (first.problem, first.calls) == ("12x3:3x4", 2)
    assert (first.observed_s, first.hot_s, first.cold_s) == (12e-3, 0.5e-3, 2e-3)
    assert made.reproduced_percent == 100.0
    assert made.projected_s == pytest.approx(12 * 2 * 0.5e-3)


def test_replays_of_real_steps_are_a_record(monkeypatch):
    monkeypatch.setattr("harness.observe.onednn.replay.turns.ROUNDS", 2)
    layer, x = torch.nn.Conv1d(16, 16, 3), torch.rand(2, 16, 50)
    made = replays_of(lambda: layer(x), 10.0)
    assert made.reproduced_percent == 100.0
    assert made.steps == 6
    assert made.observed_s > 0
    assert replays_of(lambda: None, 10.0) is None


def test_calls_are_not_looked_for_when_time_is_up():
    log, _ = logged(lambda: torch.nn.Conv1d(16, 16, 3)(torch.rand(2, 16, 50)))
    wanted = [call.execution for call in log.calls]
    found, missed = found_for(wanted, until=0.0)
    assert found == []
    assert set(missed.values()) == {"the time for replays was up"}
