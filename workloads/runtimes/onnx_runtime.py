"""ONNX Runtime on the CPU.

Threads: an explicit number of intra-op threads, for which ONNX Runtime sets no affinity
of its own, so that the process's stands (onnxruntime.ai, "Thread management").
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from workloads.compression.step import FileStep, ModuleStep, Step
from workloads.runtimes.onnx_runtime_trace import after_warm_up
from workloads.runtimes.runtime import FileRuntime, Opening, Place
from workloads.runtimes.session import (
    KernelCall,
    OperatorMissingError,
    checked_features,
    checked_model,
    checked_threads,
    failure,
    nodes_with,
)

RUNTIME = "ONNX Runtime"
_GRAPH_LEVELS = {
    "all": "ORT_ENABLE_ALL",
    "extended": "ORT_ENABLE_EXTENDED",
    "basic": "ORT_ENABLE_BASIC",
    "off": "ORT_DISABLE_ALL",
}
# What it says where an operator has no kernel: of this name and these types, in a
# domain unknown to it, in the standard domain.
_NO_KERNEL = re.compile(
    r"Could not find an implementation for (?P<op>[\w.:]+)\(\S+\)"
    r" node with name '(?P<node>[^']*)'"
)
_NO_DOMAIN = re.compile(r"error: (?P<op>[\w.:]+)\(\S+\) is not a registered function")
_NO_OPERATOR = re.compile(
    r'In Node, \("(?P<node>[^"]*)", .*No Op registered for (?P<op>\w+)', re.DOTALL
)
_ADVICE = "use another runtime or quantize the model without it"


@dataclass(frozen=True)
class Bound:
    """Features (B, T, F) and the binding that reads them where they lie."""

    features: np.ndarray
    binding: Any


class OnnxRuntimeSession:
    """Set up as ONNX Runtime has it, but for threads. `arena`: memory is kept in an
    arena between runs. `graph`: how far the graph is rewritten before it runs."""

    profile_source: ClassVar[str | None] = "ONNX Runtime's profile"

    def __init__(
        self, path: Path, threads: int, arena: bool = True, graph: str = "all"
    ) -> None:
        import onnxruntime

        if graph not in _GRAPH_LEVELS:
            expected = ", ".join(_GRAPH_LEVELS)
            raise ValueError(f"graph={graph!r}: expected one of {expected}")
        self._onnxruntime, self._path = onnxruntime, path
        levels = onnxruntime.GraphOptimizationLevel
        self._settings = {
            "intra_op_num_threads": checked_threads(threads),
            "enable_cpu_mem_arena": arena,
            "graph_optimization_level": getattr(levels, _GRAPH_LEVELS[graph]),
        }
        self.native = self._open()
        inputs = [(one.type, one.shape) for one in self.native.get_inputs()]
        outputs = len(self.native.get_outputs())
        self.width = checked_model(path, inputs, outputs, "tensor(float)")

    def prepare(self, features: np.ndarray) -> Bound:
        features = checked_features(features, self.width)
        return Bound(features, self._bind(self.native, features))

    def run(self, prepared: Bound) -> None:
        self.native.run_with_iobinding(prepared.binding)

    def output(self, prepared: Bound) -> np.ndarray:
        self.run(prepared)
        return np.array(prepared.binding.copy_outputs_to_cpu()[0], np.float32)

    def profile(self, prepared: Bound, steps: int) -> tuple[list[KernelCall], float]:
        """The kernels of `steps` runs after a warm-up, and the seconds of these runs,
        both by the profiler of a second session."""
        with tempfile.TemporaryDirectory() as directory:
            session = self._open(
                enable_profiling=True, profile_file_prefix=f"{directory}/trace"
            )
            binding = self._bind(session, prepared.features)
            for _ in range(1 + steps):
                session.run_with_iobinding(binding)
            return after_warm_up(Path(session.end_profiling()))

    def _open(self, **more: Any) -> Any:
        options = self._onnxruntime.SessionOptions()
        for name, value in (self._settings | more).items():
            setattr(options, name, value)
        errors = self._onnxruntime.capi.onnxruntime_pybind11_state
        try:
            return self._onnxruntime.InferenceSession(
                str(self._path), options, providers=["CPUExecutionProvider"]
            )
        except (
            errors.Fail,
            errors.InvalidGraph,
            errors.InvalidProtobuf,
            errors.NoSuchFile,
            errors.NotImplemented,
        ) as error:
            raise self._explained(str(error)) from error

    def _explained(self, message: str) -> ValueError:
        for pattern in (_NO_KERNEL, _NO_DOMAIN, _NO_OPERATOR):
            if found := pattern.search(message):
                operator = found["op"]
                node = found.groupdict().get("node") or nodes_with(
                    self._path, operator.rpartition(":")[2]
                )
                return OperatorMissingError(RUNTIME, operator, node, _ADVICE)
        return failure(RUNTIME, self._path, message)

    def _bind(self, session: Any, features: np.ndarray) -> Any:
        value = self._onnxruntime.OrtValue.ortvalue_from_numpy(features)
        binding = session.io_binding()
        binding.bind_ortvalue_input(session.get_inputs()[0].name, value)
        binding.bind_output(session.get_outputs()[0].name, "cpu")
        return binding


class OnnxRuntime(FileRuntime):
    """ONNX Runtime, of which a case's id may set `arena` and `graph`."""

    name, packages = "onnxruntime", ("onnx", "onnxruntime")
    options = ("arena", "graph")
    takes = (ModuleStep, FileStep)

    def why_not_on(self, place: Place) -> str | None:
        if place.is_cuda or place.isa is None:
            return super().why_not_on(place)
        return (
            "ONNX Runtime has no switch for an instruction-set cap: its kernels take "
            "whatever the CPU has; time it on uncapped hardware, or take openvino, "
            "eager or compile"
        )

    def lack(self, step: Step, place: Place) -> str:
        return (
            f"ONNX Runtime has no {step.base} kernels for this model's layers on a "
            "CPU: use openvino, eager or compile"
        )

    def session(
        self, path: Path, precision: str, opening: Opening
    ) -> OnnxRuntimeSession:
        given = opening.options
        arena = {"on": True, "off": False}[given.get("arena", "on")]
        graph = given.get("graph", "all")
        return OnnxRuntimeSession(path, opening.place.threads, arena, graph)


ONNX_RUNTIME = OnnxRuntime()
