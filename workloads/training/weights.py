"""The weights that a case times, the very same on every machine.

`NAME.safetensors` holds tensors, among them the normaliser of the training set;
`NAME.json` beside it the file's SHA-256 and the facts: the command that made it and
what it reached. Small sizes ship in the folder `weights` beside their task; others lie
in the cache once they were trained, those of a user's corpus apart. Weights that were
trained after a compression, or for one, are files of their own.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from basics.files import file_sha256, write_file, write_whole
from workloads.compression.step import Compression, ModuleStep
from workloads.corpora.cache import default_cache_dir
from workloads.task import Size, Task

if TYPE_CHECKING:
    from torch import nn

COMMAND = "python -m workloads.train"
CONSTANT = "normaliser."  # the names of what is no parameter of the model begin so
MAX_BYTES = 8 * 1024 * 1024  # of a workload's weights that ship with the project


class WeightsError(ValueError):
    """A file of weights cannot be used; the text names the remedy."""


class NotTrainedError(WeightsError):
    """There are no trained weights of a name; the text names the command that makes
    them."""


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


def trained_dir(corpus_checksum: str | None = None) -> Path:
    """Where weights trained on demand are kept, of the built-in corpora or a user's."""
    folder = default_cache_dir() / "weights"
    return folder / f"corpus-{corpus_checksum[:16]}" if corpus_checksum else folder


def of_one_corpus(one: Path, other: Path, corpus_checksum: str) -> bool:
    """Whether the weights of both files were trained on the very corpus, or neither's:
    else their errors on it differ by what they were trained on."""
    own = trained_dir(corpus_checksum)
    return (one.parent == own) == (other.parent == own)


def weights_name(size: Size, compression: str = "") -> str:
    """Of a file, without its suffix; `compression` is what they were trained after."""
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
    name = weights_name(size, compression)
    own = (trained_dir(corpus_checksum),) if corpus_checksum else ()
    for directory in (*own, shipped_dir(task), trained_dir()):
        if (path := directory / f"{name}.safetensors").exists():
            return path
    command = command_for(size, compression)
    raise NotTrainedError(f"no trained weights of {name}: run `{command}`")


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

    Raises WeightsError where the file is damaged or the one with its checksum is
    missing.
    """
    beside, remedy = path.with_suffix(".json"), _remedy(task, size, path)
    try:
        facts: dict[str, str] = json.loads(beside.read_text())
        expected = facts.pop("sha256")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(
            f"cannot read the checksum of {path} from {beside} ({error!r}): {remedy}"
        ) from error
    if (found := file_sha256(path)) != expected:
        raise WeightsError(
            f"{path} has SHA-256 {found}, expected {expected}: the file is damaged; "
            f"{remedy}"
        )
    return facts


def _remedy(task: Task[Any, Any], size: Size, path: Path) -> str:
    if path.parent == shipped_dir(task):
        return "install the project again"
    compression = path.stem.removeprefix(size.name).removeprefix("-")
    return f"run `{command_for(size, compression)}`"


def load_constants(
    task: Task[Any, Any], size: Size, path: Path
) -> dict[str, np.ndarray]:
    """What the weights were trained with that is no parameter, without torch. Raises as
    `load_facts` does."""
    from safetensors import safe_open

    load_facts(task, size, path)
    with safe_open(path, "np") as file:  # not all of it: memory is measured
        names = [key for key in file.keys() if key.startswith(CONSTANT)]  # noqa: SIM118
        return {key: file.get_tensor(key) for key in names}


def data_for(task: Task[Any, Any], size: Size, data: Any, path: Path | None) -> Any:
    """Data as the weights of a file take them; without a file, as they are."""
    if path is None:
        return data
    return task.with_constants(data, load_constants(task, size, path))


def load_into(
    task: Task[Any, Any], size: Size, model: nn.Module, path: Path
) -> nn.Module:
    """The same model with the weights of a file, in evaluation mode.

    Raises WeightsError as `load_facts` does, for weights of another model, and for
    those that were trained for another arithmetic.
    """
    from safetensors.torch import load_file

    facts, expected = load_facts(task, size, path), task.arithmetic(size)
    if expected and (found := facts.get("arithmetic", "another")) != expected:
        raise WeightsError(
            f"{path} was trained for another arithmetic ({found}), expected "
            f"{expected}: {_remedy(task, size, path)}"
        )
    tensors = {
        name: one.float() if one.is_floating_point() else one
        for name, one in load_file(path).items()
        if not name.startswith(CONSTANT)
    }
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise WeightsError(f"{path} is not of {size.name}: {error}") from error
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
    """Write a model's state, its constants and `facts`, and the checksum beside; each
    file takes its name only when it is whole."""
    import torch
    from safetensors.torch import save as content_of

    def kept(one: torch.Tensor) -> torch.Tensor:
        halved = task.stored_in_half and one.is_floating_point()
        return (one.half() if halved else one).detach().cpu().contiguous()

    tensors = {name: kept(one) for name, one in state.items()}
    tensors |= {name: torch.tensor(one) for name, one in constants.items()}
    if arithmetic := task.arithmetic(size):
        facts = {**facts, "arithmetic": arithmetic}
    content = content_of(tensors, metadata=dict(facts))
    beside = {"sha256": hashlib.sha256(content).hexdigest(), **facts}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, lambda file: file.write(content))
    path.chmod(0o644)  # whoever runs the suite may read them
    write_whole(path.with_suffix(".json"), json.dumps(beside, indent=1) + "\n")


def check_shippable(path: Path) -> None:
    """WeightsError for a file that is, with those beside it, too large to ship with the
    project."""
    size = path.stat().st_size
    together = sum(one.stat().st_size for one in path.parent.glob("*.safetensors"))
    if together > MAX_BYTES:
        raise WeightsError(
            f"{path} has {size} bytes, and {together} with those beside it, expected "
            f"at most {MAX_BYTES} to ship: train it into the cache, without --ship"
        )
