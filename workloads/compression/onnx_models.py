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
from workloads.compression.entropy import compressed_bytes
from workloads.compression.quantization import Quantized, quantize
from workloads.compression.skipped import by_reason
from workloads.compression.step import Compression, FileStep
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

    @property
    def float_layers(self) -> int:
        """How many layers of a quantized file stayed in float."""
        return self.quantized.float_layers if self.quantized else 0

    @property
    def facts(self) -> dict[str, float | str]:
        """Of a quantized file: what stayed in float, and its size with coded
        weights."""
        if self.quantized is None:
            return {}
        left = by_reason({one.name: one.reason for one in self.quantized.left})
        return {
            "layers_kept_in_float": ", ".join(self.quantized.kept) or "none",
            "huffman_bytes": compressed_bytes(self.path),
            **({"layers_left_in_float": left} if left else {}),
        }


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
    step = compression.step_of(FileStep)
    if step is None:
        return OnnxModel(exported / MODEL)
    heard = list(calibration()) if "calibration" in step.needs else []
    key = {
        **key,
        "compression": compression.name,
        "calibration": arrays_sha256(heard) if heard else "",
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
