"""A model as a case wants it: exported, pruned, quantized; made once, then cached.

Axes: `B` utterances, `T` frames, `F` = 40 features. torch is loaded where a torch model
is asked for, and in the processes that make ONNX files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from workloads.compression.artifacts import made
from workloads.compression.names import Compression
from workloads.compression.quantization import Quantized, quantize
from workloads.corpora.cache import file_sha256
from workloads.feeding.normaliser import Normaliser
from workloads.wav2letter import trained
from workloads.wav2letter.dataset import Part
from workloads.wav2letter.sizes import FEATURES, SIZES, Wav2LetterSize

if TYPE_CHECKING:
    from torch import nn

CALIBRATION_UTTERANCES = 32
EXAMPLE_FRAMES = 100
MODEL, FACTS = "model.onnx", "facts.json"


@dataclass(frozen=True)
class OnnxModel:
    """A file to run, and what became of its layers (None where nothing was done)."""

    path: Path
    quantized: Quantized | None = None

    @property
    def bytes(self) -> int:
        return self.path.stat().st_size


def calibration_of(part: Part, normaliser: Normaliser) -> list[np.ndarray]:
    """Normalised features (T, 40) of utterances that lie evenly over the lengths."""
    order = np.argsort(part.frames, kind="stable")
    count = min(CALIBRATION_UTTERANCES, len(order))
    chosen = order[np.linspace(0, len(order) - 1, count).astype(int)]
    found = []
    for features in part.rows.read([int(i) for i in chosen]):
        normalised = np.empty_like(features)
        normaliser.write(features, normalised)
        found.append(normalised)
    return found


def onnx_model(
    size: Wav2LetterSize,
    compression: Compression,
    weights: Path | None,
    calibration: Sequence[np.ndarray],
) -> OnnxModel:
    """The model of a compression; bf16 and fp16 are the runtime's to compute in, so
    their file is that of fp32.

    Without `weights` they are random. Raises ValueError as `quantize` does, and
    ElsewhereError where a model cannot be made.
    """
    percent = compression.prune_percent
    key = {
        "model": size.name,
        "weights": file_sha256(weights) if weights else "untrained",
        "pruned": str(percent or ""),
    }
    folder = made(
        {**key, "compression": "fp32"}, export_into, (size.name, weights, percent)
    )
    if compression.base in ("fp32", "bf16", "fp16"):
        return OnnxModel(folder / MODEL)
    key |= {"compression": compression.name, "calibration": ""}
    if compression.calibrated:
        key["calibration"] = _sha256(calibration)
    else:
        calibration = ()
    arguments = (folder / MODEL, compression, list(calibration))
    folder = made(key, quantize_into, arguments)
    facts = json.loads((folder / FACTS).read_text())
    return OnnxModel(
        folder / MODEL, Quantized(**{**facts, "kept": tuple(facts["kept"])})
    )


def export_into(
    folder: Path, size_name: str, weights: Path | None, percent: int | None
) -> None:
    """Make the ONNX file of a size's weights, pruned or not."""
    import torch

    from workloads.compression.export import export_onnx

    model = _pruned(trained.load_model(SIZES[size_name], weights), percent)
    example = torch.zeros(1, EXAMPLE_FRAMES, FEATURES)
    export_onnx(model, example, folder / MODEL, output_name="log_probs")


def quantize_into(
    folder: Path,
    fp32: Path,
    compression: Compression,
    calibration: Sequence[np.ndarray],
) -> None:
    """Make the quantized file, and tell beside it what became of the layers."""
    found = quantize(fp32, folder / MODEL, compression, calibration)
    (folder / FACTS).write_text(json.dumps(asdict(found)))


def torch_model(
    size: Wav2LetterSize,
    compression: Compression,
    weights: Path | None,
    calibration: Sequence[np.ndarray],
) -> nn.Module:
    """The module of a compression, in fp32 where it is not quantized."""
    import torch

    from workloads.compression.pt2e import quantize_for_compile

    model = _pruned(trained.load_model(size, weights), compression.prune_percent)
    if not compression.calibrated:
        return model
    example = torch.zeros(1, EXAMPLE_FRAMES, FEATURES)
    return quantize_for_compile(model, example, calibration, compression.keep)


def _pruned(model: nn.Module, percent: int | None) -> nn.Module:
    from workloads.compression.pruning import l1_unstructured

    if percent is not None:
        model.load_state_dict(l1_unstructured(model.state_dict(), percent))
    return model


def _sha256(arrays: Sequence[np.ndarray]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(str(array.shape).encode("ascii") + array.tobytes())
    return digest.hexdigest()
