"""Each runtime's own way to time a model: what a user gets without this suite.

OpenVINO has benchmark_app, torch its Timer; ONNX Runtime's Python package has no tool,
so that its plainest loop stands for one. All tell the seconds of a step as a cycle
through all inputs takes in the mean, in the median over cycles; benchmark_app tells the
median of each shape, of which inputs of several shapes have the mean. Its clock is the
runtime's own, which begins inside of the call: what a call from Python takes beyond it,
and whoever makes one pays, is added.

Axes: `B` utterances, `T` frames, `F` features.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from harness.workload import Tool
from workloads.runtimes.onnx_runtime import OnnxRuntimeSession
from workloads.runtimes.open_vino import PRECISIONS, OpenVinoSession
from workloads.runtimes.pytorch import TorchSession
from workloads.runtimes.session import Session

Timed = Callable[[float], float]  # runs for so many seconds; the seconds of a step
BENCHMARK_APP_S = 1  # whole seconds are what it takes
BENCHMARK_APP = "from openvino.tools.benchmark.main import main; main()"
# In the first a model of any length compiles its kernels, which a median leaves out.
BENCHMARK_APP_CYCLES = 9
CALLS = 9  # of each input
_MEDIAN = re.compile(r"^\[ INFO \]\s+Median:\s+([\d.]+) (us|ms|s)\s*$", re.MULTILINE)
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}  # seconds; it takes the readable one
_TAIL = 1500  # characters


def own_tool(session: Session[Any], batches: Sequence[np.ndarray]) -> Tool:
    """The tool on the session's model and these features (B, T, F)."""
    if isinstance(session, OpenVinoSession):
        timed = _benchmark_app(session, batches)
        return Tool("benchmark_app", timed, BENCHMARK_APP_S)
    if isinstance(session, OnnxRuntimeSession):
        native, name = session.native, session.native.get_inputs()[0].name
        loop = looped(lambda features: native.run(None, {name: features}), batches)
        return Tool("a loop over InferenceSession.run", loop)
    assert isinstance(session, TorchSession)
    inputs = [session.prepare(features) for features in batches]
    return Tool("torch.utils.benchmark.Timer", _torch_timer(session.forward, inputs))


def _torch_timer(forward: Callable[..., Any], inputs: Sequence[Any]) -> Timed:
    import torch
    from torch.utils.benchmark import Timer

    timer = Timer(
        "for one in inputs:\n    forward(one)",
        globals={"forward": forward, "inputs": inputs},
        num_threads=torch.get_num_threads(),  # else it takes one
    )

    def timed(seconds: float) -> float:
        with torch.inference_mode():
            found = timer.blocked_autorange(min_run_time=seconds)
        return float(found.median) / len(inputs)

    return timed


def looped(step: Callable[[Any], object], inputs: Sequence[Any]) -> Timed:
    """A loop over all inputs, again and again."""

    def timed(seconds: float) -> float:
        cycles: list[float] = []
        while sum(cycles) < seconds:
            began = perf_counter()
            for one in inputs:
                step(one)
            cycles.append(perf_counter() - began)
        return median(cycles) / len(inputs)

    return timed


def _benchmark_app(session: OpenVinoSession, batches: Sequence[np.ndarray]) -> Timed:
    used = Counter(one.shape for one in batches)
    settings = benchmark_app_settings(session, list(used))
    beyond_s = call_s(session, batches)

    def timed(seconds: float) -> float:
        whole_s = str(max(BENCHMARK_APP_S, round(seconds)))
        cycles = str(BENCHMARK_APP_CYCLES * len(used))
        length = ["-t", whole_s] if len(used) == 1 else ["-niter", cycles]
        child = subprocess.run(
            [sys.executable, "-P", "-c", BENCHMARK_APP, *settings, *length],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        # Of several shapes it tells one over all first.
        medians_s = medians_of(child.stdout)[-len(used) :]
        if child.returncode != 0 or len(medians_s) < len(used):
            said = (child.stdout + child.stderr)[-_TAIL:]
            raise RuntimeError(
                f"benchmark_app ended with {child.returncode} and wrote "
                f"{len(medians_s)} latencies of {len(used)} shapes, with the options "
                f"{' '.join(settings)}: {said}"
            )
        return beyond_s + float(np.average(medians_s, weights=list(used.values())))

    return timed


def call_s(session: OpenVinoSession, batches: Sequence[np.ndarray]) -> float:
    """What a call takes beyond the latency that the runtime tells of it: the median."""
    beyond_s = []
    for request in CALLS * [session.prepare(features) for features in batches]:
        began = perf_counter()
        session.run(request)
        took_s = perf_counter() - began
        beyond_s.append(took_s - request.native.latency / 1000)
    return median(beyond_s)


def medians_of(report: str) -> list[float]:
    """The seconds of every "Median" of benchmark_app's latencies, in their order."""
    found = _MEDIAN.findall(report)
    return [float(number) * _UNITS[unit] for number, unit in found]


def benchmark_app_settings(
    session: OpenVinoSession, shapes: Sequence[tuple[int, ...]]
) -> list[str]:
    """One request at a time, with the session's threads and precision: of a model of
    the only shape, else of one of any, as it needs for several."""
    settings = (
        "-d CPU -hint none "  # else threads may not be told
        f"-nstreams 1 -nthreads {session.threads} "
        f"-infer_precision {PRECISIONS[session.precision]}"
    )
    words = ["-m", str(session.path), *settings.split()]
    if len(shapes) == 1:
        return [*words, "-shape", _bracketed(shapes[0]), "-api", "sync"]
    words += ["-shape", _bracketed(("?", "?", shapes[0][2]))]
    words += ["-data_shape", "".join(map(_bracketed, shapes))]
    # For several shapes it has no synchronous mode.
    return [*words, "-api", "async", "-nireq", "1", "-pcseq"]


def _bracketed(shape: Sequence[object]) -> str:
    """
    >>> _bracketed((1, 50, 8))
    '[1,50,8]'
    """
    return f"[{','.join(map(str, shape))}]"
