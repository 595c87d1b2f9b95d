"""Which of many items are timed, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


def evenly(values: Sequence[T], count: int) -> list[T]:
    """At most `count` of the values: the middle of each of `count` equal stretches.

    >>> evenly(range(12), 4)
    [1, 4, 7, 10]
    """
    count = min(count, len(values))
    return [values[round((i + 0.5) * len(values) / count - 0.5)] for i in range(count)]


def full_batches(frames: Sequence[int], size: int, count: int) -> list[tuple[int, ...]]:
    """At most `count` batches of `size` utterances of like length, evenly over all
    lengths, as positions; in an order that is drawn once, so that any stretch of them
    is like the whole. Where there are fewer utterances, one batch of them all.

    >>> sorted(full_batches([3, 1, 2, 5, 4], size=2, count=9))
    [(1, 2), (4, 3)]
    """
    by_length = sorted(range(len(frames)), key=frames.__getitem__)
    size = min(size, len(frames))
    kept = evenly(by_length, len(frames) - len(frames) % size)
    batches = [tuple(kept[i : i + size]) for i in range(0, len(kept), size)]
    chosen = evenly(batches, count)
    Random(0).shuffle(chosen)
    return chosen
