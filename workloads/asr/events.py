"""What a training tells its caller, who owns the clock."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from workloads.metrics.error_rates import ErrorRate

State = Literal["train", "decode", "checkpoint", "evaluate"]
Kind = Literal["state", "step", "epoch", "resumed"]


@dataclass(frozen=True)
class Event:
    """Something ended, or a state begins, at the moment that this is yielded.

    `kind` "state": `state` begins now. "step": an optimizer step was issued. "epoch":
    an epoch ended, its evaluation included. "resumed": a checkpoint was taken up, and
    `notes` is what the caller had put there. `step` counts optimizer steps since the
    beginning.
    """

    kind: Kind
    state: State
    epoch: int  # from 1; the one under way, or the one that ended
    step: int
    loss: float | None = None  # of the epoch's training, mean over utterances
    validation_loss: float | None = None
    errors: Mapping[str, ErrorRate] | None = None  # wer, cer, cer_max
    samples: tuple[tuple[str, str], ...] = ()  # (reference, hypothesis), after decode
    notes: Mapping[str, Any] | None = None


def to_plain(event: Event) -> dict[str, Any]:
    """For a checkpoint: numbers, strings, lists and dictionaries only."""
    errors = {name: asdict(rate) for name, rate in (event.errors or {}).items()}
    return {**vars(event), "errors": errors, "samples": list(event.samples)}


def from_plain(content: Mapping[str, Any]) -> Event:
    errors = {
        name: ErrorRate(rate["name"], tuple(rate["errors"]), tuple(rate["lengths"]))
        for name, rate in content["errors"].items()
    }
    samples = tuple(map(tuple, content["samples"]))
    return Event(**{**content, "errors": errors or None, "samples": samples})
