"""What the benchmarks of compressed models share: sessions on any runtime, what cannot
run there, and profiles.

Imported inside worker processes alone. torch is loaded by its own runtimes alone: the
peak memory of another is to be its own.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from workloads.runtimes.opening import open_onnx, open_torch

from harness.case import Case
from harness.hardware import Hardware
from harness.observe.kernels import Entry, Profiled
from harness.workload import UnsupportedError
from workloads.compression.entropy import compressed_bytes
from workloads.compression.names import FLOATS, Compression
from workloads.compression.onnx_models import OnnxModel
from workloads.compression.skipped import by_reason
from workloads.runtimes.onnx_runtime import OnnxRuntimeOptions, OnnxRuntimeSession
from workloads.runtimes.open_vino import OpenVinoSession
from workloads.runtimes.session import (
    OperatorMissingError,
    PrecisionMissingError,
    Session,
    cannot_cap,
)

if TYPE_CHECKING:
    from torch import nn

TORCH_RUNTIMES = ("eager", "compile")
BASELINE_RUNTIMES = {"compile": "eager"}  # to compile the baseline too takes long
FORWARD = ("convolution", "deconvolution", "rnn")  # primitives that have a direction
FP32 = Compression("fp32")


@dataclass(frozen=True)
class Running:
    """A model on its runtime, and what is known of its size and layers."""

    session: Session[Any]
    model_bytes: int
    float_layers: int
    facts: Mapping[str, float | str]


def why_not_here(
    case: Case, hardware: Hardware, compression: Compression
) -> str | None:
    """Why the case's runtime cannot do this, None where it can."""
    runtime, base = case.runtime, compression.base
    if runtime in TORCH_RUNTIMES:
        return _why_not_torch(runtime, base, hardware.is_cuda)
    if hardware.is_cuda:
        return (
            f"{runtime} is measured on the CPU; on {hardware.text} use eager or compile"
        )
    if hardware.isa is not None and (reason := cannot_cap(runtime)):
        return reason
    if runtime == "onnxruntime" and base in ("bf16", "fp16"):
        return (
            f"ONNX Runtime has no {base} kernels for this model's layers on a CPU: use "
            "openvino, eager or compile"
        )
    return None


def _why_not_torch(runtime: str, base: str, cuda: bool) -> str | None:
    if base in FLOATS:
        return None
    if runtime == "eager":
        return (
            f"torch has no eager {base} convolution: use compile, onnxruntime or "
            "openvino"
        )
    if cuda or base not in ("int8-static", "int8-qat"):
        where = "CUDA" if cuda else "the CPU"
        return (
            f"torch.compile has no {base} convolution on {where}: it takes int8-static "
            "and int8-qat on the CPU; use onnxruntime or openvino for others"
        )
    return None


def precision_of(compression: Compression) -> str:
    """What the float layers compute in."""
    return compression.base if compression.base in FLOATS else "fp32"


def options_of(case: Case) -> OnnxRuntimeOptions:
    """Those that the case's id tells, else ONNX Runtime's own."""
    given = dict(case.options)
    named: dict[str, Any] = {}
    if "graph" in given:
        named["graph"] = given["graph"]
    if "arena" in given:
        named["arena"] = {"on": True, "off": False}[given["arena"]]
    return OnnxRuntimeOptions(threads=len(os.sched_getaffinity(0)), **named)


@contextlib.contextmanager
def unsupported_if_missing() -> Iterator[None]:
    """What a runtime lacks is a reason to skip the case."""
    try:
        yield
    except (OperatorMissingError, PrecisionMissingError) as error:
        raise UnsupportedError(str(error)) from error


def only_shape(batches: Iterable[np.ndarray]) -> tuple[int, int, int] | None:
    """Of all batches (B, T, F), None where they differ.

    >>> only_shape([np.zeros((1, 5, 2)), np.zeros((1, 5, 2))])
    (1, 5, 2)
    """
    shapes: set[Any] = {batch.shape for batch in batches}
    return shapes.pop() if len(shapes) == 1 else None


def run_onnx(
    model: OnnxModel,
    runtime: str,
    compression: Compression,
    case: Case,
    shape: tuple[int, int, int] | None = None,
) -> Running:
    """An ONNX file on a runtime that takes some, for features of `shape` alone to be
    timed where there is one."""
    session = open_onnx(
        runtime, model.path, precision_of(compression), options_of(case), shape
    )
    quantized = model.quantized
    facts: dict[str, float | str] = {}
    if quantized is not None:
        facts["layers_kept_in_float"] = ", ".join(quantized.kept) or "none"
        facts["huffman_bytes"] = compressed_bytes(model.path)
    if quantized is not None and quantized.left:
        facts["layers_left_in_float"] = by_reason(
            {one.name: one.reason for one in quantized.left}
        )
    float_layers = quantized.float_layers if quantized else 0
    return Running(session, model.bytes, float_layers, facts)


def run_module(
    module: nn.Module, width: int, device: str, runtime: str, compression: Compression
) -> Running:
    """A module on a runtime of torch's own."""
    from workloads.compression.pt2e import stored_bytes

    session = open_torch(runtime, module, width, device, precision_of(compression))
    kept = {"none": 0, "first": 1, "edges": 4}[compression.keep]
    return Running(session, stored_bytes(module), kept, {})


def profile_of(
    session: Session[Any], prepared: Any
) -> Callable[[int], Profiled] | None:
    """Of a runtime that does not log through torch's oneDNN."""
    if not isinstance(session, OnnxRuntimeSession | OpenVinoSession):
        return None

    def profiled(steps: int) -> Profiled:
        calls, wall_s = session.profile(prepared, steps)
        entries = [
            Entry(
                call.primitive,
                "forward" if call.primitive in FORWARD else "none",
                call.implementation,
                call.dtypes,
                "",
                call.time_ms,
            )
            for call in calls
        ]
        return Profiled(entries, wall_s, session.profile_source)

    return profiled
