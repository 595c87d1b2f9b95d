"""Each runtime's own way to time a model: what a user gets without this suite.

OpenVINO has benchmark_app, torch its Timer; ONNX Runtime's Python package has no tool,
so that its plainest loop stands for one. All tell the seconds of a step as a cycle
through all inputs takes in the mean, in the median over cycles; benchmark_app cannot
tell that of inputs of several shapes: there it is the mean alone.

Axes: `B` utterances, `T` frames, `F` features.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from workloads.runtimes.onnx_runtime import OnnxRuntimeSession
from workloads.runtimes.open_vino import PRECISIONS, OpenVinoSession
from workloads.runtimes.pytorch import TorchSession
from workloads.runtimes.session import Session

Timed = Callable[[float], float]  # runs for so many seconds; the seconds of a step
BENCHMARK_APP = "from openvino.tools.benchmark.main import main; main()"
_LATENCY = re.compile(
    r"^\[ INFO \]\s+(Median|Average):\s+([\d.]+) (us|ms|s)\s*$", re.MULTILINE
)
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}  # seconds; it takes the readable one
_TAIL = 1500  # characters


def own_tool(session: Session[Any], batches: Sequence[np.ndarray]) -> tuple[str, Timed]:
    """The name of the tool, and what runs it on the session's model and these features
    (B, T, F)."""
    if isinstance(session, OpenVinoSession):
        return "benchmark_app", _benchmark_app(session, batches)
    if isinstance(session, OnnxRuntimeSession):
        return "a loop over InferenceSession.run", _plain_loop(session, batches)
    assert isinstance(session, TorchSession)
    inputs = [(session.prepare(features).tensor,) for features in batches]
    return torch_timer(session.forward, inputs)


def torch_timer(
    forward: Callable[..., Any], inputs: Sequence[tuple[Any, ...]]
) -> tuple[str, Timed]:
    """torch's own timer of `forward`, called with each of the inputs."""
    import torch
    from torch.utils.benchmark import Timer

    timer = Timer(
        "for one in inputs:\n    forward(*one)",
        globals={"forward": forward, "inputs": inputs},
        num_threads=torch.get_num_threads(),  # else it takes one
    )

    def timed(seconds: float) -> float:
        with torch.inference_mode():
            found = timer.blocked_autorange(min_run_time=seconds)
        return float(found.median) / len(inputs)

    return "torch.utils.benchmark.Timer", timed


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


def _plain_loop(session: OnnxRuntimeSession, batches: Sequence[np.ndarray]) -> Timed:
    native = session.native
    name = native.get_inputs()[0].name
    return looped(lambda features: native.run(None, {name: features}), batches)


def _benchmark_app(session: OpenVinoSession, batches: Sequence[np.ndarray]) -> Timed:
    settings = benchmark_app_settings(
        session, list(dict.fromkeys(one.shape for one in batches))
    )

    def timed(seconds: float) -> float:
        whole_s = str(max(1, round(seconds)))
        child = subprocess.run(
            [sys.executable, "-P", "-c", BENCHMARK_APP, *settings, "-t", whole_s],
            env=dict(os.environ),
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        latencies_s = latencies_of(child.stdout)
        if child.returncode != 0 or "Median" not in latencies_s:
            said = (child.stdout + child.stderr)[-_TAIL:]
            raise RuntimeError(
                f"benchmark_app ended with {child.returncode} and told no latency, "
                f"with the options {' '.join(settings)}: {said}"
            )
        alike = len({one.shape for one in batches}) == 1
        return latencies_s["Median" if alike else "Average"]

    return timed


def latencies_of(report: str) -> dict[str, float]:
    """The seconds of benchmark_app's "Median" and "Average", where it gives them."""
    found = _LATENCY.findall(report)
    return {kind: float(number) * _UNITS[unit] for kind, number, unit in found}


def benchmark_app_settings(
    session: OpenVinoSession, shapes: Sequence[tuple[int, ...]]
) -> list[str]:
    """One request at a time, with the session's threads and precision: of a model of
    the only shape, else of one of any, as it needs for several."""
    settings = {
        "-m": str(session.path),
        "-d": "CPU",
        "-hint": "none",  # else threads may not be told
        "-nstreams": "1",
        "-nthreads": str(session.threads),
        "-infer_precision": PRECISIONS[session.precision],
    }
    if len(shapes) == 1:
        settings |= {"-shape": _bracketed(shapes[0]), "-api": "sync"}
    else:  # for which it has no synchronous mode
        settings |= {
            "-shape": _bracketed(("?", "?", shapes[0][2])),
            "-data_shape": "".join(map(_bracketed, shapes)),
            "-api": "async",
            "-nireq": "1",
        }
    return [word for pair in settings.items() for word in pair]


def _bracketed(shape: Sequence[object]) -> str:
    """
    >>> _bracketed((1, 50, 8))
    '[1,50,8]'
    """
    return f"[{','.join(map(str, shape))}]"
