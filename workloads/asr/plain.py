"""What the model and its training step compute on a plain path, to compare with.

Axes: `B` utterances, `T` frames, `U` output frames. torch is imported where it runs:
the process that makes plain outputs sets its caps before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workloads.values import plain

if TYPE_CHECKING:
    import torch
    from torch import nn

    from workloads.asr.input_pipeline import Batch
    from workloads.asr.recipe import Recipe
    from workloads.asr.training_step import Learner

MOST_ENTRIES = 4096  # of a gradient that are compared, evenly over it


def true_logits(
    model: nn.Module, features: torch.Tensor, lengths: torch.Tensor
) -> np.ndarray:
    """Logits (B, U, 30) of features (B, T, 93) in fp32, zeros behind true frames."""
    logits, frames = model(features, lengths)
    found = np.array(logits.float().cpu().numpy())
    for row, length in zip(found, frames, strict=True):
        row[int(length) :] = 0.0
    return found


def logits_into(
    folder: Path, size_name: str, weights: Path | None, arrays: Sequence[np.ndarray]
) -> None:
    """Of a size's weights in fp32, untrained ones without their file; `arrays` are
    features and lengths in turn."""

    def load() -> Callable[[Any], np.ndarray]:
        import torch

        from workloads.asr.ds2 import SIZES
        from workloads.asr.trained import read_trained, untrained

        if weights is None:
            model = untrained(SIZES[size_name], "no file is given").model
        else:
            model = read_trained(size_name, weights).model
        return lambda pair: true_logits(model, *map(torch.from_numpy, pair))

    pairs = zip(arrays[::2], arrays[1::2], strict=True)
    plain.write(folder, plain.outputs_of(load, pairs))


def first_gradients(learner: Learner, batch: Batch) -> dict[str, np.ndarray]:
    """The summed loss of an optimizer step, and some entries of each parameter's
    gradient, by name. Dropout is off: its draws are not those of another precision."""
    from torch import nn

    for module in learner.model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    loss = learner.update(batch, len(batch.positions))
    found = {"loss": np.array([float(loss)])}
    for name, parameter in learner.model.named_parameters():
        assert parameter.grad is not None
        entries = parameter.grad.flatten()
        step = -(-len(entries) // MOST_ENTRIES)
        found[name] = entries[::step].float().cpu().numpy()
    return found


def learner_of(size_name: str, recipe: Recipe, device: str) -> Learner:
    """With the weights that a training of this seed begins with."""
    import torch

    from workloads.asr.ds2 import SIZES
    from workloads.asr.training_step import Learner

    torch.manual_seed(recipe.seed)
    return Learner(SIZES[size_name], recipe, torch.device(device))


def arrays_of(batch: Batch) -> list[np.ndarray]:
    """Its tensors on the host, as another process takes them without loading torch."""
    tensors = (batch.features, batch.lengths, batch.targets, batch.target_lengths)
    return [tensor.cpu().numpy() for tensor in tensors]


def gradients_into(
    folder: Path, size_name: str, seed: int, arrays: Sequence[np.ndarray]
) -> None:
    """Of `arrays_of` a batch, in fp32."""

    def compute() -> dict[str, np.ndarray]:
        import torch

        from workloads.asr.input_pipeline import Batch
        from workloads.asr.recipe import Recipe

        recipe = Recipe(seed=seed, batch_size=len(arrays[0]))
        batch = Batch(tuple(range(len(arrays[0]))), *map(torch.from_numpy, arrays))
        return first_gradients(learner_of(size_name, recipe, "cpu"), batch)

    plain.write(folder, compute)
