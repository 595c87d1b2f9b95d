"""Trained weights: the very same on every machine, checked before they are used.

Small sizes ship with the project, others lie in the cache once they were trained; so do
those that were fine-tuned after a compression. They are stored in half precision and
computed with in fp32. torch is imported only where a model is made of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from workloads import weights
from workloads.separation.sizes import SIZES, Size

if TYPE_CHECKING:
    from torch import nn

SHIPPED = Path(__file__).parent / "weights"
COMMAND = "python -m workloads.separation.train_weights"
# Of models that once computed otherwise, with parameters of the same shapes: weights
# trained for that still fit, and separate worse.
ARITHMETIC = {"dptnet": "norms over each sequence, the mean of overlaps"}


def weights_name(size: Size, compression: str = "") -> str:
    """Of a file, without its suffix; `compression` is what its training mended.

    >>> from workloads.separation.sizes import CONV_TASNET
    >>> weights_name(CONV_TASNET, "tucker-30")
    'conv-tasnet-tucker-30'
    """
    return f"{size.name}-{compression}" if compression else size.name


def command_for(size: Size, compression: str = "") -> str:
    """What trains a size into the cache, or fine-tunes it after a compression.

    >>> from workloads.separation.sizes import CONV_TASNET
    >>> command_for(CONV_TASNET)
    'python -m workloads.separation.train_weights --size conv-tasnet'
    """
    more = f" --compression {compression}" if compression else ""
    return f"{COMMAND} --size {size.name}{more}"


def find(size: Size, compression: str = "", corpus_checksum: str | None = None) -> Path:
    """The file of the weights: one trained on the corpus of that checksum, the shipped
    one, else the one in the cache.

    Raises `weights.NotTrainedError`, with the command that trains them.
    """
    return weights.find_weights(
        weights_name(size, compression),
        weights.searched_dirs(SHIPPED, corpus_checksum),
        command_for(size, compression),
    )


def load_facts(path: Path) -> dict[str, str]:
    """What is told beside the weights: command, corpus, losses reached.

    Raises ValueError for a damaged file, as `weights.load_weights` does.
    """
    return weights.load_facts(path, _remedy(path))


def origin_of(path: Path) -> dict[str, str]:
    """What weights that go on from these tell of where they come from: all commands
    that made them, one after the other, and what a note says of these."""
    facts = load_facts(path)
    commands = "; ".join(filter(None, (facts.get("started_from"), facts["command"])))
    note = {"note": facts["note"]} if "note" in facts else {}
    return {"started_from": commands, **note}


def load_into(model: nn.Module, path: Path) -> nn.Module:
    """The same model with the weights of a file, in evaluation mode.

    Raises ValueError for a damaged file, or one of another model.
    """
    loaded = weights.load_weights(path, _remedy(path))
    for fact, expected in _arithmetic(path).items():
        if (found := loaded.facts.get(fact, "an earlier one")) != expected:
            raise ValueError(
                f"{path} was trained for another arithmetic ({found}), expected "
                f"{expected}: {_remedy(path)}"
            )
    tensors = {name: one.float() for name, one in loaded.tensors.items()}
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise ValueError(f"{path} does not fit the model: {error}") from error
    return model.eval()


def save(model: nn.Module, facts: Mapping[str, str], path: Path) -> None:
    """Write a model's weights and `facts`, and the checksum beside."""
    state = {
        name: one.detach().cpu().half() for name, one in model.state_dict().items()
    }
    weights.save_weights(state, {**facts, **_arithmetic(path)}, path)


def _arithmetic(path: Path) -> dict[str, str]:
    """What weights of this name were trained for, where that is to be told."""
    names = [name for name in ARITHMETIC if path.stem.startswith(name)]
    return {"arithmetic": ARITHMETIC[names[0]]} if names else {}


def _remedy(path: Path) -> str:
    if path.parent == SHIPPED:
        return "install the project again"
    named = [size for name, size in SIZES.items() if path.stem.startswith(name)]
    if not named:
        return f"train it again by `{COMMAND}`"
    size = max(named, key=lambda size: len(size.name))
    compression = path.stem.removeprefix(size.name).removeprefix("-")
    return f"run `{command_for(size, compression)}`"
