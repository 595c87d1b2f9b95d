"""Trained weights: the very same on every machine, checked before they are used.

Shipped ones come first: what was trained of their size into the cache is not loaded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from workloads import weights
from workloads.asr.ds2 import DS2_PAPER, SIZES, DeepSpeech2, DeepSpeech2Size
from workloads.asr.features import FEATURES
from workloads.feeding.normaliser import Normaliser

SHIPPED = Path(__file__).parent / "weights"
COMMAND = "python -m workloads.asr.train_weights"


@dataclass(frozen=True, eq=False)
class Trained:
    """A model in evaluation mode and its normaliser.

    `reason` says why its weights are not trained, where they are not; where they are,
    `path` is their file, `sha256` its checksum, and `corpus_checksum` that of what they
    were trained on.
    """

    model: DeepSpeech2
    normaliser: Normaliser
    reason: str | None = None
    sha256: str | None = None
    corpus_checksum: str | None = None
    path: Path | None = None


def command_for(size_name: str) -> str:
    """What trains a size into the cache: on little speech where it is small.

    >>> command_for("ds2-small")
    'python -m workloads.asr.train_weights --size ds2-small'
    """
    command = f"{COMMAND} --size {size_name}"
    if size_name == DS2_PAPER.name:
        return f"{command} --train-s 36000 --device cuda:0"
    return command


def load_trained(
    name: str, directories: Sequence[Path] = (), corpus_checksum: str | None = None
) -> Trained:
    """Weights by the size's name, from the first of `directories` that has them: those
    trained on the corpus of that checksum, the shipped ones, then those in the cache.

    Raises `weights.NotTrainedError` where there are none, ValueError where a file is
    damaged, or the one with its checksum is missing.
    """
    searched = directories or weights.searched_dirs(SHIPPED, corpus_checksum)
    return read_trained(name, weights.find_weights(name, searched, command_for(name)))


def read_trained(name: str, path: Path) -> Trained:
    """The weights of a size in that very file.

    Raises ValueError where it is damaged, or the one with its checksum is missing.
    """
    again = f"run `{command_for(name)}`"
    remedy = "install the project again" if path.parent == SHIPPED else again
    tensors, facts, sha256 = weights.load_weights(path, remedy)
    normaliser = Normaliser.taken_from(tensors)
    model = DeepSpeech2(SIZES[name])
    model.load_state_dict(tensors)
    trained_on = facts.get("corpus_checksum")
    return Trained(model.eval(), normaliser, None, sha256, trained_on, path)


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
    weights.save_weights({**state, **normaliser.to_arrays()}, facts, path)
