"""A score over utterances or mixtures, and its percentile bootstrap.

Axes: `N` utterances or mixtures, `R` resamples.

B. Efron, R. J. Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

RESAMPLES = 1000
_TAIL_PERCENT = 100 * (1 - 0.95) / 2  # on either side of a 95 % interval
_CHUNK_DRAWS = 4_000_000  # 32 MB of indices at a time


@dataclass(frozen=True)
class Difference:
    """The second value minus the first, and the interval that holds it."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Pooled:
    """A score over N items: all that they count over all that they are counted against.

    Two are combined by adding them, which joins their items.
    """

    items: ClassVar[str]
    none_left: ClassVar[str]  # why a value may be undefined, and what to do
    name: str

    @property
    def per_item(self) -> list[tuple[float, float]]:
        """What each counts, and what that is counted against."""
        raise NotImplementedError

    @property
    def n(self) -> int:
        """How many items were scored."""
        return len(self.per_item)

    @property
    def value(self) -> float:
        """Raises ValueError where there is nothing to count against."""
        total = sum(against for _, against in self.per_item)
        if not total:
            raise ValueError(f"{self.name} over {self.n} {self.none_left}")
        return sum(counted for counted, _ in self.per_item) / total

    def interval(self) -> tuple[float, float]:
        """The 95 % percentile bootstrap interval of the value, over items.

        Bisani and Ney, "Bootstrap estimates for confidence intervals in ASR performance
        evaluation", ICASSP 2004. Words within an utterance depend on each other, so
        whole utterances are drawn. Raises ValueError where the value is undefined.
        """
        self.value  # noqa: B018  an undefined value has no interval: raises
        return middle(_resampled(self)[0])

    def minus(self, baseline: Pooled) -> Difference:
        """How much higher this value is than the baseline's over the same items in the
        same order.

        Each resample draws the same items for both (Bisani and Ney 2004, as above), so
        that what makes an item hard for both cancels. Raises ValueError where the two
        cannot be paired.
        """
        change = self.value - self.paired(baseline).value  # raises where undefined
        before, after = _resampled(baseline, self)
        return Difference(change, *middle(after - before))

    def paired(self, baseline: Pooled) -> Self:
        """The baseline; ValueError where it is of another measure or other items."""
        if not isinstance(baseline, type(self)) or (baseline.name, baseline.n) != (
            self.name,
            self.n,
        ):
            raise ValueError(
                f"{self.name} over {self.n} {self.items} and {baseline.name} over "
                f"{baseline.n} cannot be paired: score both systems by the same "
                f"measure on the same {self.items}"
            )
        return baseline

    def check_same_measure(self, other: Pooled) -> None:
        """ValueError where the two cannot be added."""
        if self.name != other.name:
            raise ValueError(
                f"cannot add {other.name} to {self.name}: they count different things"
            )


def _resampled(*scores: Pooled) -> list[np.ndarray]:
    """Values of the same resamples for each score, each of shape (R,).

    A resample with nothing to count against has no value and is NaN.
    """
    columns = [column for one in scores for column in zip(*one.per_item, strict=True)]
    n = len(columns[0])
    rng = np.random.default_rng(0)
    rows = max(1, _CHUNK_DRAWS // n)
    chunks: list[list[np.ndarray]] = [[] for _ in columns]
    for start in range(0, RESAMPLES, rows):
        drawn = rng.integers(n, size=(min(rows, RESAMPLES - start), n))
        for column, parts in zip(columns, chunks, strict=True):
            parts.append(np.asarray(column)[drawn].sum(axis=1))
    sums = [np.concatenate(parts) for parts in chunks]
    return [
        counted / np.where(against > 0, against, np.nan)
        for counted, against in zip(sums[::2], sums[1::2], strict=True)
    ]


def middle(values: np.ndarray) -> tuple[float, float]:
    """What the middle 95 % of (R,) values lie within, NaN left out."""
    low, high = np.nanpercentile(values, [_TAIL_PERCENT, 100 - _TAIL_PERCENT])
    return float(low), float(high)
