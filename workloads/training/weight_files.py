"""Trained weights in files that are checked before they are used.

`NAME.safetensors` holds tensors, among them the normaliser of the training set;
`NAME.json` beside it holds the file's SHA-256 and the facts: the command that made it
and what it reached. Small ones ship with the project, others lie in the cache once they
were trained. Only what needs torch loads it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from basics.files import file_sha256, write_file, write_whole
from workloads.corpora.cache import default_cache_dir

if TYPE_CHECKING:
    from torch import Tensor

MAX_BYTES = 8 * 1024 * 1024  # of a workload's weights that ship with the project


class NotTrainedError(ValueError):
    """There are no trained weights of a name; the text names the command that makes
    them."""


class WeightFile(NamedTuple):
    """The content of a file of weights, after its checksum was compared."""

    tensors: dict[str, Tensor]
    facts: dict[str, str]
    sha256: str


def trained_dir(corpus_checksum: str | None = None) -> Path:
    """Where weights trained on demand are kept: those of the built-in corpora, or those
    of a user's corpus."""
    folder = default_cache_dir() / "weights"
    return folder / f"corpus-{corpus_checksum[:16]}" if corpus_checksum else folder


def searched_dirs(shipped: Path, corpus_checksum: str | None) -> tuple[Path, ...]:
    """Where weights are looked for, first of all among those that were trained on the
    very corpus."""
    own = (trained_dir(corpus_checksum),) if corpus_checksum else ()
    return (*own, shipped, trained_dir())


def of_one_corpus(one: Path, other: Path, corpus_checksum: str) -> bool:
    """Whether the weights of both files were trained on the very corpus, or neither's:
    else their errors on it differ by what they were trained on."""
    own = trained_dir(corpus_checksum)
    return (one.parent == own) == (other.parent == own)


def find_weights(name: str, directories: Sequence[Path], command: str) -> Path:
    """The file of the first of `directories` that has the weights.

    Raises NotTrainedError, with the `command` that trains them, where none has.
    """
    paths = [directory / f"{name}.safetensors" for directory in directories]
    for path in paths:
        if path.exists():
            return path
    raise NotTrainedError(f"no trained weights of {name}: run `{command}`")


def save_weights(
    state: Mapping[str, Tensor | np.ndarray], facts: Mapping[str, str], path: Path
) -> None:
    """Write weights and `facts`, and the checksum beside them; each file takes its
    name only when it is whole."""
    import torch
    from safetensors.torch import save

    tensors = {
        key: torch.as_tensor(
            np.array(value) if isinstance(value, np.ndarray) else value
        ).contiguous()
        for key, value in state.items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    content = save(tensors, metadata=dict(facts))
    beside = {"sha256": hashlib.sha256(content).hexdigest(), **facts}
    write_file(path, lambda file: file.write(content))
    path.chmod(0o644)  # whoever runs the suite may read them
    write_whole(path.with_suffix(".json"), json.dumps(beside, indent=1) + "\n")


def load_weights(path: Path, remedy: str) -> WeightFile:
    """Tensors on the host, facts and checksum.

    Raises ValueError, which ends with the `remedy`, where the file is damaged or the
    one with its checksum is missing.
    """
    from safetensors import safe_open

    facts, sha256 = _checked(path, remedy)
    with safe_open(path, "pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    return WeightFile(tensors, facts, sha256)


def load_facts(path: Path, remedy: str) -> dict[str, str]:
    """The facts alone. Raises as `load_weights` does."""
    return _checked(path, remedy)[0]


def load_arrays(path: Path, remedy: str, prefix: str = "") -> dict[str, np.ndarray]:
    """The tensors whose names begin with `prefix`, for whoever must not load torch.

    Raises as `load_weights` does.
    """
    from safetensors import safe_open

    _checked(path, remedy)
    with safe_open(path, "np") as file:
        names = [key for key in file.keys() if key.startswith(prefix)]  # noqa: SIM118
        return {key: file.get_tensor(key) for key in names}


def _checked(path: Path, remedy: str) -> tuple[dict[str, str], str]:
    """Facts and checksum, after comparing the file's with the one written beside it."""
    beside = path.with_suffix(".json")
    try:
        facts = json.loads(beside.read_text())
        expected = facts.pop("sha256")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"cannot read the checksum of {path} from {beside} ({error!r}): {remedy}"
        ) from error
    found = file_sha256(path)
    if found != expected:
        raise ValueError(
            f"{path} has SHA-256 {found}, expected {expected}: the file is damaged; "
            f"{remedy}"
        )
    return facts, found


def check_shippable(path: Path) -> None:
    """ValueError for weights that are, with those beside them, too large to ship with
    the project."""
    size = path.stat().st_size
    together = sum(one.stat().st_size for one in path.parent.glob("*.safetensors"))
    if together > MAX_BYTES:
        raise ValueError(
            f"{path} has {size} bytes, and {together} with those beside it, expected "
            f"at most {MAX_BYTES} to ship: train it into the cache, without --ship"
        )
