"""The runtimes' own tools, on a tiny model."""

from itertools import cycle
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks import own_tools
from benchmarks.own_tools import (
    benchmark_app_settings,
    looped,
    medians_of,
    own_tool,
)
from workloads.compression.export import export_onnx
from workloads.runtimes.onnx_runtime import OnnxRuntimeSession
from workloads.runtimes.open_vino import OpenVinoSession
from workloads.runtimes.pytorch import TorchSession

# Long enough for benchmark_app, which tells hundredths of a millisecond.
ONE = [np.ones((1, 4000, 8), np.float32)] * 2
SEVERAL = [np.ones((1, frames, 8), np.float32) for frames in (4000, 6000)]


@pytest.fixture(scope="module")
def onnx_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tiny") / "tiny.onnx"
    model = nn.Sequential(nn.Linear(8, 256), nn.ReLU(), nn.Linear(256, 4))
    export_onnx(model.eval(), torch.zeros(1, 10, 8), path)
    return path


@pytest.mark.parametrize("batches", [ONE, SEVERAL], ids=["one shape", "several"])
def test_benchmark_app_tells_a_time_of_the_same_model(
    onnx_path: Path, batches: list[np.ndarray]
) -> None:
    tool = own_tool(OpenVinoSession(onnx_path, "fp32", 1), batches)
    assert (tool.name, tool.shortest_s) == ("benchmark_app", 1)
    assert 0 < tool.time_s(0.1) < 10


@pytest.mark.parametrize(
    ("unit", "median_s"), [("us", 885.09e-6), ("ms", 885.09e-3), ("s", 885.09)]
)
def test_benchmark_app_tells_a_latency_in_any_unit(unit: str, median_s: float) -> None:
    """Below a millisecond it takes microseconds: a fast machine does."""
    report = f"[ INFO ] Latency:\n[ INFO ]    Median:        885.09 {unit}\n"
    assert medians_of(report) == [pytest.approx(median_s)]
    assert medians_of(report.replace(unit, "furlongs")) == []


def test_several_shapes_have_the_mean_of_their_medians_over_all_inputs(
    onnx_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two inputs of one shape and one of another; the median over all is not theirs."""
    lines = [f"[ INFO ]    Median:  {ms} ms" for ms in (9, 1, 4)]
    monkeypatch.setattr(own_tools, "BENCHMARK_APP", f"print({chr(10).join(lines)!r})")
    monkeypatch.setattr(own_tools, "call_s", lambda session, batches: 0.0005)
    session = OpenVinoSession(onnx_path, "fp32", 1)
    shapes = [(1, 20, 8), (1, 30, 8), (1, 20, 8)]
    tool = own_tool(session, [np.zeros(shape, np.float32) for shape in shapes])
    assert tool.time_s(1) == pytest.approx((1 + 4 + 1) / 3 / 1000 + 0.0005)


def test_a_call_takes_what_python_adds_to_the_runtimes_latency(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """benchmark_app tells the latency alone; a step of ours has both."""
    now_s, took_ms = [0.0], cycle([5.0, 7.0, 95.0])
    monkeypatch.setattr(own_tools, "perf_counter", lambda: now_s[0])

    class Session:
        def prepare(self, features: np.ndarray) -> SimpleNamespace:
            return SimpleNamespace(native=SimpleNamespace(latency=0.0))

        def run(self, request: SimpleNamespace) -> None:
            request.native.latency = 3.0
            now_s[0] += next(took_ms) / 1000

    found = own_tools.call_s(cast(OpenVinoSession, Session()), [*ONE, ONE[0]])
    assert found == pytest.approx(0.004)  # of 2, 4 and 92 ms


def test_benchmark_app_has_our_threads_precision_and_shapes(onnx_path: Path) -> None:
    session = OpenVinoSession(onnx_path, "fp32", 1)
    one = benchmark_app_settings(session, [(1, 20, 8)])
    settings = dict(zip(one[::2], one[1::2], strict=True))
    assert settings["-m"] == str(onnx_path)
    assert (settings["-nthreads"], settings["-nstreams"]) == ("1", "1")
    assert settings["-infer_precision"] == "f32"
    assert (settings["-shape"], settings["-api"]) == ("[1,20,8]", "sync")
    several = benchmark_app_settings(session, [(1, 20, 8), (1, 30, 8)])
    settings = dict(zip(several[::2], several[1::2], strict=False))
    assert (settings["-shape"], settings["-data_shape"]) == (
        "[?,?,8]",
        "[1,20,8][1,30,8]",
    )
    assert (settings["-api"], settings["-nireq"]) == ("async", "1")
    assert several[-1] == "-pcseq"


def test_what_benchmark_app_says_where_it_fails_is_in_the_error(
    onnx_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_tools, "BENCHMARK_APP", "raise SystemExit('out of luck')")
    tool = own_tool(OpenVinoSession(onnx_path, "fp32", 1), ONE)
    with pytest.raises(RuntimeError, match=r"ended with 1 .*-m .*: out of luck"):
        tool.time_s(1)


def test_onnx_runtime_has_a_plain_loop_and_torch_its_timer(onnx_path: Path) -> None:
    session = OnnxRuntimeSession(onnx_path, 1)
    loop = own_tool(session, SEVERAL)
    assert (loop.name, loop.shortest_s) == ("a loop over InferenceSession.run", 0)
    assert 0 < loop.time_s(0.01) < 10
    timer = own_tool(TorchSession(nn.Linear(8, 4).eval(), 8), SEVERAL)
    assert (timer.name, timer.shortest_s) == ("torch.utils.benchmark.Timer", 0)
    assert 0 < timer.time_s(0.01) < 10


def test_a_loop_tells_the_mean_of_a_cycle_in_the_median_over_cycles(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now_s, cost_s = [0.0], iter([1.0, 3.0, 1.0, 9.0, 2.0, 4.0])
    monkeypatch.setattr(own_tools, "perf_counter", lambda: now_s[0])

    def step(one: str) -> None:
        now_s[0] += next(cost_s)

    assert looped(step, ["short", "long"])(15) == 3.0  # of 2, 5 and 3
