"""Which utterances go into which batch.

Utterances of like length share a batch. Their lengths are jittered before sorting so
that each epoch has other batches; the jitter is the largest of `JITTERS` under which at
most 10 % of the epoch's frames are padding. Every batch has the batch size but
one, which takes the remainder, at a random place among the lengths, and is kept.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from workloads.corpora.faults import DataError

MAX_PADDING_PERCENT = 10.0  # more where even sorted lengths of a small corpus differ
GRID_FRAMES = 8
JITTERS = (0.3, 0.2, 0.1, 0.05, 0.0)  # of the length


def padded_length(lengths: Iterable[int]) -> int:
    """Frames that a batch of these lengths is padded to: a multiple of GRID_FRAMES.

    oneDNN compiles and keeps a kernel and its workspace for every shape that it meets:
    without a grid, memory grew with the number of different batches.

    >>> padded_length([30, 33])
    40
    """
    return -(-max(lengths) // GRID_FRAMES) * GRID_FRAMES


def padding_percent(lengths: Sequence[int], batches: Sequence[Sequence[int]]) -> float:
    """Share of the padded frames that hold no speech."""
    batched = [[lengths[i] for i in batch] for batch in batches]
    padded = sum(padded_length(frames) * len(frames) for frames in batched)
    return 100.0 * (1.0 - sum(map(sum, batched)) / padded)


def plan_epoch(
    lengths: Sequence[int],
    batch_size: int,
    seed: int,
    epoch: int,
    shortest_first: bool = False,
) -> list[tuple[int, ...]]:
    """The batches of one epoch, in order: a function of its arguments alone.

    `shortest_first` orders them by length (SortaGrad, Deep Speech 2, section 3.2).
    """
    if not lengths:
        raise DataError("no utterances to batch: the training set is empty")
    frames = np.asarray(lengths)
    for jitter in JITTERS:
        rng = np.random.default_rng((seed, epoch))
        batches = _cut(frames, batch_size, jitter, rng)
        if padding_percent(lengths, batches) <= MAX_PADDING_PERCENT:
            break
    if not shortest_first:
        batches = [batches[i] for i in rng.permutation(len(batches))]
    return batches


def _cut(
    frames: np.ndarray, batch_size: int, jitter: float, rng: np.random.Generator
) -> list[tuple[int, ...]]:
    noise = rng.uniform(1.0 - jitter, 1.0 + jitter, len(frames))
    order = np.lexsort((rng.random(len(frames)), frames * noise))
    sizes = [batch_size] * (len(frames) // batch_size)
    remainder = len(frames) % batch_size
    if remainder:
        sizes.insert(int(rng.integers(len(sizes) + 1)), remainder)
    parts = np.split(order, np.cumsum(sizes)[:-1])
    return [tuple(int(i) for i in part) for part in parts]


def share_of_rank(batch: Sequence[int], rank: int, ranks: int) -> tuple[int, ...]:
    """A rank's utterances of a global batch: every `ranks`-th, so of like length."""
    return tuple(batch[rank::ranks])


def sorted_batches(lengths: Sequence[int], size: int) -> list[tuple[int, ...]]:
    """Every utterance once, in order of length: the least padding.

    >>> sorted_batches([30, 10, 20], size=2)
    [(1, 2), (0,)]
    """
    order = [int(i) for i in np.argsort(lengths, kind="stable")]
    return [tuple(order[i : i + size]) for i in range(0, len(order), size)]
