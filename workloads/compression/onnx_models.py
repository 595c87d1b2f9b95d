"""ONNX models of a compression, made once in processes of their own, then cached.

Axes: `T` frames, `F` features.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workloads.compression.artifacts import made
from workloads.compression.names import FLOATS, Compression
from workloads.compression.quantization import Quantized, quantize
from workloads.corpora.cache import arrays_sha256

MODEL, QUANTIZED = "model.onnx", "quantized.json"


@dataclass(frozen=True)
class OnnxModel:
    """A file to run, and what became of its layers (None where nothing was
    quantized)."""

    path: Path
    quantized: Quantized | None = None

    @property
    def bytes(self) -> int:
        return self.path.stat().st_size


def onnx_model(
    key: Mapping[str, str],
    export_into: Callable[..., None],
    arguments: Sequence[Any],
    compression: Compression,
    calibration: Callable[[], Sequence[np.ndarray]],
) -> OnnxModel:
    """The model of a compression; bf16 and fp16 are the runtime's to compute in, so
    their file is that of fp32.

    `export_into(folder, *arguments)` writes the model in fp32 as `MODEL`, with weights
    that are pruned or factorized already; `key` names all that it depends on.
    `calibration` gives utterances (T, F) where the compression asks for some. Raises
    ValueError as `quantize` does, and ElsewhereError where a model cannot be made.
    """
    exported = made({**key, "compression": "fp32"}, export_into, arguments)
    if compression.base in FLOATS:
        return OnnxModel(exported / MODEL)
    heard = list(calibration()) if compression.calibrated else []
    key = {
        **key,
        "compression": compression.name,
        "calibration": arrays_sha256(heard) if compression.calibrated else "",
    }
    folder = made(key, quantize_into, (exported / MODEL, compression, heard))
    facts = json.loads((folder / QUANTIZED).read_text())
    return OnnxModel(folder / MODEL, Quantized.of(facts))


def quantize_into(
    folder: Path,
    fp32: Path,
    compression: Compression,
    calibration: Sequence[np.ndarray],
) -> None:
    """Make the quantized file, and tell beside it what became of the layers."""
    found = quantize(fp32, folder / MODEL, compression, calibration)
    (folder / QUANTIZED).write_text(json.dumps(asdict(found)))
