"""How a model is trained: the numbers that decide accuracy, and when to look at it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Precision = Literal["fp32", "bf16", "fp16"]
PRECISIONS: tuple[Precision, ...] = ("fp32", "bf16", "fp16")
LOSS = "loss"  # the validation loss, where a measure of accuracy is named


@dataclass(frozen=True)
class AdaDelta:
    """M. D. Zeiler, "ADADELTA", 2012; `learning_rate` scales its own step."""

    learning_rate: float = 1.0
    rho: float = 0.95
    eps: float = 1e-6


@dataclass(frozen=True)
class Adam:
    """D. P. Kingma, J. Ba, "Adam", 2015."""

    learning_rate: float
    weight_decay: float = 0.0


@dataclass(frozen=True)
class Plateau:
    """The learning rate is multiplied by `factor` after an epoch when `watched` has not
    been lower for more than `patience` epochs, by `threshold` as a share."""

    watched: str = LOSS
    factor: float = 0.5
    patience: int = 5
    threshold: float = 0.0


@dataclass(frozen=True)
class Cosine:
    """The learning rate falls along a cosine from epoch to epoch; after the last it
    would be zero (I. Loshchilov, F. Hutter, "SGDR", 2017, without restarts)."""


@dataclass(frozen=True)
class Recipe:
    """`batch_size` is global: several devices share it. Gradients are clipped by their
    norm. The learning rate rises over `warmup_steps`, then follows the `schedule`.
    Training ends after `epochs`, or after `stop_after` of them without a lower
    validation loss. `best_by` names the measure whose best epoch is kept, None keeps
    the last.

    `decode_every_steps` looks at what the model writes, `checkpoint_every_steps` saves
    all that a resumed training needs; 0 is never. `own` are the numbers that the task
    adds, a frozen dataclass.
    """

    optimizer: AdaDelta | Adam
    batch_size: int
    epochs: int
    clip_norm: float
    schedule: Plateau | Cosine | None = None
    warmup_steps: int = 0
    stop_after: int | None = None
    best_by: str | None = LOSS
    precision: Precision = "fp32"
    seed: int = 0
    decode_every_steps: int = 0
    checkpoint_every_steps: int = 250
    own: Any = None

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise ValueError(
                f"precision {self.precision!r} is unknown: use {', '.join(PRECISIONS)}"
            )
        for name in ("batch_size", "epochs", "clip_norm"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}: give more than 0")
