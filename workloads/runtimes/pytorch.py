"""PyTorch: a module as it is (eager), or compiled by inductor.

Threads are torch's own, from OMP_NUM_THREADS. Kernels are in the log of its oneDNN,
hence there is no profile here.

Compiled: `dynamic=True`, so one graph serves all lengths and batch sizes but the batch
size 1, which torch always compiles apart (mark_dynamic cannot help it: sizes 0 and 1
are never symbolic). Freezing makes weights constants of the graph, which int8 modules
need for their kernels; inductor repacks weights of 2-D and 3-D convolutions only, those
of 1-D ones are reordered in every call, frozen or not.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from workloads.compression.known import STEPS
from workloads.compression.step import ExportStep, ModuleStep, PrecisionStep, Step
from workloads.runtimes.runtime import Opening, OpenModel, Place, Runtime
from workloads.runtimes.session import (
    KernelCall,
    PrecisionMissingError,
    checked_features,
    checked_precision,
)

if TYPE_CHECKING:
    from torch import Tensor, nn

    from workloads.compressed import CompressedModel

PRECISIONS = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}


class TorchSession:
    """Takes the module over: it is moved to the device and the precision in place.
    Prepared are features (B, T, F) there.

    `width` is the model's F. Opening a compiled session switches freezing on for the
    whole process, since torch reads that setting whenever it compiles, which is not
    here but in the first runs: one of batch size 1 and one of any other.
    """

    profile_source: ClassVar[str | None] = None

    def __init__(
        self,
        module: nn.Module,
        width: int,
        device: str = "cpu",
        precision: str = "fp32",
        compiled: bool = False,
    ) -> None:
        import torch

        self._torch = torch
        # An exported graph is what it is, and its flag stays up even after its eval().
        exported = isinstance(module, self._torch.fx.GraphModule)
        if module.training and not exported:
            raise ValueError("the module is in training mode: call its eval() first")
        self._device, self.width = device, width
        self._dtype = getattr(self._torch, checked_precision(precision, PRECISIONS))
        if precision == "fp16" and device == "cpu" and not _has_fp16(self._torch):
            raise PrecisionMissingError(
                "torch's oneDNN has no fp16 kernels for this CPU, which lacks "
                "AVX512-FP16: without them a convolution takes a hundred times as long "
                "as in fp32; use bf16, or a CUDA device"
            )
        # A front-end may be given more than the rest computes in.
        self._input_dtype = getattr(module, "input_dtype", self._dtype)
        module = module.to(device, self._dtype)
        self.forward = _compile(module) if compiled else module
        # What is run layer by layer; a compiled one is not.
        self.module = None if compiled or exported else module

    def prepare(self, features: np.ndarray) -> Tensor:
        features = checked_features(features, self.width)
        # A tensor from outside inference mode would be compiled for apart.
        with self._torch.inference_mode():
            given = self._torch.from_numpy(features)
            return given.to(self._device, self._input_dtype)

    def run(self, prepared: Tensor) -> None:
        with self._torch.inference_mode():
            self.forward(prepared)

    def output(self, prepared: Tensor) -> np.ndarray:
        with self._torch.inference_mode():
            result = self.forward(prepared)
            return np.array(result.to("cpu", self._torch.float32).numpy())

    def profile(self, prepared: Tensor, steps: int) -> tuple[list[KernelCall], float]:
        """There is none: torch's oneDNN logs its kernels."""
        raise NotImplementedError(f"{type(self).__name__} has no profile of its own")


def _has_fp16(torch: Any) -> bool:
    return bool(torch.ops.mkldnn._is_mkldnn_fp16_supported())


def _compile(module: nn.Module) -> Callable[..., Any]:
    compiler = os.environ.get("CXX", "g++")  # as torch._inductor.config.cpp.cxx
    if shutil.which(compiler) is None:
        raise ValueError(
            f"torch.compile needs a C++ compiler, and {compiler!r} is not on the PATH: "
            f"install g++ or name another in CXX"
        )
    import torch
    import torch._inductor.config  # is not loaded with torch

    torch._inductor.config.freezing = True
    return torch.compile(module, dynamic=True)


class Eager(Runtime):
    """Modules as they are."""

    name, packages = "eager", ("torch",)
    takes: ClassVar[tuple[type[Step], ...]] = (ModuleStep, PrecisionStep)
    compiled = False

    def lack(self, step: Step, place: Place) -> str:
        return (
            f"torch has no eager {step.base} convolution: use compile, onnxruntime or "
            "openvino"
        )

    def open(self, model: CompressedModel, opening: Opening) -> OpenModel:
        import torch

        from workloads.compression.pt2e import stored_bytes

        task, step = model.task, model.compression.step_of(ExportStep)
        adapted, facts = task.adapted(model.module(), opening.options)
        module = task.deployed(adapted).eval()
        if step is not None:
            example = torch.zeros(1, *task.example(model.size))
            module = step.exported(module, example, task.calibration(model.data))
        session = TorchSession(
            module,
            task.example(model.size)[1],
            opening.place.device,
            model.compression.float_precision,
            self.compiled,
        )
        # Counted of what is held now: the module was moved to its precision in place.
        return OpenModel(
            session, stored_bytes(module), step.float_layers if step else 0, facts
        )


class Compile(Eager):
    """Modules compiled by inductor, which has integer kernels for the CPU."""

    name, compiled = "compile", True
    takes = (ModuleStep, PrecisionStep, ExportStep)

    def why_not_after(self, step: Step, place: Place, is_recurrent: bool) -> str | None:
        if not isinstance(step, ExportStep):
            return super().why_not_after(step, place, is_recurrent)
        if place.is_cuda:
            return self.lack(step, place)
        if is_recurrent:
            return (
                "torch.export fixes the length of an LSTM's sequences, so compile gets "
                f"no {step.base} of it: use onnxruntime or openvino"
            )
        return None

    def lack(self, step: Step, place: Place) -> str:
        where = "CUDA" if place.is_cuda else "the CPU"
        exported = [kind.base for kind in STEPS if issubclass(kind, ExportStep)]
        return (
            f"torch.compile has no {step.base} convolution on {where}: it takes "
            f"{' and '.join(exported)} on the CPU; use onnxruntime or openvino for "
            "others"
        )


EAGER, COMPILE = Eager(), Compile()
