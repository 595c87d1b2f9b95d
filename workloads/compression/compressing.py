"""A task's model of which weights were pruned or factorized, trained after it or not.

Weights that were trained after it are stored in the shapes that training had: a
structurally pruned model's are those of the dense one, and its channels of zeros are
taken out on loading.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from workloads.compression.factorization.factorize import (
    factorize,
    structure_like,
    untouched,
)
from workloads.compression.names import Compression, Pruning
from workloads.compression.pruning.importance import PruningChoice, gradient_magnitudes
from workloads.compression.pruning.masks import left as unpruned
from workloads.compression.pruning.prune import prune
from workloads.compression.pruning.shrink import shrink
from workloads.compression.skipped import SkippedLayer
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
    if weights.is_fitted and weights.path is not None:
        model = structure_of(task, size, compression)
        return ready(task, load_into(task, size, model, weights.path), compression)
    return compress(task, load(task, size, weights.path), compression, sample)


def structure_of(
    task: Task[Any, Any], size: Size, compression: Compression
) -> nn.Module:
    """The modules that weights fit which were trained after a compression."""
    model = untrained(task, size)
    if factorization := compression.factorization:
        return structure_like(model, factorization.method, factorization.percent)
    return model


def ready(
    task: Task[Any, Any], model: nn.Module, compression: Compression
) -> nn.Module:
    """The model without channels of zeros where whole channels were pruned."""
    if compression.pruning and compression.pruning.structured:
        return shrink(model, task.channel_groups(model)).eval()
    return model.eval()


def compress(
    task: Task[Any, Any],
    model: nn.Module,
    compression: Compression,
    sample: Sequence[Any] = (),
) -> nn.Module:
    """A copy, pruned or factorized as the compression says, without any training; the
    model itself where it asks for neither."""
    if factorization := compression.factorization:
        return factorize(model, factorization.method, factorization.percent).model
    if compression.pruning:
        recipe = pruning_recipe(task, model, compression.pruning, sample)
        return ready(task, prune(model, recipe).model, compression)
    return model


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
    model = untrained(task, size)
    if factorization := compression.factorization:
        left = untouched(model, factorization.method, factorization.percent)
    elif compression.pruning:
        left = unpruned(model, pruning_recipe(task, model, compression.pruning, ()))
    else:
        return ChangedLayers(0, ())
    weighted = sum(
        any(p.ndim > 1 for p in module.parameters(recurse=False))
        for module in model.modules()
    )
    return ChangedLayers(weighted - len(left), left)


def pruning_recipe(
    task: Task[Any, Any], model: nn.Module, pruning: Pruning, sample: Sequence[Any]
) -> PruningChoice:
    """What a pruning needs of this model and of some training items."""

    def gradients(current: nn.Module) -> dict[str, Tensor]:
        return gradient_magnitudes(current, sample, task.gradient_loss)

    groups = task.channel_groups(model) if pruning.structured else ()
    return PruningChoice(pruning, groups, gradients if sample else None)
