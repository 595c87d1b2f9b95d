"""A separator as a case wants it: pruned or factorized, exported, quantized.

Axes: `S` samples. torch is loaded where a torch model is asked for, and in the
processes that make ONNX files.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workloads.compression import onnx_models
from workloads.compression.left import by_reason
from workloads.compression.names import Compression
from workloads.compression.onnx_models import FACTS, MODEL, OnnxModel
from workloads.corpora.cache import file_sha256
from workloads.corpora.mixtures.mixture import Signals
from workloads.separation import trained
from workloads.separation.dataset import Part
from workloads.separation.sizes import Size
from workloads.weights import NotTrainedError

if TYPE_CHECKING:
    from torch import nn

CALIBRATION_MIXTURES = 16
EXAMPLE_S = 0.5


@dataclass(frozen=True)
class Weights:
    """The file of a case's weights, and whether they were trained after (or for) its
    compression; `reason` says what is missing."""

    path: Path | None
    mended: bool
    reason: str | None = None

    @property
    def sha256(self) -> str | None:
        return file_sha256(self.path) if self.path else None


def weights_of(size: Size, compression: Compression) -> Weights:
    """The very weights that every machine times, or the nearest there are."""
    try:
        what = compression.trained_name
        return Weights(trained.find(size, what), mended=bool(what))
    except NotTrainedError as missing:
        reason = str(missing)
    try:
        return Weights(trained.find(size), False, f"not fine-tuned: {reason}")
    except NotTrainedError as missing:
        return Weights(None, False, str(missing))


@dataclass(frozen=True)
class Wanted:
    """A separator of a case: everything that its weights depend on. Mixtures of `train`
    serve what is chosen by gradients or by ranges of activations."""

    size: Size
    compression: Compression
    weights: Weights
    train: Part

    def samples_of(self, seconds: float) -> int:
        return round(seconds * self.size.sample_rate_hz)

    def module(self) -> nn.Module:
        """In fp32, pruned or factorized, in evaluation mode."""
        from workloads.separation import compressing

        path = self.weights.path
        if self.weights.mended and path is not None:
            return compressing.load_mended(self.size, self.compression, path)
        base = compressing.load(self.size, path)
        heard = self._heard() if self._needs_gradients else ()
        return compressing.compress(base, self.compression, heard)

    @property
    def _needs_gradients(self) -> bool:
        pruning, mended = self.compression.pruning, self.weights.mended
        return pruning is not None and pruning.criterion == "gradient" and not mended

    @property
    def _heard_name(self) -> str:
        chosen = self.train.mixtures[:CALIBRATION_MIXTURES]
        return " ".join(str(one.mixture.path) for one in chosen)

    def _heard(self) -> list[Signals]:
        chosen = self.train.mixtures[:CALIBRATION_MIXTURES]
        return Part(chosen, self.train.sample_rate_hz).held

    def calibration(self) -> list[np.ndarray]:
        """Waveforms (S, 1) of training mixtures."""
        return [one.mixture[:, None] for one in self._heard()]

    def onnx(self, utterance_s: float) -> OnnxModel:
        """Its file, with the facts of an utterance of so many seconds."""
        key = {
            "model": self.size.name,
            "done": self.compression.weights_name,
            "weights": self.weights.sha256 or "untrained",
            "mended": str(self.weights.mended),
            "utterance_s": f"{utterance_s:g}",
            "heard": self._heard_name if self._needs_gradients else "",
        }
        return onnx_models.onnx_model(
            key, export_into, (self, utterance_s), self.compression, self.calibration
        )


def export_into(folder: Path, wanted: Wanted, utterance_s: float) -> None:
    """Make the ONNX file, and tell beside it what the model costs."""
    import torch

    from workloads.compression.export import export_onnx
    from workloads.separation.framing import OfSamples

    model = wanted.module()
    example = torch.zeros(1, wanted.samples_of(EXAMPLE_S), 1)
    module = OfSamples(model).eval()
    export_onnx(module, example, folder / MODEL, "mixture", "sources")
    found = facts_of(wanted, model, utterance_s)
    (folder / FACTS).write_text(json.dumps(found))


def facts_of(wanted: Wanted, model: nn.Module, utterance_s: float) -> dict[str, Any]:
    """What a model holds, what it does for an utterance of so many seconds, which of
    its layers were changed, and what its weights take in formats for many zeros."""
    from workloads.compression.sparse.sizes import model_sizes
    from workloads.separation.compressing import layers_of
    from workloads.separation.counting import macs_of, parameters_of

    costs = {
        "parameters": parameters_of(model),
        "macs": macs_of(model, wanted.samples_of(utterance_s)),
    }
    if not wanted.compression.reshaped:
        return costs
    layers = layers_of(wanted.size, wanted.compression)
    reasons = by_reason({one.name: one.reason for one in layers.left})
    told = {"layers_changed": layers.changed, "layers_left": reasons or "none"}
    pruning = wanted.compression.pruning
    if pruning is None or pruning.structured:
        return costs | told
    sizes = model_sizes({k: v.numpy() for k, v in model.state_dict().items()})
    stored = {f"{name}_bytes": n for name, n in sizes.stored_bytes.items()}
    return costs | told | {"zeros_percent": 100 * sizes.sparsity} | stored
