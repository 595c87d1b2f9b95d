"""What a training says to its caller, who owns the clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from workloads.metrics.scores import Scores

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
    loss: float | None = None  # of the epoch's training, mean over items
    validation_loss: float | None = None
    scores: Scores | None = None
    learning_rate: float | None = None
    samples: tuple[tuple[str, str], ...] = ()  # (reference, hypothesis), after decode
    notes: Mapping[str, Any] | None = None

    def to_plain(self) -> dict[str, Any]:
        """For a checkpoint: numbers, strings, lists and dictionaries only."""
        scores = self.scores.to_plain() if self.scores else None
        return {**vars(self), "scores": scores, "samples": list(self.samples)}

    @classmethod
    def from_plain(cls, content: Mapping[str, Any]) -> Event:
        """The event that `to_plain` gave."""
        made = cls(**{**content, "scores": None})
        scores = content["scores"]
        return replace(
            made,
            scores=Scores.from_plain(scores) if scores else None,
            samples=tuple(map(tuple, content["samples"])),
        )
