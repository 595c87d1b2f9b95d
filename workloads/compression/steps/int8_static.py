"""8 bits whose scales were found on calibration data."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from workloads.compression.graph import CLIPPING, WEIGHTED
from workloads.compression.step import ExportStep, FileStep, Need, PreparedFile

if TYPE_CHECKING:
    from torch import Tensor, nn

# What may take integers in and give them out; a Transpose does where it gets some.
_INTEGER = (*(op for op in WEIGHTED if op != "LSTM"), *CLIPPING, "Transpose")


@dataclass(frozen=True)
class StaticStep(FileStep):
    """Weights with a scale for each output channel, and unsigned activations of
    calibrated ranges, as x86 multiplies them: signed ones make OpenVINO fall back to
    float. Cores without VNNI may saturate while adding up."""

    claims = rounds_to = "int8"
    reasons: ClassVar[Mapping[str, str]] = {
        "LSTM": "ONNX Runtime quantizes an LSTM dynamically alone"
    }
    weight_type: ClassVar[str] = "QInt8"

    @property
    def needs(self) -> frozenset[Need]:
        return super().needs | {"calibration"}

    def write(self, file: PreparedFile, out: Path) -> None:
        from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

        with contextlib.redirect_stdout(io.StringIO()):  # it prints how far it is
            quantize_static(
                file.path,
                out,
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType[self.weight_type],
                op_types_to_quantize=list(_INTEGER),
                nodes_to_exclude=list(file.excluded),
                **file.calibrating,
            )


@dataclass(frozen=True)
class Int8Static(StaticStep, ExportStep):
    base = "int8-static"
    summary = "weights and activations of 8 bits, scaled beforehand"
    may_follow = may_keep = True

    def exported(
        self, module: nn.Module, example: Tensor, calibration: Sequence[np.ndarray]
    ) -> nn.Module:
        from workloads.compression.pt2e import quantize_for_compile

        return quantize_for_compile(module, example, calibration, self.keep)
