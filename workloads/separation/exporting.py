"""A separator as a case wants it: pruned or factorized, exported, quantized.

Axes: `S` samples. torch is loaded where a torch model is asked for, and in the
processes that make modules and ONNX files.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from basics.files import file_sha256
from workloads.compression import onnx_models
from workloads.compression.artifacts import made
from workloads.compression.names import Compression
from workloads.compression.onnx_models import MODEL, OnnxModel
from workloads.compression.skipped import by_reason
from workloads.corpora.mixtures.mixture import Signals
from workloads.separation import trained
from workloads.separation.dataset import Part
from workloads.separation.sizes import Size
from workloads.values import plain
from workloads.weights import NotTrainedError

if TYPE_CHECKING:
    from torch import nn

CALIBRATION_MIXTURES = 16
EXAMPLE_S = 0.5
MODULE, FACTS = "module.pt", "facts.json"


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


def weights_of(
    size: Size, compression: Compression, corpus_checksum: str | None = None
) -> Weights:
    """The very weights that every machine times, or the nearest there are; those of
    the user's corpus first."""
    find = partial(trained.find, size, corpus_checksum=corpus_checksum)
    try:
        what = compression.trained_name
        return Weights(find(what), mended=bool(what))
    except NotTrainedError as missing:
        reason = str(missing)
    try:
        return Weights(find(), False, f"not fine-tuned: {reason}")
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

    def ready(self, utterance_s: float) -> Ready:
        """The module, made in a process of its own and kept: making it takes more
        memory than running it does, which a process that is timed must not show."""
        key = {
            "model": self.size.name,
            "done": self.compression.weights_name,
            "weights": self.weights.sha256 or "untrained",
            "mended": str(self.weights.mended),
            "utterance_s": f"{utterance_s:g}",
            "heard": self._heard_name if self._needs_gradients else "",
        }
        folder = made(key, make_ready, (self, utterance_s))
        return Ready(key, folder / MODULE, json.loads((folder / FACTS).read_text()))

    def plain_sources(
        self, ready: Ready, waves: Sequence[np.ndarray]
    ) -> dict[str, np.ndarray]:
        """What the module makes of waveforms (B, S, 1) on a plain path, by position."""
        key = {**ready.key, "module": ready.path.parent.name}
        return plain.plain_outputs(key, sources_into, (ready.path,), waves)

    def onnx(self, ready: Ready) -> OnnxModel:
        """Its file."""
        return onnx_models.onnx_model(
            ready.key,
            export_into,
            (ready.path, self.samples_of(EXAMPLE_S)),
            self.compression,
            self.calibration,
        )


@dataclass(frozen=True)
class Ready:
    """A file with a module in fp32, in evaluation mode, the facts of it, and the key of
    all that it depends on."""

    key: Mapping[str, str]
    path: Path
    facts: Mapping[str, int | float | str]

    def module(self) -> nn.Module:
        return load_module(self.path)


def load_module(path: Path) -> nn.Module:
    import torch

    # Not weights alone: shrunk and factorized layers have shapes of their own. The file
    # is ours, and its checksum was compared.
    found: nn.Module = torch.load(path, weights_only=False)
    return found


def make_ready(folder: Path, wanted: Wanted, utterance_s: float) -> None:
    """Make the module, and tell beside it what it costs."""
    import torch

    model = wanted.module()
    torch.save(model, folder / MODULE)
    (folder / FACTS).write_text(json.dumps(facts_of(wanted, model, utterance_s)))


def export_into(folder: Path, module: Path, samples: int) -> None:
    """Make the ONNX file of a module, traced with so many samples."""
    import torch

    from workloads.compression.export import export_onnx
    from workloads.separation.framing import OfSamples

    separator = OfSamples(load_module(module)).eval()
    example = torch.zeros(1, samples, 1)
    export_onnx(separator, example, folder / MODEL, "mixture", "sources")


def sources_into(folder: Path, module: Path, waves: Sequence[np.ndarray]) -> None:
    """Write the sources (B, S, C) that a module makes of waveforms (B, S, 1)."""

    def load() -> Callable[[np.ndarray], np.ndarray]:
        import torch

        from workloads.separation.framing import OfSamples

        separator = OfSamples(load_module(module)).eval()
        return lambda one: separator(torch.from_numpy(one)).numpy()

    plain.write(folder, plain.outputs_of(load, waves))


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
