"""Layers that become chains of smaller ones."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast, get_args

from workloads.compression.factorization.ranks import Method
from workloads.compression.skipped import SkippedLayer
from workloads.compression.step import (
    CompressedTask,
    CompressionError,
    FineTuner,
    ModuleStep,
    Step,
    TrainedStep,
)

if TYPE_CHECKING:
    from torch import nn

METHODS: tuple[Method, ...] = get_args(Method)
_NAME = re.compile(rf"({'|'.join(METHODS)})-([1-9]\d?)")


@dataclass(frozen=True)
class Factorize(ModuleStep, TrainedStep):
    """A low-rank method that leaves out `percent` of the weights of each layer that it
    changes."""

    method: Method
    percent: int

    base = "factorize"
    summary = "convolutions or linear layers become chains of smaller ones of low rank"

    def __post_init__(self) -> None:
        if self.method not in METHODS or not 0 < self.percent < 100:
            raise ValueError(
                f"no factorization is called {self.name!r}: give {self.help()}"
            )

    @property
    def name(self) -> str:
        """
        >>> Factorize("tucker", 30).name
        'tucker-30'
        """
        return f"{self.method}-{self.percent}"

    @classmethod
    def parse(cls, part: str) -> Step | None:
        found = _NAME.fullmatch(part)
        return found and cls(cast(Method, found[1]), int(found[2]))

    @classmethod
    def help(cls) -> str:
        return f"METHOD-PERCENT with one of {', '.join(METHODS)}"

    def applied(
        self, task: CompressedTask, model: nn.Module, sample: Sequence[Any]
    ) -> nn.Module:
        from workloads.compression.factorization.factorize import factorize

        return factorize(model, self.method, self.percent).model

    def structure(self, model: nn.Module) -> nn.Module:
        from workloads.compression.factorization.factorize import structure_like

        return structure_like(model, self.method, self.percent).model

    def skipped(
        self, task: CompressedTask, model: nn.Module
    ) -> tuple[SkippedLayer, ...]:
        from workloads.compression.factorization.factorize import structure_like

        return structure_like(model, self.method, self.percent).left

    def fine_tuned(self, tuner: FineTuner, model: nn.Module) -> Any:
        from workloads.compression.factorization.factorize import (
            FINE_TUNE_RATE_FACTOR,
            factorize,
        )

        done = factorize(model, self.method, self.percent)
        if not done.changed:
            raise CompressionError(
                f"{self.name} changes no layer of this model, the first because "
                f"{done.left[0].reason}: there is nothing to fine-tune"
            )
        return tuner.converged(done.model, FINE_TUNE_RATE_FACTOR[self.method])
