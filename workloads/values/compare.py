"""How far outputs are from those of a plain path, and how far they may be.

The error of an output is ||found - plain|| / ||plain - mean||, where the mean is that
over frames: what an output has in common with every other says nothing of the kernels
that made it. Log-probabilities of untrained weights are almost all mean, and garbage in
the first layer hardly moves them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# Largest errors that arithmetic alone explains; docs/values.md says what was measured.
LIMITS = {"fp32": 1e-4, "bf16": 0.1, "fp16": 0.03, "int8": 0.5, "int16": 0.01}
GRADIENT_LIMITS = {"fp32": 1e-3, "bf16": 0.3, "fp16": 0.1}
ROUNDING = 1e-6  # of the largest gradient: what fp32 leaves of a sum that is zero
MOST_OUTPUTS = 16  # that are compared: kernels are chosen by shape, not by content


def relative_error(found: np.ndarray, plain: np.ndarray) -> float:
    """Of one output, frames on the axis before the last; infinite where it has another
    shape, or holds what is no number.

    >>> plain = np.array([[1.0, 2.0], [3.0, 2.0]])
    >>> round(relative_error(plain + 0.1 * np.array([[-1, 0], [1, 0]]), plain), 6)
    0.1
    """
    if found.shape != plain.shape or not np.isfinite(found).all():
        return float("inf")
    plain = plain.astype(np.float64)
    spread = np.linalg.norm(plain - plain.mean(-2 if plain.ndim > 1 else 0))
    distance = np.linalg.norm(found.astype(np.float64) - plain)
    if not distance:
        return 0.0
    return float(distance / spread) if spread else float("inf")


def worst_row(found: np.ndarray, plain: np.ndarray) -> float:
    """The largest error of the rows of a batch (B, frames, ...)."""
    if found.shape != plain.shape:
        return float("inf")
    return max(map(relative_error, found, plain), default=0.0)


def gradient_error(found: np.ndarray, plain: np.ndarray, largest: float = 0.0) -> float:
    """||found - plain|| / ||plain||: gradients have no frames.

    Some are zero whatever a model learns, such as those of biases before a batch norm,
    and hold rounding alone: those below ROUNDING of the `largest` of all are compared
    with that one.
    """
    if found.shape != plain.shape or not np.isfinite(found).all():
        return float("inf")
    norm = float(np.linalg.norm(plain))
    if norm < ROUNDING * largest:
        norm = largest
    return float(np.linalg.norm(found - plain) / norm) if norm else 0.0


def one_of_each(sizes: Sequence[int], count: int = MOST_OUTPUTS) -> list[int]:
    """At most `count` positions, one of each size, evenly from least to largest.

    >>> one_of_each([5, 3, 5, 9, 7], 3)
    [1, 4, 3]
    """
    first = {size: i for i, size in reversed([*enumerate(sizes)])}
    order = [first[size] for size in sorted(first)]
    if len(order) <= count:
        return order
    return [order[round(i)] for i in np.linspace(0, len(order) - 1, count)]
