"""What a training says to its caller, who owns the clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch

from workloads.metrics.scores import Score, Scores
from workloads.training.recipe import LOSS

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

    @property
    def measures(self) -> Mapping[str, Score]:
        return self.scores.measures if self.scores else {}

    @property
    def values(self) -> dict[str, float]:
        """The value of each measure, whichever way it is better."""
        return {name: float(one.value) for name, one in self.measures.items()}

    def reached(self, measure: str | None) -> float:
        """A measure of an epoch, or its validation loss (None too), such that lower is
        better. Raises ValueError for a measure that the task has not."""
        if measure in (LOSS, None):
            assert self.validation_loss is not None
            return self.validation_loss
        if measure not in self.measures:
            known = ", ".join([LOSS, *self.measures])
            raise ValueError(
                f"no measure is called {measure!r}: expected one of {known}"
            )
        score = self.measures[measure]
        return -score.value if score.better == "higher" else score.value

    @property
    def line(self) -> str:
        """What a person reads of an epoch."""
        measures = "".join(f"{name} {one:.4g}, " for name, one in self.values.items())
        return (
            f"epoch {self.epoch}: loss {self.loss:.2f}, validation loss "
            f"{self.validation_loss:.2f}, {measures}learning rate "
            f"{self.learning_rate:g}"
        )

    @property
    def facts(self) -> dict[str, str]:
        """What stands beside the weights of an epoch."""
        return {
            "epoch": str(self.epoch),
            "validation_loss": f"{self.validation_loss:.3f}",
            **{name: f"{value:.4f}" for name, value in self.values.items()},
            "torch": torch.__version__,
        }

    def to_plain(self) -> dict[str, Any]:
        """For a checkpoint: numbers, strings, lists and dictionaries only."""
        scores = self.scores.to_plain() if self.scores else None
        return {**vars(self), "scores": scores, "samples": list(self.samples)}

    @classmethod
    def from_plain(cls, content: Mapping[str, Any]) -> Event:
        scores = content["scores"]
        return replace(
            cls(**content),
            scores=Scores.from_plain(scores) if scores else None,
            samples=tuple(map(tuple, content["samples"])),
        )
