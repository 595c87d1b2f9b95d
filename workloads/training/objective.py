"""What a task lets a model learn, and how it tells how far that is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from workloads.metrics.scores import Scores
from workloads.training.recipe import Precision

_AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Rank:
    """One of several processes that share each batch."""

    number: int = 0
    count: int = 1


ALONE = Rank()


@dataclass(frozen=True)
class Evaluation:
    """Of a model on held-out data: the loss, a mean over items, and the measures."""

    loss: float
    scores: Scores


class Objective(Protocol):
    """Batches, loss and evaluation of one training.

    `batches` are those of an epoch from number `skip` on, the same for the same seed
    and epoch; each comes with the size of the global batch, of which a rank has a part.
    The length of a batch is the number of its items.
    `forward` runs under autocast, `loss` outside of it; `loss` is summed over items.
    """

    def batches(self, epoch: int, skip: int) -> Iterator[tuple[int, Any]]: ...
    def batch(self, positions: Sequence[int]) -> Any:
        """The training items at these positions, as a batch on the device."""

    def forward(self, model: nn.Module, batch: Any) -> Any: ...
    def loss(self, outputs: Any, batch: Any) -> Tensor: ...
    def evaluate(self, model: nn.Module) -> Evaluation: ...
    def samples(self, model: nn.Module, batch: Any) -> tuple[tuple[str, str], ...]:
        """References and what the model makes of some of the batch; none where that is
        no text."""
        return ()


def autocast(precision: Precision, device: torch.device) -> torch.autocast:
    """The context in which forward passes run.

    bf16 on a CPU reaches oneDNN's LSTM and convolution, forward and backward.
    """
    if precision == "fp16" and device.type != "cuda":
        raise ValueError(
            f"fp16 trains on CUDA only, not on {device}: use bf16, or a CUDA device"
        )
    dtype = _AUTOCAST.get(precision, torch.bfloat16)
    return torch.autocast(device.type, dtype, enabled=precision in _AUTOCAST)
