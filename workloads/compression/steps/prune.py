"""Weights that matter least are set to zero."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from workloads.compression.pruning.criteria import Pruning
from workloads.compression.skipped import SkippedLayer
from workloads.compression.step import (
    CompressedTask,
    FineTuner,
    ModuleStep,
    Need,
    Step,
    TrainedStep,
)

if TYPE_CHECKING:
    from torch import nn

    from workloads.compression.pruning.importance import PruningChoice

_NAME = re.compile(r"prune-([a-z0-9]+)-(un)?structured-([1-9]\d?)")


@dataclass(frozen=True)
class Prune(Pruning, ModuleStep, TrainedStep):
    base = "prune"
    summary = (
        "the weights that matter least become zero; structured, whole channels go, and "
        "the layers shrink"
    )

    @property
    def needs(self) -> frozenset[Need]:
        needs = super().needs
        return needs | {"gradients"} if self.criterion == "gradient" else needs

    @property
    def leaves_zeros(self) -> bool:
        return not self.structured

    @classmethod
    def parse(cls, part: str) -> Step | None:
        found = _NAME.fullmatch(part)
        return found and cls(found[1], found[2] is None, int(found[3]))

    def choice(
        self, task: CompressedTask, model: nn.Module, sample: Sequence[Any]
    ) -> PruningChoice:
        """What it needs of this model and of some training items."""
        from workloads.compression.pruning.importance import (
            PruningChoice,
            gradient_magnitudes,
        )

        loss = task.gradient_loss
        gradients = partial(gradient_magnitudes, batches=sample, loss=loss)
        groups = task.channel_groups(model) if self.structured else ()
        return PruningChoice(self, groups, gradients if sample else None)

    def applied(
        self, task: CompressedTask, model: nn.Module, sample: Sequence[Any]
    ) -> nn.Module:
        from workloads.compression.pruning.prune import prune

        return prune(model, self.choice(task, model, sample))

    def ready(self, task: CompressedTask, model: nn.Module) -> nn.Module:
        from workloads.compression.pruning.shrink import shrink

        if self.structured:
            model = shrink(model, task.channel_groups(model))
        return model.eval()

    def skipped(
        self, task: CompressedTask, model: nn.Module
    ) -> tuple[SkippedLayer, ...]:
        from workloads.compression.pruning.masks import left

        return left(model, self.choice(task, model, ()))

    def check_weights(self, weights: Mapping[str, np.ndarray]) -> None:
        """In the layer with most zeros: pruning leaves kinds of layers alone."""
        if self.structured:
            return
        name, values = max(weights.items(), key=lambda one: float(np.mean(one[1] == 0)))
        zeros, size = int((values == 0).sum()), values.size
        if zeros < round(self.percent * size / 100):
            raise ValueError(
                f"{zeros} of {size} weights of {name} are zero, expected "
                f"{self.percent} %: prune the model before it is exported"
            )

    def fine_tuned(self, tuner: FineTuner, model: nn.Module) -> Any:
        return tuner.in_rounds(model, self.choice, "gradients" in self.needs)
