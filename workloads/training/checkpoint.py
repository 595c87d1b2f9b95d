"""Checkpoints that a killed training can trust: either whole or not there."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from basics.files import write_file
from workloads.training.events import Event

FORMAT = 3
NAME = "training.pt"


def save_atomically(content: Mapping[str, Any], path: Path) -> None:
    """Write beside `path`, force it to disk, then take its place at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, lambda file: torch.save({"format": FORMAT, **content}, file))


def load_checkpoint(path: Path) -> dict[str, Any]:
    """The content of a checkpoint, on the host."""
    if not path.exists():
        raise ValueError(f"no checkpoint at {path}: train from the beginning instead")
    content = torch.load(path, map_location="cpu", weights_only=True)
    if content.get("format") != FORMAT:
        raise ValueError(
            f"{path} has checkpoint format {content.get('format')}, expected {FORMAT}: "
            "it is of another version; train from the beginning"
        )
    return content


def read_curve(path: Path) -> tuple[Event, ...]:
    """The epoch events that a checkpoint's training had already yielded."""
    return tuple(Event.from_plain(event) for event in load_checkpoint(path)["curve"])


def random_state(device: torch.device) -> dict[str, torch.Tensor]:
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def set_random_state(state: Mapping[str, torch.Tensor], device: torch.device) -> None:
    torch.set_rng_state(state["cpu"])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)
