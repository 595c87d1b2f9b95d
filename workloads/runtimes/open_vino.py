"""OpenVINO on the CPU: one stream, a given number of threads, a given precision.

The precision is INFERENCE_PRECISION_HINT: what float layers compute in. Layers that a
model has quantized to int8 run as int8 under any of them.
"""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from workloads.compression.step import FileStep, ModuleStep, PrecisionStep, Step
from workloads.elsewhere import run_elsewhere
from workloads.runtimes.open_vino_counters import kernel_calls
from workloads.runtimes.open_vino_kernels import created, named
from workloads.runtimes.runtime import FileRuntime, Opening, Place
from workloads.runtimes.session import (
    KernelCall,
    OperatorMissingError,
    PrecisionMissingError,
    checked_features,
    checked_model,
    checked_precision,
    checked_threads,
    failure,
    nodes_with,
)

RUNTIME = "OpenVINO"
PRECISIONS = {"fp32": "f32", "bf16": "bf16", "fp16": "f16"}
_NOT_CONVERTED = re.compile(
    r"(?:No conversion rule found for operations:"
    r"|does not support the following ONNX operations:)\s*(?P<op>[\w.]+)"
)
_NO_KERNEL = re.compile(
    r"(?P<op>\w+) node(?: with name '(?P<node>[^']*)')?[^\n]*"
    r"(?:object is not initialized|doesn't have an initialized executor)"
)


@dataclass(frozen=True)
class Request:
    """Features (B, T, F) and the infer request whose input tensor is their memory."""

    features: np.ndarray
    native: Any


class OpenVinoSession:
    """`compiled` is OpenVINO's own CompiledModel: of features of `shape` (B, T, F)
    alone, or of any where that is None.

    A model of one shape is faster, up to twice: OpenVINO then plans memory, layouts and
    kernels once, as its benchmark_app has it do. Features of other shapes go to a
    second model, of any shape, which is compiled when the first of them is prepared.

    The first `prepare` runs once, to find what this build cannot run: on one thread,
    OpenVINO 2026.4.1 skips a node that fails and reports no error.
    """

    profile_source: ClassVar[str | None] = "OpenVINO's counters"

    def __init__(
        self,
        path: Path,
        precision: str,
        threads: int,
        shape: tuple[int, int, int] | None = None,
    ) -> None:
        import openvino

        self._openvino = openvino
        self.path, self.precision = path, precision
        self.threads = checked_threads(threads)
        self._hint = checked_precision(precision, PRECISIONS)
        model = self._read()
        inputs = [
            (one.element_type.get_type_name(), _lengths(one.partial_shape))
            for one in model.inputs
        ]
        self.width = checked_model(path, inputs, len(model.outputs), "f32")
        self._shape = shape
        self.compiled = self._compile(shape)
        self._check_honoured()
        self._proven = False

    @cached_property
    def _of_any_shape(self) -> Any:
        return self.compiled if self._shape is None else self._compile(None)

    def _shape_of(self, features: np.ndarray) -> tuple[int, int, int] | None:
        """Of the model that takes these."""
        return self._shape if features.shape == self._shape else None

    def prepare(self, features: np.ndarray) -> Request:
        features = checked_features(features, self.width)
        only = self._shape_of(features) is not None
        compiled = self.compiled if only else self._of_any_shape
        prepared = Request(features, self._request(compiled, features))
        if not self._proven:  # a failure that it hides must not be timed
            self.output(prepared)
            self._proven = True
        return prepared

    def _request(self, compiled: Any, features: np.ndarray) -> Any:
        request = compiled.create_infer_request()
        tensor = self._openvino.Tensor(features, shared_memory=True)
        request.set_input_tensor(tensor)
        return request

    def run(self, prepared: Request) -> None:
        try:
            prepared.native.infer(share_outputs=True)  # else it copies the output
        except RuntimeError as error:
            raise self._explained(str(error)) from error

    def output(self, prepared: Request) -> np.ndarray:
        self.run(prepared)
        result = np.array(prepared.native.get_output_tensor().data, np.float32)
        if result.size == 0 or len(result) != len(prepared.features):
            raise OperatorMissingError(
                RUNTIME,
                "that it hides",
                "unnamed",
                f"with one thread this build skips what it cannot run, without an "
                f"error: the output has shape {result.shape} for features of shape "
                f"{prepared.features.shape} ({_allowed_isa()}); two threads tell more",
            )
        return result

    def profile(self, prepared: Request, steps: int) -> tuple[list[KernelCall], float]:
        """The kernels of `steps` runs after a warm-up, and their seconds.

        Times are those of OpenVINO's performance counters, in a second compiled model.
        Their names tell no instruction set beyond AVX-512; oneDNN's, which another
        process logs as it creates its kernels, do.
        """
        shape = self._shape_of(prepared.features)
        compiled = self._compile(shape, counting=True)
        request = self._request(compiled, prepared.features)
        request.infer(share_outputs=True)
        before = request.profiling_info
        wall_ms = 0.0
        for _ in range(steps):
            request.infer(share_outputs=True)
            wall_ms += request.latency
        after, graph = request.profiling_info, compiled.get_runtime_model()
        calls = kernel_calls(before, after, steps, graph)
        return named(calls, created(self._creation_log(prepared))), wall_ms / 1000.0

    def _creation_log(self, prepared: Request) -> list[str]:
        """What oneDNN writes when it creates the kernels of a run, in a process of its
        own: it reads ONEDNN_VERBOSE when it loads, and prints to standard output.

        Not the log of executions: with that on, OpenVINO 2026.4 leaves convolutions
        out, and says nothing.
        """
        shape = self._shape_of(prepared.features)
        settings = (self.path, self.precision, self.threads, shape)
        with tempfile.TemporaryDirectory() as directory:
            log = Path(directory, "log")
            run_elsewhere(
                run_logged,
                (log, settings, prepared.features),
                f"the log of {RUNTIME}'s kernels",
                {"ONEDNN_VERBOSE": "profile_create"},
            )
            return log.read_text(errors="replace").splitlines()

    def _read(self, shape: tuple[int, int, int] | None = None) -> Any:
        """The file's model, of features of that shape alone where there is one."""
        try:
            model = self._openvino.Core().read_model(self.path)
            if shape is not None:
                model.reshape(list(shape))
        except RuntimeError as error:
            raise self._explained(str(error)) from error
        return model

    def _compile(
        self, shape: tuple[int, int, int] | None, counting: bool = False
    ) -> Any:
        properties = {
            "INFERENCE_PRECISION_HINT": self._hint,
            "INFERENCE_NUM_THREADS": self.threads,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
            # Else it leaves out each core's second thread, whatever number is asked.
            "ENABLE_HYPER_THREADING": True,
            "PERF_COUNT": counting,
        }
        model = self._read(shape)
        try:
            return self._openvino.Core().compile_model(model, "CPU", properties)
        except RuntimeError as error:
            raise self._explained(str(error)) from error

    def _check_honoured(self) -> None:
        """It takes other precisions and fewer threads in silence."""
        hint = self.compiled.get_property("INFERENCE_PRECISION_HINT")
        if hint.get_type_name() != self._hint:
            raise PrecisionMissingError(
                f"{RUNTIME} computes in {hint.get_type_name()} on this CPU, not in "
                f"{self.precision}: take another precision or another CPU"
            )
        threads = self.compiled.get_property("INFERENCE_NUM_THREADS")
        if threads != self.threads:
            raise ValueError(
                f"{RUNTIME} uses {threads} threads, not {self.threads}: ask for no "
                f"more threads than CPUs that this process may use"
            )

    def _explained(self, message: str) -> ValueError:
        if found := _NOT_CONVERTED.search(message):
            # "domain.Operator-opset", where the standard domain has no name
            operator = found["op"].removesuffix(".")
            node = nodes_with(self.path, operator.rpartition(".")[2])
            advice = "use another runtime or export the model without it"
            return OperatorMissingError(RUNTIME, operator, node, advice)
        if found := _NO_KERNEL.search(message):
            return OperatorMissingError(
                RUNTIME,
                found["op"],
                found["node"] or "unnamed",
                f"this build has none for these types ({_allowed_isa()}); raise the "
                f"cap or use another compression",
            )
        return failure(RUNTIME, self.path, message)


def _allowed_isa() -> str:
    cap = os.environ.get("ONEDNN_MAX_CPU_ISA", "this CPU's own")
    return f"allowed instruction set: {cap}"


def _lengths(shape: Any) -> list[int | None]:
    return [axis.get_length() if axis.is_static else None for axis in shape]


def run_logged(log: Path, settings: tuple[Any, ...], features: np.ndarray) -> None:
    """Run a session of these settings once; what is printed goes into a file."""
    with log.open("wb") as file:
        os.dup2(file.fileno(), 1)
    session = OpenVinoSession(*settings)
    session.run(session.prepare(features))


class OpenVino(FileRuntime):
    """OpenVINO on the CPU."""

    name, packages = "openvino", ("onnx", "openvino")
    takes = (ModuleStep, PrecisionStep, FileStep)

    def lack(self, step: Step, place: Place) -> str:
        return (
            f"OpenVINO takes ONNX files, and {step.base} makes none: use eager or "
            "compile"
        )

    def session(self, path: Path, precision: str, opening: Opening) -> OpenVinoSession:
        return OpenVinoSession(path, precision, opening.place.threads, opening.shape)


OPEN_VINO = OpenVino()
