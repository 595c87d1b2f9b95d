"""How a model is trained: the numbers that decide its accuracy."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class SpecAugment:
    """D. S. Park et al., "SpecAugment", 2019, without time warping.

    Masks have widths from 0 to the given one, in bands along the frequency axis and in
    frames along the time axis; one in time covers at most a fifth of the utterance.
    """

    frequency_masks: int = 1
    frequency_bands: int = 8
    time_masks: int = 1
    time_frames: int = 25


@dataclass(frozen=True)
class Recipe:
    """Adam with gradients clipped by their norm.

    The learning rate rises over `warmup_steps`, and falls to a tenth after `patience`
    epochs without a lower edit distance. `precision` is "fp32" or "bf16" (autocast).
    """

    learning_rate: float
    weight_decay: float
    batch_size: int = 128
    epochs: int = 100
    patience: int = 5
    warmup_steps: int = 0
    clip_norm: float = 5.0
    augment: SpecAugment = SpecAugment()
    precision: str = "fp32"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.precision not in ("fp32", "bf16"):
            raise ValueError(
                f"precision {self.precision!r} is unknown: use fp32 or bf16"
            )
        if self.batch_size < 1 or self.epochs < 1:
            raise ValueError(
                f"batch_size {self.batch_size} and epochs {self.epochs} must both be 1 "
                "or more"
            )


# The document's, for the corpora that it had: batches of 128 out of 28,539 utterances.
LETTERS = Recipe(learning_rate=2e-4, weight_decay=5e-5)
PHONEMES = Recipe(learning_rate=2e-3, weight_decay=1e-5)

# For hours of built-in speech: more and bolder steps, narrower masks.
BUILTIN_SMALL = Recipe(
    learning_rate=1e-3,
    weight_decay=1e-5,
    batch_size=8,
    epochs=16,
    patience=1,
    warmup_steps=100,
    augment=SpecAugment(frequency_bands=4, time_frames=10),
)
BUILTIN = replace(BUILTIN_SMALL, learning_rate=3e-4, batch_size=4)
QAT_EPOCHS = 2
