"""How a separator is trained: the numbers that decide its accuracy."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """Adam with gradients clipped by their norm.

    The learning rate is halved after `patience` epochs without a lower validation loss,
    and training ends after `stop_after` of them; `annealed`, it falls along a cosine
    from epoch to epoch instead, and after the last would be zero. Mixtures are cut to
    `segment_s`; `remix` makes new ones of their sources in each epoch.
    """

    learning_rate: float = 1e-3
    batch_size: int = 8
    epochs: int = 100
    annealed: bool = False
    patience: int = 5
    stop_after: int = 30
    clip_norm: float = 5.0
    segment_s: float = 4.0
    remix: bool = True
    precision: str = "fp32"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.precision not in ("fp32", "bf16"):
            raise ValueError(
                f"precision {self.precision!r} is unknown: use fp32 or bf16"
            )
        for field in ("batch_size", "epochs", "patience", "stop_after", "segment_s"):
            if getattr(self, field) <= 0:
                raise ValueError(f"{field} is {getattr(self, field)}: give more than 0")


FROM_SCRATCH = Recipe(batch_size=4)
# A round of pruning, or all of a factorized model's training.
FINE_TUNING = Recipe(learning_rate=3e-4, batch_size=4, epochs=2)
