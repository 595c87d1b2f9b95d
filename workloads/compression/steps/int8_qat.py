"""int8-static of weights that were trained to be rounded."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workloads.compression.step import FineTuner, TrainedStep
from workloads.compression.steps.int8_static import Int8Static

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Int8Qat(Int8Static, TrainedStep):
    base = "int8-qat"
    summary = "int8-static of weights that were trained with its rounding simulated"
    may_follow = may_keep = False

    def fine_tuned(self, tuner: FineTuner, model: nn.Module) -> Any:
        from workloads.compression.qat import simulated_int8  # torchao, seconds

        with simulated_int8(copy.deepcopy(model)) as simulated:
            return tuner.converged(simulated)
