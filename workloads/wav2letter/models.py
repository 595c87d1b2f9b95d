"""A model as a case wants it: exported, pruned, quantized; made once, then cached.

Axes: `B` utterances, `T` frames, `F` = 40 features. torch is loaded where a torch model
is asked for, and in the processes that make ONNX files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from basics.files import file_sha256
from workloads.compression import onnx_models
from workloads.compression.names import Compression, Pruning
from workloads.compression.onnx_models import MODEL, OnnxModel
from workloads.feeding.normaliser import Normaliser
from workloads.values import plain
from workloads.wav2letter import trained
from workloads.wav2letter.dataset import Part
from workloads.wav2letter.sizes import FEATURES, SIZES, Wav2LetterSize

if TYPE_CHECKING:
    from torch import nn

CALIBRATION_UTTERANCES = 32
EXAMPLE_FRAMES = 100


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
    calibration: Callable[[], Sequence[np.ndarray]],
) -> OnnxModel:
    """The model of a compression, as `onnx_models.onnx_model` says; without `weights`
    they are random."""
    key, arguments = _made_of(size, compression, weights)
    return onnx_models.onnx_model(key, export_into, arguments, compression, calibration)


def _made_of(
    size: Wav2LetterSize, compression: Compression, weights: Path | None
) -> tuple[dict[str, str], tuple[str, Path | None, int | None]]:
    """What a model in fp32 depends on, and what makes it."""
    percent = _percent(compression)
    key = {
        "model": size.name,
        "weights": file_sha256(weights) if weights else "untrained",
        "pruned": str(percent or ""),
    }
    return key, (size.name, weights, percent)


def export_into(
    folder: Path, size_name: str, weights: Path | None, percent: int | None
) -> None:
    """Make the ONNX file of a size's weights, pruned or not."""
    import torch

    from workloads.compression.export import export_onnx

    model = _pruned(trained.load_model(SIZES[size_name], weights), percent)
    example = torch.zeros(1, EXAMPLE_FRAMES, FEATURES)
    export_onnx(model, example, folder / MODEL, output_name="log_probs")


def log_probs_into(
    folder: Path,
    size_name: str,
    weights: Path | None,
    percent: int | None,
    features: Sequence[np.ndarray],
) -> None:
    """Write what the weights, pruned or not, make of features (B, T, 40) on a plain
    path in fp32."""

    def load() -> Callable[[np.ndarray], np.ndarray]:
        import torch

        model = _pruned(trained.load_model(SIZES[size_name], weights), percent)
        return lambda one: model.eval()(torch.from_numpy(one)).numpy()

    plain.write(folder, plain.outputs_of(load, features))


def plain_log_probs(
    size: Wav2LetterSize,
    compression: Compression,
    weights: Path | None,
    features: Sequence[np.ndarray],
) -> dict[str, np.ndarray]:
    """What `log_probs_into` writes, by position."""
    key, arguments = _made_of(size, compression, weights)
    return plain.plain_outputs(key, log_probs_into, arguments, features)


def torch_model(
    size: Wav2LetterSize,
    compression: Compression,
    weights: Path | None,
    calibration: Sequence[np.ndarray],
) -> nn.Module:
    """The module of a compression, in fp32 where it is not quantized."""
    import torch

    from workloads.compression.pt2e import quantize_for_compile

    model = _pruned(trained.load_model(size, weights), _percent(compression))
    if not compression.calibrated:
        return model
    example = torch.zeros(1, EXAMPLE_FRAMES, FEATURES)
    return quantize_for_compile(model, example, calibration, compression.keep)


def _percent(compression: Compression) -> int | None:
    """How many of each layer's weights are pruned.

    Raises ValueError for what is not done to this model before it is stored.
    """
    pruning = compression.pruning
    if not compression.reshaped:
        return None
    if pruning != Pruning("l1", False, pruning.percent if pruning else 1) or (
        compression.factorization
    ):
        raise ValueError(
            f"{compression.name} is not for Wav2Letter: of what changes weights, it "
            "takes prune-l1-unstructured-PERCENT alone"
        )
    return pruning.percent


def _pruned(model: nn.Module, percent: int | None) -> nn.Module:
    from workloads.compression.pruning.importance import PruningChoice
    from workloads.compression.pruning.prune import prune

    if percent is None:
        return model
    return prune(model, PruningChoice(Pruning("l1", False, percent))).model
