"""One way to open a session of any runtime, by its name on the runtime axis."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from workloads.runtimes.onnx_runtime import OnnxRuntimeOptions, OnnxRuntimeSession
from workloads.runtimes.open_vino import OpenVinoSession
from workloads.runtimes.pytorch import TorchSession
from workloads.runtimes.session import Session

if TYPE_CHECKING:
    from torch import nn


def open_onnx(
    runtime: str,
    path: Path,
    precision: str,
    options: OnnxRuntimeOptions,
    shape: tuple[int, int, int] | None = None,
) -> Session[Any]:
    """An ONNX file on "onnxruntime" or "openvino"; of the options, OpenVINO has the
    threads alone, and ONNX Runtime computes in what the file says: fp32.

    `shape` is that of all features (B, T, F) that are to be timed, None where they
    differ: OpenVINO makes a model of it."""
    if runtime == "onnxruntime":
        if precision != "fp32":
            raise ValueError(
                f"onnxruntime has no precision {precision!r}: its precision is the "
                f"model's; use openvino, eager or compile"
            )
        return OnnxRuntimeSession(path, options)
    if runtime == "openvino":
        if options != OnnxRuntimeOptions(options.threads):
            raise ValueError(f"openvino has none of these options: {options}")
        return OpenVinoSession(path, precision, options.threads, shape)
    raise ValueError(
        f"runtime {runtime!r} runs no ONNX: expected onnxruntime, openvino"
    )


def open_torch(
    runtime: str, module: nn.Module, width: int, device: str, precision: str
) -> Session[Any]:
    """A module on "eager" or "compile"."""
    if runtime not in ("eager", "compile"):
        raise ValueError(
            f"runtime {runtime!r} runs no module: expected eager or compile"
        )
    return TorchSession(module, width, device, precision, runtime == "compile")
