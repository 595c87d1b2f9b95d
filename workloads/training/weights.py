"""The weights that a case times: which file, and a model with what it holds.

The very same weights are timed on every machine. Small sizes ship with the project, in
the folder `weights` beside their task; others lie in the cache once they were trained,
those of a user's corpus apart. Weights that were trained after a compression, or for
one, are files of their own. torch is imported where a model is made.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from basics.files import file_sha256
from workloads.compression.step import Compression, ModuleStep
from workloads.task import Size, Task
from workloads.training import weight_files
from workloads.training.weight_files import NotTrainedError

if TYPE_CHECKING:
    from torch import nn

COMMAND = "python -m workloads.train"
CONSTANT = "normaliser."  # the names of what is no parameter of the model begin so


@dataclass(frozen=True)
class Weights:
    """The file of a case's weights. `is_fitted`: they were trained after, or for, its
    compression. `reason` says what is missing: then there is no accuracy."""

    path: Path | None
    is_fitted: bool = False
    reason: str | None = None

    @property
    def sha256(self) -> str | None:
        return file_sha256(self.path) if self.path else None

    @property
    def digest(self) -> str:
        """For the key of what is made of them."""
        return self.sha256 or "untrained"


def shipped_dir(task: Task[Any, Any]) -> Path:
    """Where a task's weights lie that come with its package."""
    return Path(str(sys.modules[type(task).__module__].__file__)).parent / "weights"


def weights_name(size: Size, compression: str = "") -> str:
    """Of a file, without its suffix; `compression` is what they were trained after.

    >>> from workloads.separation.sizes import CONV_TASNET
    >>> weights_name(CONV_TASNET, "tucker-30")
    'conv-tasnet-tucker-30'
    """
    return f"{size.name}-{compression}" if compression else size.name


def command_for(size: Size, compression: str = "") -> str:
    """What trains a size into the cache, or trains it again after a compression.

    >>> from workloads.separation.sizes import CONV_TASNET
    >>> command_for(CONV_TASNET, "tucker-30")
    'python -m workloads.train --model conv-tasnet --compression tucker-30'
    """
    more = f" --compression {compression}" if compression else ""
    return f"{COMMAND} --model {size.name}{more}"


def find(
    task: Task[Any, Any],
    size: Size,
    compression: str = "",
    corpus_checksum: str | None = None,
) -> Path:
    """The file: one trained on the corpus of that checksum, the shipped one, else the
    one in the cache.

    Raises `NotTrainedError`, with the command that trains them.
    """
    return weight_files.find_weights(
        weights_name(size, compression),
        weight_files.searched_dirs(shipped_dir(task), corpus_checksum),
        command_for(size, compression),
    )


def weights_of(
    task: Task[Any, Any],
    size: Size,
    compression: Compression,
    corpus_checksum: str | None = None,
) -> Weights:
    """Those that every machine times, or the nearest that there are."""
    missing = None
    if what := compression.trained_name:
        try:
            return Weights(find(task, size, what, corpus_checksum), is_fitted=True)
        except NotTrainedError as error:
            missing = f"not trained after its compression: {error}"
    try:
        path = find(task, size, corpus_checksum=corpus_checksum)
    except NotTrainedError as error:
        return Weights(None, reason=str(error))
    changes_weights = compression.step_of(ModuleStep) is not None
    is_as_good = changes_weights and not task.pruned_needs_training
    return Weights(path, reason=None if is_as_good else missing)


def load_facts(task: Task[Any, Any], size: Size, path: Path) -> dict[str, str]:
    """What stands beside the weights: command, corpus, accuracy reached.

    Raises ValueError for a damaged file, as `weight_files.load_weights` does.
    """
    return weight_files.load_facts(path, _remedy(task, size, path))


def load_constants(
    task: Task[Any, Any], size: Size, path: Path
) -> dict[str, np.ndarray]:
    """What the weights were trained with that is no parameter, without torch.

    Raises ValueError for a damaged file, as `weight_files.load_weights` does.
    """
    remedy = _remedy(task, size, path)
    return weight_files.load_arrays(path, remedy, prefix=CONSTANT)


def load_into(
    task: Task[Any, Any], size: Size, model: nn.Module, path: Path
) -> nn.Module:
    """The same model with the weights of a file, in evaluation mode.

    Raises ValueError for a damaged file, one of another model, or one that was trained
    for another arithmetic.
    """
    loaded = weight_files.load_weights(path, _remedy(task, size, path))
    expected = task.arithmetic(size)
    if expected and (found := loaded.facts.get("arithmetic", "another")) != expected:
        raise ValueError(
            f"{path} was trained for another arithmetic ({found}), expected "
            f"{expected}: {_remedy(task, size, path)}"
        )
    tensors = {
        name: one.float() if one.is_floating_point() else one
        for name, one in loaded.tensors.items()
        if not name.startswith(CONSTANT)
    }
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise ValueError(f"{path} is not of {size.name}: {error}") from error
    return model.eval()


def untrained(task: Task[Any, Any], size: Size) -> nn.Module:
    """Random weights, the same in every process, for timing alone."""
    import torch

    torch.manual_seed(0)
    return task.model(size).eval()


def load(task: Task[Any, Any], size: Size, path: Path | None) -> nn.Module:
    """A model in evaluation mode; without a path its weights are random."""
    model = untrained(task, size)
    return model if path is None else load_into(task, size, model, path)


def save(
    task: Task[Any, Any],
    size: Size,
    state: Mapping[str, Any],
    constants: Mapping[str, np.ndarray],
    facts: Mapping[str, str],
    path: Path,
) -> None:
    """Write a model's state, its constants and `facts`, and the checksum beside."""
    kept = {name: one.detach().cpu() for name, one in state.items()}
    if task.stored_in_half:
        kept = {
            name: one.half() if one.is_floating_point() else one
            for name, one in kept.items()
        }
    arithmetic = task.arithmetic(size)
    more = {"arithmetic": arithmetic} if arithmetic else {}
    weight_files.save_weights({**kept, **constants}, {**facts, **more}, path)


def _remedy(task: Task[Any, Any], size: Size, path: Path) -> str:
    if path.parent == shipped_dir(task):
        return "install the project again"
    compression = path.stem.removeprefix(size.name).removeprefix("-")
    return f"run `{command_for(size, compression)}`"
