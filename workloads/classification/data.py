"""What a classifier is trained and judged on: sounds of one length, each of a class.

Axes: `N` sounds, `T` frames, `F` features. Needs no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, eq=False)
class Sounds:
    """Features (N, T, F) in float32, and the number of each one's class (N,)."""

    features: np.ndarray
    labels: np.ndarray

    def __post_init__(self) -> None:
        if self.features.ndim != 3 or len(self.features) != len(self.labels):
            raise ValueError(
                f"features of shape {self.features.shape} for {len(self.labels)} "
                "labels: expected (sounds, frames, features) and a label for each sound"
            )

    def __len__(self) -> int:
        return len(self.labels)

    def cut(self, start: int, end: int | None = None) -> Sounds:
        """Those from one position to another."""
        return Sounds(self.features[start:end], self.labels[start:end])


@dataclass(frozen=True, eq=False)
class LabelledSounds:
    """Both parts."""

    name: str
    checksum: str
    train: Sounds
    validation: Sounds
    is_whole: bool = True
    facts: Mapping[str, float | str] = field(default_factory=dict)
