"""8 bits whose scales are found while running."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from workloads.compression.graph import as_matmul
from workloads.compression.step import FileStep, PreparedFile


@dataclass(frozen=True)
class Int8Dynamic(FileStep):
    """What ONNX Runtime calls its dynamic mode, in which the paper quantizes.

    Weights are unsigned, of one scale a layer (those of an LSTM signed, with a scale
    for each direction).
    """

    base = "int8-dynamic"
    summary = "weights of 8 bits; activations are scaled to 8 bits while running"
    claims = rounds_to = "int8"
    may_follow = may_keep = True
    reasons: ClassVar[Mapping[str, str]] = {
        "ConvTranspose": "it is not among those that ONNX Runtime quantizes dynamically"
    }

    def write(self, file: PreparedFile, out: Path) -> None:
        from onnxruntime.quantization import QuantType, quantize_dynamic

        quantize_dynamic(
            file.path,
            out,
            weight_type=QuantType.QUInt8,
            nodes_to_exclude=[*file.excluded, *as_matmul(file.excluded)],
        )
