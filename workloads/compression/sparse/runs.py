"""Lengths that are written in fields too narrow for the longest of them.

A length above the field's limit becomes several entries, as few and as even as can be:
11 with a limit of 7 becomes 6 and 5.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from workloads.compression.sparse.elements import Offsets


@dataclass(frozen=True)
class Lengths:
    """How often each length occurs: `distinct` ascending, `counts` beside it.

    There are few: lengths that sum up to n take at most sqrt(2 n) different values.
    """

    distinct: Offsets
    counts: Offsets

    @property
    def longest(self) -> int:
        return int(self.distinct.max(initial=0))

    def entries(self, limit: int) -> int:
        """How many there are once those above the limit are split."""
        return int((self.counts * splits(self.distinct, limit)).sum())


def count(pieces: Iterable[Offsets]) -> Lengths:
    """Of the lengths of all pieces."""
    total = Counter[int]()
    for piece in pieces:
        found, times = np.unique(piece, return_counts=True)
        total.update(dict(zip(found.tolist(), times.tolist(), strict=True)))
    distinct = sorted(total)
    counts = [total[length] for length in distinct]
    return Lengths(np.array(distinct, np.int64), np.array(counts, np.int64))


def splits(lengths: Offsets, limit: int) -> Offsets:
    """Into how many entries each length is split; a length of 0 takes one too."""
    return np.maximum(1, -(-lengths // limit))


def split(lengths: Offsets, limit: int) -> tuple[Offsets, Offsets]:
    """The entries of all lengths, and how many each length has.

    >>> split(np.array([2, 11]), 7)
    (array([2, 6, 5]), array([1, 2]))
    """
    times = splits(lengths, limit)
    ends = np.cumsum(times)
    rank = np.arange(times.sum()) - np.repeat(ends - times, times)
    longer = rank < np.repeat(lengths % times, times)
    return np.repeat(lengths // times, times) + longer, times


def cheapest(lengths: Lengths, limits: Mapping[int, int], value_bits: int) -> int:
    """The width at which fields and values take the fewest bits; of equals the first.

    `limits` gives the longest entry that a field of each width can hold.
    """
    return min(limits, key=lambda w: lengths.entries(limits[w]) * (w + value_bits))
