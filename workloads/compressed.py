"""A task's model after a compression: as a module, as an ONNX file, on a plain path.

Each is made once, in a process of its own, and kept: making it loads other libraries
and takes more memory than running it does, which a process that is timed must not show.

Axes: `B` items, `T` frames, `F` features. torch is loaded where a module is asked for.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workloads.compression.artifacts import made
from workloads.compression.entropy import compressed_bytes
from workloads.compression.quantization import Quantized, quantize
from workloads.compression.skipped import by_reason
from workloads.compression.step import Compression, FileStep, ModuleStep
from workloads.corpora.cache import arrays_sha256
from workloads.task import Size, Task
from workloads.training.weights import Weights, load, load_into, untrained
from workloads.values import plain

if TYPE_CHECKING:
    from torch import nn

MODULE, FACTS = "module.pt", "facts.json"
MODEL, QUANTIZED = "model.onnx", "quantized.pickle"
GRADIENT_ITEMS = 16  # of which a pruning by gradients takes the loss


@dataclass(frozen=True)
class CompressedModel:
    """A size of a task with its weights, pruned or factorized as the compression says;
    `data` gives what that, or quantization, takes of the training part."""

    task: Task[Any, Any]
    size: Size
    compression: Compression
    weights: Weights
    data: Any

    @cached_property
    def file(self) -> ModuleFile:
        """The module in fp32, made now or before."""
        sample = self._gradient_sample
        key = {
            "model": self.size.name,
            "compressed": self.compression.weights_name,
            "weights": self.weights.digest,
            "fitted": str(self.weights.is_fitted),
            "gradients": self.data.checksum if sample else "",
        }
        arguments = (self.task, self.size, self.compression, self.weights, sample)
        folder = made(key, write_module, arguments)
        facts = json.loads((folder / FACTS).read_text())
        return ModuleFile(key, folder / MODULE, facts)

    @property
    def _gradient_sample(self) -> Sequence[Any]:
        if "gradients" not in self.compression.needs or self.weights.is_fitted:
            return ()
        return self.task.gradient_sample(self.data, GRADIENT_ITEMS)

    def module(self) -> nn.Module:
        """In evaluation mode, not deployed yet."""
        return load_module(self.file.path)

    def made_here(self) -> nn.Module:
        """The module, made in this process, for whoever neither times it nor wants it
        kept."""
        sample = self._gradient_sample
        return compressed(self.task, self.size, self.compression, self.weights, sample)

    def onnx(self) -> OnnxModel:
        """Its file, quantized where the compression says so: bf16 and fp16 are the
        runtime's to compute in.

        Raises ValueError as `quantize` does, ElsewhereError where it cannot be made.
        """
        key, arguments = self.file.key, (self.task, self.size, self.file.path)
        fp32 = made({**key, "compression": "fp32"}, export_into, arguments) / MODEL
        step = self.compression.step_of(FileStep)
        if step is None:
            return OnnxModel(fp32)
        calibrated = "calibration" in step.needs
        calibration = list(self.task.calibration(self.data)) if calibrated else []
        key = {
            **key,
            "compression": self.compression.name,
            "calibration": arrays_sha256(calibration) if calibration else "",
        }
        front = self.task.front_layers(self.size)
        if front:
            key["front"] = str(front)
        given = (fp32, self.compression, calibration, front)
        folder = made(key, quantize_into, given)
        # The file is ours, and its checksum was compared.
        quantized = pickle.loads((folder / QUANTIZED).read_bytes())
        return OnnxModel(folder / MODEL, quantized)

    def plain_outputs(self, features: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        """What the module makes of each batch (B, T, F) on a plain path, by
        position."""
        key = {**self.file.key, "module": self.file.path.parent.name}
        arguments = (self.task, self.file.path)
        return plain.plain_outputs(key, write_outputs, arguments, features)


def compressed(
    task: Task[Any, Any],
    size: Size,
    compression: Compression,
    weights: Weights,
    sample: Sequence[Any] = (),
) -> nn.Module:
    """The model of a compression in fp32, ready to run: with weights that were trained
    after it, else compressed here; `sample` holds training items, of which a pruning by
    gradients needs some.

    Trained weights have the shapes of training: channels of zeros are taken out here.
    """
    step = compression.step_of(ModuleStep)
    if step is None or not weights.is_fitted or weights.path is None:
        return compress(task, load(task, size, weights.path), compression, sample)
    model = step.structure(untrained(task, size))
    return step.ready(task, load_into(task, size, model, weights.path))


def compress(
    task: Task[Any, Any],
    model: nn.Module,
    compression: Compression,
    sample: Sequence[Any] = (),
) -> nn.Module:
    """A copy, pruned or factorized as the compression says, without any training; the
    model itself where it asks for neither."""
    step = compression.step_of(ModuleStep)
    if step is None:
        return model
    return step.ready(task, step.applied(task, model, sample))


@dataclass(frozen=True)
class ModuleFile:
    """A file with a module in fp32, in evaluation mode; the key of all that it depends
    on, and what was counted of it."""

    key: Mapping[str, str]
    path: Path
    facts: Mapping[str, Any]


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


def load_module(path: Path) -> nn.Module:
    """The module of a file that `write_module` wrote."""
    import torch

    # Not weights alone: shrunk and factorized layers have shapes of their own. The file
    # is ours, and its checksum was compared.
    found: nn.Module = torch.load(path, weights_only=False)
    return found


def write_module(
    folder: Path,
    task: Task[Any, Any],
    size: Size,
    compression: Compression,
    weights: Weights,
    sample: Sequence[Any],
) -> None:
    """Make the module, and count it; `sample` is what gradients are taken of."""
    import torch

    model = compressed(task, size, compression, weights, sample)
    torch.save(model, folder / MODULE)
    facts = task.count(size, model) | changes(task, size, compression, model)
    (folder / FACTS).write_text(json.dumps(facts))


def changes(
    task: Task[Any, Any], size: Size, compression: Compression, model: nn.Module
) -> dict[str, int | float | str]:
    """How many layers with weights a compression changed, which it left, and what the
    weights take in formats for many zeros."""
    from workloads.compression.sparse.sizes import model_sizes

    step = compression.step_of(ModuleStep)
    if step is None:
        return {}
    plain_model = untrained(task, size)
    left = step.skipped(task, plain_model)
    weighted = sum(
        any(p.ndim > 1 for p in module.parameters(recurse=False))
        for module in plain_model.modules()
    )
    facts: dict[str, int | float | str] = {
        "layers_changed": weighted - len(left),
        "layers_left": by_reason({one.name: one.reason for one in left}) or "none",
    }
    if not step.leaves_zeros:
        return facts
    sizes = model_sizes(model.state_dict())
    stored = {f"{name}_bytes": n for name, n in sizes.stored_bytes.items()}
    return facts | {"zeros_percent": 100 * sizes.sparsity} | stored


def export_into(folder: Path, task: Task[Any, Any], size: Size, module: Path) -> None:
    """Make the ONNX file of a module."""
    import torch

    from workloads.compression.export import export_onnx

    frames, features = task.example(size)
    example = torch.zeros(1, frames, features)
    deployed = task.deployed(load_module(module)).eval()
    export_onnx(deployed, example, folder / MODEL, *task.onnx_names)


def quantize_into(
    folder: Path,
    fp32: Path,
    compression: Compression,
    calibration: Sequence[np.ndarray],
    front: int,
) -> None:
    """Make the quantized file, and tell beside it what became of the layers."""
    out = folder / MODEL
    found = quantize(fp32, out, compression, calibration, front=front)
    (folder / QUANTIZED).write_bytes(pickle.dumps(found))


def write_outputs(
    folder: Path,
    task: Task[Any, Any],
    module: Path,
    features: Sequence[np.ndarray],
) -> None:
    """Write what a module makes of each batch (B, T, F)."""
    import torch

    deployed = task.deployed(load_module(module)).eval()

    def compute() -> dict[str, np.ndarray]:
        with torch.inference_mode():
            made_of = (deployed(torch.from_numpy(one)) for one in features)
            return {str(i): one.numpy() for i, one in enumerate(made_of)}

    plain.write(folder, compute)
