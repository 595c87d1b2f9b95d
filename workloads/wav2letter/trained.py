"""Trained weights: the very same on every machine, checked before they are used.

Small sizes ship with the project, others lie in the cache once they were trained. They
are stored in half precision and computed with in fp32. torch is imported only where a
model is made of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from workloads import weights
from workloads.feeding.normaliser import Normaliser
from workloads.wav2letter.sizes import Wav2LetterSize

if TYPE_CHECKING:
    from torch import Tensor

    from workloads.wav2letter.model import Wav2Letter

SHIPPED = Path(__file__).parent / "weights"
COMMAND = "python -m workloads.wav2letter.train_weights"
AWARE = "int8-qat"  # the compression whose weights are trained for it


def weights_name(size: Wav2LetterSize, aware: bool = False) -> str:
    """Of a file, without its suffix.

    >>> from workloads.wav2letter.sizes import WAV2LETTER_SMALL
    >>> weights_name(WAV2LETTER_SMALL, aware=True)
    'wav2letter-small-int8-qat'
    """
    return f"{size.name}-{AWARE}" if aware else size.name


def command_for(size: Wav2LetterSize, aware: bool = False) -> str:
    """What trains a size into the cache.

    >>> from workloads.wav2letter.sizes import WAV2LETTER_SMALL
    >>> command_for(WAV2LETTER_SMALL)
    'python -m workloads.wav2letter.train_weights --size wav2letter-small'
    """
    return f"{COMMAND} --size {size.name}{' --qat' if aware else ''}"


def find(
    size: Wav2LetterSize, aware: bool = False, corpus_checksum: str | None = None
) -> Path:
    """The file of the weights: one trained on the corpus of that checksum, the shipped
    one, else the one in the cache.

    Raises `weights.NotTrainedError`, with the command that trains them.
    """
    return weights.find_weights(
        weights_name(size, aware),
        weights.searched_dirs(SHIPPED, corpus_checksum),
        command_for(size, aware),
    )


def load_normaliser(path: Path) -> Normaliser:
    """The one that the weights were trained with.

    Raises ValueError for a damaged file, as `weights.load_arrays` does.
    """
    return Normaliser.taken_from(
        weights.load_arrays(path, _remedy(path), prefix="normaliser.")
    )


def load_facts(path: Path) -> dict[str, str]:
    """What is told beside the weights: command, corpus, errors reached.

    Raises ValueError for a damaged file, as `weights.load_weights` does.
    """
    return weights.load_facts(path, _remedy(path))


def load_model(size: Wav2LetterSize, path: Path | None) -> Wav2Letter:
    """A model in evaluation mode; without a path its weights are random, for timing
    alone.

    Raises ValueError for a damaged file, or one of another size.
    """
    import torch

    from workloads.wav2letter.model import Wav2Letter
    from workloads.wav2letter.training import initialise

    model = Wav2Letter(size)
    if path is None:
        torch.manual_seed(0)
        initialise(model)
        return model.eval()
    tensors = weights.load_weights(path, _remedy(path)).tensors
    Normaliser.taken_from(tensors)
    try:
        model.load_state_dict({name: one.float() for name, one in tensors.items()})
    except RuntimeError as error:
        raise ValueError(f"{path} is not of {size.name}: {error}") from error
    return model.eval()


def save(
    model: Wav2Letter, normaliser: Normaliser, facts: Mapping[str, str], path: Path
) -> None:
    """Write a model's weights, its normaliser and `facts`, and the checksum beside."""
    state: dict[str, Tensor] = {
        name: one.detach().cpu().half() for name, one in model.state_dict().items()
    }
    weights.save_weights({**state, **normaliser.to_arrays()}, facts, path)


def _remedy(path: Path) -> str:
    if path.parent == SHIPPED:
        return "install the project again"
    name = path.stem.removesuffix(f"-{AWARE}")
    aware = " --qat" if path.stem.endswith(AWARE) else ""
    return f"run `{COMMAND} --size {name}{aware}`"
