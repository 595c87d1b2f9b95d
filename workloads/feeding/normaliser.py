"""Features shifted and scaled to mean 0 and deviation 1, in numpy alone.

Axes: `T` frames, `F` features.
"""

from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any

import numpy as np

_MEAN, _STD = "normaliser.mean", "normaliser.std"
_LEAST_STD = 1e-5  # a constant feature stays finite


@dataclass(frozen=True, eq=False)
class Normaliser:
    """Per-feature shift and scale over the training set, each (F,) float32."""

    mean: np.ndarray
    std: np.ndarray

    @classmethod
    def taken_from(cls, weights: MutableMapping[str, Any]) -> "Normaliser":
        """The one that `to_arrays` gave, removed from among arrays or tensors."""
        mean, std = (np.asarray(weights.pop(key)) for key in (_MEAN, _STD))
        return cls(mean, std)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """By the names that it has among a model's saved weights."""
        return {_MEAN: self.mean, _STD: self.std}

    def write(self, features: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Normalise `features` (T, F) into `out` (T, F), or into a new array."""
        out = np.subtract(features, self.mean, out=out)
        return np.divide(out, self.std, out=out)


class RunningMoments:
    """Mean and variance in one pass (Chan, Golub, LeVeque 1979), in float64."""

    def __init__(self, features: int) -> None:
        self.count = 0
        self.mean = np.zeros(features)
        self.squares = np.zeros(features)

    def add(self, frames: np.ndarray) -> None:
        """Take in frames (T, F)."""
        count = len(frames)
        mean = frames.mean(axis=0, dtype=np.float64)
        delta = mean - self.mean
        total = self.count + count
        self.squares += np.square(frames - mean).sum(axis=0)
        self.squares += np.square(delta) * (self.count * count / total)
        self.mean += delta * (count / total)
        self.count = total

    def normaliser(self) -> Normaliser:
        """Raises ValueError where no frame was added."""
        if self.count == 0:
            raise ValueError("no frames to normalise by: the training set is empty")
        std = np.maximum(np.sqrt(self.squares / self.count), _LEAST_STD)
        return Normaliser(self.mean.astype(np.float32), std.astype(np.float32))
