"""How a model is trained: the numbers that decide accuracy, and when to look at it."""

from dataclasses import dataclass
from typing import Literal

import torch

Precision = Literal["fp32", "bf16", "fp16"]
_AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Recipe:
    """AdaDelta (M. D. Zeiler, 2012) with gradients clipped by their norm.

    `batch_size` is global: ranks share it. `learning_rate` scales AdaDelta's own step.
    `beam_width` is that of evaluation, 1 is greedy.
    `shortest_first` trains the first epoch in order of length.
    """

    batch_size: int = 32
    learning_rate: float = 1.0
    rho: float = 0.95
    eps: float = 1e-6
    clip_norm: float = 100.0
    precision: Precision = "fp32"
    seed: int = 0
    max_epochs: int = 40
    shortest_first: bool = True
    beam_width: int = 32
    decode_every_steps: int = 50
    checkpoint_every_steps: int = 250

    def __post_init__(self) -> None:
        if self.precision not in ("fp32", *_AUTOCAST):
            raise ValueError(
                f"precision {self.precision!r} is unknown: use fp32, bf16 or fp16"
            )
        if self.batch_size < 1 or self.max_epochs < 1:
            raise ValueError(
                f"batch_size {self.batch_size} and max_epochs {self.max_epochs} "
                "must both be 1 or more"
            )


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
