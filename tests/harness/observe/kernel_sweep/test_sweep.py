"""The parent's side, with a runner that is none: what is wrong, crashed, late."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from harness.observe.kernel_sweep import report
from harness.observe.kernel_sweep.job import SweepTask, run_job, tried
from harness.observe.kernel_sweep.limits import limit_of, wrong
from harness.observe.kernel_sweep.messages import (
    Absent,
    Died,
    Late,
    Message,
    TriedMessage,
    TryingMessage,
)
from harness.observe.kernel_sweep.shapes import FORWARD, OF_DATA, Shape, Trial
from harness.observe.kernel_sweep.sweep import (
    UNTIL,
    Request,
    Sweep,
    sweep,
    way_of,
)
from harness.observe.kernel_sweep.ways import FILLED, FP32, WITHOUT_ONEDNN

CONVOLUTION = Shape("conv1d", 8, 64, taps=32)
WIDE = Shape("conv1d", 64, 64, taps=32)
PRODUCT = Shape("product", 40, 64)
FILLED_16 = next(iter(FILLED))
KERNEL = "brg_conv_fwd:some_isa on bf16,bf16,bf16"
ISAS = ("avx2", "avx512", "amx")


def torch(shape: Shape, precision: str = "bf16") -> Trial:
    return Trial("torch", precision, shape)


GOOD = TriedMessage(0, {FORWARD: 0.002, OF_DATA: 0.002})
BAD = TriedMessage(
    0,
    {FORWARD: 1.1, OF_DATA: 0.002},
    kernels={FORWARD: KERNEL},
    ways={FILLED_16: [FORWARD, OF_DATA], WITHOUT_ONEDNN: [OF_DATA]},
)


@dataclass
class Fake:
    """A runner: answers by trial, and by trial under a cap; any other answer than that
    a trial was tried ends the process. Each trial takes a second of the clock, unless
    `seconds` has its own."""

    answers: Mapping[Trial, Message] = field(default_factory=dict)
    capped: Mapping[str, Message] = field(default_factory=dict)
    seconds: Mapping[Trial, float] = field(default_factory=dict)
    clock_s: float = 0.0
    requests: list[Request] = field(default_factory=list)

    def __call__(self, request: Request) -> Iterator[Message]:
        self.requests.append(request)
        until_s = self.clock_s + request.limit_s
        for index, trial in enumerate(request.trials):
            answer = self.capped.get(request.isa or "") or self.answers.get(trial, GOOD)
            yield TryingMessage(index)
            self.clock_s += self.seconds.get(trial, 1.0)
            if self.clock_s >= until_s:
                self.clock_s = until_s
                yield Late("no end")
                return
            if not isinstance(answer, TriedMessage):
                yield answer
                return
            yield replace(answer, index=index)

    def sweep(self, *trials: Trial, budget_s: float = 1000.0, **more: Any) -> Sweep:
        by_runtime: dict[str, list[Trial]] = {}
        for one in trials:
            by_runtime.setdefault(one.runtime, []).append(one)
        return sweep(by_runtime, self, budget_s, now_s=lambda: self.clock_s, **more)


def test_a_wrong_kernel_is_found_named_and_its_ways_round_are_listed() -> None:
    fake = Fake({torch(CONVOLUTION): BAD}, {"avx512": BAD, "avx2": GOOD})
    found = fake.sweep(torch(CONVOLUTION), torch(WIDE), torch(PRODUCT), isas=ISAS)
    assert found.is_bad
    assert found.checks == 6
    assert list(report.lines(found)) == [
        "WRONG: torch conv1d bf16 forward, 1 of 2 shapes: relative error: up to 1.1 "
        "(limit 0.05)",
        f"  kernel: {KERNEL}",
        "  shapes: 8 -> 64, 32 taps",
        f"  right by: {FILLED_16}",
        f"  right by: {way_of('avx2')}",
        f"  no help: {WITHOUT_ONEDNN}; {way_of('avx512')}",
        "1 wrong value found in 6 checks in 5 s",
    ]


def test_lower_caps_are_tried_only_until_one_is_right() -> None:
    fake = Fake({torch(CONVOLUTION): BAD}, {"avx512": GOOD})
    found = fake.sweep(torch(CONVOLUTION), isas=ISAS)
    assert [one.isa for one in fake.requests] == [None, "avx512"]
    assert found.wrong[0].ways[way_of("avx512")] == [FORWARD, OF_DATA]


def test_nothing_wrong_is_said_with_the_number_of_checks() -> None:
    found = Fake().sweep(torch(CONVOLUTION), torch(PRODUCT))
    assert not found.is_bad
    assert [*report.lines(found)] == ["nothing wrong found in 4 checks in 2 s"]


def test_no_number_is_wrong() -> None:
    assert wrong({FORWARD: None, OF_DATA: float("nan")}, "conv1d", "fp32") == [
        FORWARD,
        OF_DATA,
    ]
    nothing = TriedMessage(0, {FORWARD: None})
    found = Fake({torch(WIDE): nothing}).sweep(torch(WIDE))
    assert "relative error: no finite numbers" in next(report.lines(found))
    assert json.loads(report.as_json(found, {}))["wrong"][0]["relative_error"] is None


def test_a_recurrent_layer_may_depart_further() -> None:
    assert limit_of("lstm", "bf16") > limit_of("conv1d", "bf16") > 0.002
    errors = {FORWARD: 0.1}
    assert wrong(errors, "conv1d", "bf16") == [FORWARD]
    assert not wrong(errors, "lstm", "bf16")


def test_a_crash_costs_its_family_alone_and_is_reported() -> None:
    killed = Died("killed by signal 4 (SIGILL)")
    fake = Fake({torch(CONVOLUTION): killed})
    others = [torch(PRODUCT), torch(WIDE, "fp32")]
    found = fake.sweep(others[0], torch(CONVOLUTION), torch(WIDE), others[1])
    assert [one.trial for one in found.tried] == others
    assert len(fake.requests) == 2
    assert found.is_bad
    (crash,) = found.crashes
    assert (crash.trial, crash.lost) == (torch(CONVOLUTION), 2)
    assert (
        "CRASHED: torch conv1d bf16: 8 -> 64, 32 taps: killed by signal 4 (SIGILL); "
        "2 shapes of conv1d bf16 were not tried"
    ) in report.lines(found)


def test_a_runtime_that_ends_before_any_trial_is_not_started_again() -> None:
    requests = []

    def dies(request: Request) -> Iterator[Message]:
        requests.append(request)
        yield Died("cannot be loaded")

    found = sweep({"torch": [torch(WIDE), torch(PRODUCT)]}, dies, 10.0)
    assert len(requests) == 1
    assert next(report.lines(found)) == (
        "CRASHED: torch, before any check: cannot be loaded"
    )
    assert found.is_bad


def test_a_trial_that_hangs_is_reported_and_what_follows_is_left_out_for_time() -> None:
    fake = Fake(seconds={torch(CONVOLUTION): 1e6})
    found = fake.sweep(torch(PRODUCT), torch(CONVOLUTION), torch(WIDE, "fp32"))
    assert "no end after" in found.crashes[0].reason
    assert found.left_out["torch"] == 1


def test_the_budget_is_kept_and_what_is_left_out_is_said() -> None:
    shapes = [Shape("conv1d", n + 1, 64) for n in range(100)]
    fake = Fake()
    found = fake.sweep(*map(torch, shapes), budget_s=50.0, isas=ISAS)
    assert fake.clock_s <= 50.0
    assert len(found.tried) == round(50 * UNTIL["torch"]) - 1
    assert not found.crashes
    assert next(report.lines(found)) == (
        f"left out for time: torch, {100 - len(found.tried)} shapes: raise --budget-s"
    )


def test_a_runtime_has_the_time_that_the_one_before_did_not_need() -> None:
    fake, other = Fake(), Trial("onnxruntime", "fp32", WIDE)
    fake.sweep(other, torch(WIDE), budget_s=100.0)
    first, second = fake.requests
    assert first.limit_s == pytest.approx(100 * UNTIL["onnxruntime"])
    assert second.limit_s == pytest.approx(100 * UNTIL["torch"] - 1)


def test_what_is_absent_or_not_offered_is_said_and_no_fault() -> None:
    refused = TriedMessage(0, {}, reason="no such kernel")
    fake = Fake({torch(WIDE, "fp16"): refused})
    found = fake.sweep(torch(WIDE, "fp16"), torch(WIDE))
    missing = Absent("openvino is not installed")
    one = Trial("openvino", "fp32", WIDE)
    found.absent |= Fake({one: missing}).sweep(one).absent
    assert not found.is_bad
    assert [*report.lines(found)][:2] == [
        "left out: openvino: openvino is not installed",
        "not offered here: torch conv1d fp16, 1 shapes",
    ]


def test_json_holds_every_error_and_each_way_round() -> None:
    fake = Fake({torch(CONVOLUTION): BAD})
    written = json.loads(
        report.as_json(fake.sweep(torch(CONVOLUTION), torch(WIDE)), {"torch": "9"})
    )
    (one,) = written["wrong"]
    assert (one["kernel"], one["relative_error"]) == (KERNEL, 1.1)
    assert one["right_by"] == {FILLED_16: 1, WITHOUT_ONEDNN: 0}
    assert one["shapes"][0]["taps"] == 32
    assert [each["errors"] for each in written["trials"]] == [
        BAD.errors,
        GOOD.errors,
    ]
    assert written["libraries"] == {"torch": "9"}


class Library:
    """Wrong with few channels, unless they are filled up; offers no fp16."""

    NOT_OFFERED = (NotImplementedError,)

    def errors(self, trial: Trial, way: str | None = None) -> dict[str, float]:
        if trial.precision == "fp16":
            raise NotImplementedError("no fp16\nhere")
        is_bad = trial.shape.channels < 16 and way not in (FILLED_16, FP32)
        return {FORWARD: float("inf") if is_bad else 0.001, OF_DATA: 0.001}

    def kernel(self, trial: Trial, direction: str) -> str | None:
        return f"{direction} of {trial.shape.channels}"


def test_a_worker_names_what_is_wrong_and_tries_ways_round() -> None:
    found = tried(3, torch(CONVOLUTION), Library(), explain=True)
    assert (found.index, found.errors) == (3, {FORWARD: None, OF_DATA: 0.001})
    assert found.kernels == {FORWARD: "forward of 8"}
    assert found.ways[FILLED_16] == [FORWARD, OF_DATA]
    assert found.ways[WITHOUT_ONEDNN] == [OF_DATA]
    right = tried(0, torch(WIDE), Library(), explain=True)
    assert right == TriedMessage(0, {FORWARD: 0.001, OF_DATA: 0.001})
    unexplained = tried(0, torch(CONVOLUTION), Library(), explain=False)
    assert unexplained == TriedMessage(0, {FORWARD: None, OF_DATA: 0.001})
    refused = tried(0, torch(WIDE, "fp16"), Library(), explain=True)
    assert refused == TriedMessage(0, {}, reason="no fp16")


def test_a_worker_announces_each_trial_before_it_begins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "harness.observe.kernel_sweep.job.library_of", lambda runtime: Library()
    )
    sent: list[tuple[type, int]] = []

    class Pipe:
        def send(self, message: Any) -> None:
            sent.append((type(message), message.index))

    trials = torch(WIDE), torch(PRODUCT)
    run_job(SweepTask("torch", trials, explain=True), Pipe())
    assert sent == [
        (TryingMessage, 0),
        (TriedMessage, 0),
        (TryingMessage, 1),
        (TriedMessage, 1),
    ]
