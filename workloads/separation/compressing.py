"""A separator of which weights were pruned or factorized, fine-tuned or not.

Fine-tuned weights are stored in the shapes that training had: a structurally pruned
model's are those of the dense one, and its channels of zeros are taken out on loading.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from workloads.compression.factorization.factorize import (
    factorize,
    structure_like,
    untouched,
)
from workloads.compression.left import Left
from workloads.compression.names import Compression, Pruning
from workloads.compression.pruning.importance import Recipe, gradient_magnitudes
from workloads.compression.pruning.masks import left as unpruned
from workloads.compression.pruning.prune import prune
from workloads.compression.pruning.shrink import shrink
from workloads.corpora.mixtures.mixture import Signals
from workloads.separation import models, trained
from workloads.separation.channels import channel_groups
from workloads.separation.loss import pit_loss
from workloads.separation.sizes import Size


def load(size: Size, weights: Path | None) -> nn.Module:
    """A model of a size; without a path its weights are random, for timing alone."""
    torch.manual_seed(0)
    model = models.make(size)
    return model.eval() if weights is None else trained.load_into(model, weights)


def load_mended(size: Size, compression: Compression, weights: Path) -> nn.Module:
    """A model whose weights were trained after a compression, ready to run."""
    model = load(size, None)
    if factorization := compression.factorization:
        model = structure_like(model, factorization.method, factorization.percent)
    return ready(trained.load_into(model, weights), compression)


def ready(model: nn.Module, compression: Compression) -> nn.Module:
    """Channels of zeros are taken out where whole channels were pruned."""
    if compression.pruning and compression.pruning.structured:
        return shrink(model, channel_groups(model)).eval()
    return model.eval()


def compress(
    model: nn.Module, compression: Compression, heard: Sequence[Signals] = ()
) -> nn.Module:
    """A copy, pruned or factorized as the compression says, without any training; the
    model itself where it asks for neither.

    `heard` are training mixtures: what goes by gradients needs some.
    """
    if factorization := compression.factorization:
        return factorize(model, factorization.method, factorization.percent).model
    if compression.pruning:
        recipe = pruning_recipe(model, compression.pruning, heard)
        return ready(prune(model, recipe).model, compression)
    return model


@dataclass(frozen=True)
class Layers:
    """The layers with weights: how many a compression changes, and which are `left`."""

    changed: int
    left: tuple[Left, ...]


def layers_of(size: Size, compression: Compression) -> Layers:
    """What pruning or factorizing a size does to its layers; without either, nothing
    is changed and nothing left."""
    model = load(size, None)
    if factorization := compression.factorization:
        left = untouched(model, factorization.method, factorization.percent)
    elif compression.pruning:
        groups = channel_groups(model) if compression.pruning.structured else ()
        left = unpruned(model, Recipe(compression.pruning, groups))
    else:
        return Layers(0, ())
    weighted = sum(
        any(p.ndim > 1 for p in module.parameters(recurse=False))
        for module in model.modules()
    )
    return Layers(weighted - len(left), left)


def pruning_recipe(
    model: nn.Module, pruning: Pruning, heard: Sequence[Signals]
) -> Recipe:
    """What a pruning needs of this model and of some mixtures."""

    def gradients(current: nn.Module) -> dict[str, Tensor]:
        return gradient_magnitudes(current, heard, _loss)

    groups = channel_groups(model) if pruning.structured else ()
    return Recipe(pruning, groups, gradients if heard else None)


def _loss(model: nn.Module, heard: Signals) -> Tensor:
    mixture = torch.from_numpy(np.ascontiguousarray(heard.mixture))
    sources = torch.from_numpy(np.ascontiguousarray(heard.sources))
    return pit_loss(model(mixture[None]), sources[None])
