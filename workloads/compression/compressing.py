"""A task's model of which weights were pruned or factorized, trained after it or not.

Weights that were trained after it are stored in the shapes that training had: a
structurally pruned model's are those of the dense one, and its channels of zeros are
taken out on loading.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from workloads.compression.skipped import SkippedLayer
from workloads.compression.step import Compression, ModuleStep
from workloads.task import Size, Task
from workloads.training.weights import Weights, load, load_into, untrained


def compressed(
    task: Task[Any, Any],
    size: Size,
    compression: Compression,
    weights: Weights,
    sample: Sequence[Any] = (),
) -> nn.Module:
    """The model of a compression in fp32, ready to run: with weights that were trained
    after it, else compressed here; `sample` holds training items, of which a pruning by
    gradients needs some."""
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
class ChangedLayers:
    """How many layers with weights a compression changes, and which are `left`."""

    changed: int
    left: tuple[SkippedLayer, ...]


def changed_layers(
    task: Task[Any, Any], size: Size, compression: Compression
) -> ChangedLayers:
    """What pruning or factorizing a size does to its layers; without either, nothing
    is changed and nothing left."""
    step = compression.step_of(ModuleStep)
    if step is None:
        return ChangedLayers(0, ())
    model = untrained(task, size)
    left = step.skipped(task, model)
    weighted = sum(
        any(p.ndim > 1 for p in module.parameters(recurse=False))
        for module in model.modules()
    )
    return ChangedLayers(weighted - len(left), left)
