"""Trained weights: the very same on every machine, checked before they are used.

Small sizes ship with the project; others lie in the cache once they were trained.
Shipped ones come first: what was trained of their size into the cache is not loaded.
`NAME.safetensors` holds weights and the normaliser of the training set, `NAME.json`
beside it the checksum, the command that trained them and the errors reached.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from workloads.asr.ds2 import DS2_PAPER, SIZES, DeepSpeech2, DeepSpeech2Size
from workloads.asr.features import FEATURES, Normaliser
from workloads.corpora.cache import default_cache_dir, file_sha256

SHIPPED = Path(__file__).parent / "weights"
COMMAND = "python -m workloads.asr.train_weights"


class NotTrainedError(ValueError):
    """There are no trained weights of a size; the text names the command that makes
    them."""


@dataclass(frozen=True, eq=False)
class Trained:
    """A model in evaluation mode and its normaliser.

    `reason` says why its weights are not trained, where they are not; where they are,
    `sha256` is that of their file.
    """

    model: DeepSpeech2
    normaliser: Normaliser
    reason: str | None = None
    sha256: str | None = None


def command_for(size_name: str) -> str:
    """What trains a size into the cache: on little speech where it is small.

    >>> command_for("ds2-small")
    'python -m workloads.asr.train_weights --size ds2-small'
    """
    command = f"{COMMAND} --size {size_name}"
    if size_name == DS2_PAPER.name:
        return f"{command} --train-s 36000 --device cuda:0"
    return command


def trained_dir() -> Path:
    """Where weights trained on demand are kept."""
    return default_cache_dir() / "weights"


def load_trained(name: str, directories: Sequence[Path] = ()) -> Trained:
    """Weights by the size's name, from the first of `directories` that has them: the
    shipped ones, then those in the cache.

    Raises NotTrainedError where there are none, ValueError where a file is damaged, or
    the one with its checksum is missing.
    """
    searched = directories or (SHIPPED, trained_dir())
    paths = [directory / f"{name}.safetensors" for directory in searched]
    path = next((path for path in paths if path.exists()), None)
    if path is None:
        raise NotTrainedError(
            f"no trained weights of {name}: run `{command_for(name)}`"
        )
    sha256 = _checked_sha256(path)
    with safe_open(path, "pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    mean, std = (tensors.pop(f"normaliser.{x}").numpy() for x in ("mean", "std"))
    model = DeepSpeech2(SIZES[name])
    model.load_state_dict(tensors)
    return Trained(model.eval(), Normaliser(mean, std), sha256=sha256)


def _checked_sha256(path: Path) -> str:
    """The file's, after comparing it with the one that is written beside it."""
    again = f"run `{command_for(path.stem)}`"
    remedy = "install the project again" if path.parent == SHIPPED else again
    facts = path.with_suffix(".json")
    try:
        expected = json.loads(facts.read_text())["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"cannot read the checksum of {path} from {facts} ({error!r}): {remedy}"
        ) from error
    found = file_sha256(path)
    if found != expected:
        raise ValueError(
            f"{path} has SHA-256 {found}, expected {expected}: the file is damaged; "
            f"{remedy}"
        )
    return found


def untrained(size: DeepSpeech2Size, reason: str) -> Trained:
    """Random weights, for timing alone: whoever uses them passes the reason on."""
    torch.manual_seed(0)
    ones = np.ones(FEATURES, np.float32)
    return Trained(DeepSpeech2(size).eval(), Normaliser(0 * ones, ones), reason)


def save_trained(
    state: Mapping[str, torch.Tensor],
    normaliser: Normaliser,
    facts: Mapping[str, str],
    path: Path,
) -> None:
    """Write weights, normaliser and `facts`, and the checksum beside them."""
    moments = {"mean": normaliser.mean, "std": normaliser.std}
    tensors = {key: tensor.contiguous() for key, tensor in state.items()}
    for name, values in moments.items():
        tensors[f"normaliser.{name}"] = torch.from_numpy(np.array(values))
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path, metadata=dict(facts))
    path.chmod(0o644)  # safetensors writes for its owner alone
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    content = json.dumps({"sha256": sha256, **facts}, indent=1)
    path.with_suffix(".json").write_text(content + "\n")
