"""Loss and gradients of a first optimizer step, to compare with a plain path."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from workloads.task import Size, Task
from workloads.training.learner import Learner
from workloads.training.loop import Job
from workloads.training.objective import ALONE
from workloads.training.recipe import LOSS, Recipe
from workloads.training.weights import Weights, load_into
from workloads.values import plain

MOST_ENTRIES = 4096  # of a gradient that are compared, evenly over it
FEW_NUMBERS = 2


def learner_of(job: Job, device: torch.device, weights: Path | None = None) -> Learner:
    """With the weights of a file, else those that a training of this seed begins
    with."""
    torch.manual_seed(job.recipe.seed)
    model = job.task.model(job.size)
    if weights is not None:
        model = load_into(job.task, job.size, model, weights)
    objective = job.task.objective(job.size, job.recipe, job.data, device, ALONE)
    return Learner(model, objective, job.recipe, device)


def first_gradients(learner: Learner, batch: Any) -> dict[str, np.ndarray]:
    """The summed loss of an optimizer step, and some entries of each parameter's
    gradient, by name. Dropout is off: its draws are not those of another precision.

    Parameters of one number or two, such as a PReLU's, are left out: their gradients
    are sums of many terms that may cancel, and then rounding is all that is left.
    """
    for module in learner.model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    loss = learner.update(batch, len(batch))
    found = {LOSS: np.array([float(loss)])}
    for name, parameter in learner.model.named_parameters():
        if parameter.numel() <= FEW_NUMBERS:
            continue
        assert parameter.grad is not None
        entries = parameter.grad.flatten()
        step = -(-len(entries) // MOST_ENTRIES)
        found[name] = entries[::step].float().cpu().numpy()
    return found


def plain_gradients(
    job: Job, positions: Sequence[int], weights: Weights
) -> dict[str, np.ndarray]:
    """The same in fp32 on a plain path, for the training items at these positions: of
    the weights that the recipe's seed gives where there are none."""
    recipe = replace(job.recipe, precision="fp32", batch_size=len(positions))
    key = {
        "model": job.size.name,
        "weights": weights.digest,
        "gradients": job.data.checksum,
        "recipe": json.dumps(asdict(recipe), sort_keys=True),
        "positions": " ".join(map(str, positions)),
    }
    # Each by itself: what is kept depends on the code of the arguments' classes.
    of_job = (job.task, job.size, recipe, job.data)
    arguments = (*of_job, tuple(positions), weights.path)
    return plain.plain_outputs(key, write_gradients, arguments, [])


def write_gradients(
    folder: Path,
    task: Task[Any, Any],
    size: Size,
    recipe: Recipe,
    data: Any,
    positions: Sequence[int],
    weights: Path | None,
    _: Sequence[np.ndarray],
) -> None:
    def compute() -> dict[str, np.ndarray]:
        job = Job(task, size, recipe, data)
        learner = learner_of(job, torch.device("cpu"), weights)
        return first_gradients(learner, learner.objective.batch(positions))

    plain.write(folder, compute)
