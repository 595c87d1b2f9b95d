"""What a recogniser is trained and judged on: features by position, texts, labels.

Axes: `B` utterances, `T` frames, `F` features, `U` output frames, `N` outputs. Needs no
torch: features that are not in the cache are made by another process.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import cycle
from typing import Protocol

import numpy as np

from workloads.corpora.cache import default_cache_dir, one_maker
from workloads.corpora.utterance import Corpus, Utterance
from workloads.elsewhere import run_elsewhere
from workloads.feeding.batching import padded_length
from workloads.feeding.normaliser import Normaliser
from workloads.feeding.shards import FeatureShards, SplitName, shard_folder
from workloads.recognition.alphabet import Alphabet

Decode = Callable[[np.ndarray], str]  # of one utterance's log-probabilities (U, N)


class Rows(Protocol):
    """Features by position; any thread may read."""

    @property
    def frames(self) -> Sequence[int]:
        """T of each utterance."""

    def read(self, positions: Sequence[int]) -> list[np.ndarray]:
        """Features (T, F) of each, not normalised."""


@dataclass(frozen=True, eq=False)
class RowsAt:
    """Some of the rows, in an order of their own."""

    rows: Rows
    positions: tuple[int, ...]

    @property
    def frames(self) -> Sequence[int]:
        return [int(self.rows.frames[position]) for position in self.positions]

    def read(self, positions: Sequence[int]) -> list[np.ndarray]:
        return self.rows.read([self.positions[i] for i in positions])


@dataclass(frozen=True, eq=False)
class Part:
    """Utterances to train on, or to validate on; texts as the alphabet writes them."""

    rows: Rows
    texts: tuple[str, ...]
    durations_s: tuple[float, ...]
    alphabet: Alphabet

    @property
    def frames(self) -> Sequence[int]:
        return self.rows.frames

    @cached_property
    def labels(self) -> list[list[int]]:
        return [self.alphabet.encode(text) for text in self.texts]

    def at(self, positions: Sequence[int]) -> Part:
        return Part(
            RowsAt(self.rows, tuple(positions)),
            tuple(self.texts[i] for i in positions),
            tuple(self.durations_s[i] for i in positions),
            self.alphabet,
        )


@dataclass(frozen=True, eq=False)
class Recordings:
    """Both parts, and the normaliser of the first.

    `readers` threads load batches of a training, `prefetch` of them ahead: the batches
    are the same whatever both are.
    """

    name: str
    checksum: str
    train: Part
    validation: Part
    normaliser: Normaliser
    facts: Mapping[str, float | str] = field(default_factory=dict)
    readers: int = 1
    prefetch: int = 4
    is_whole: bool = True

    def __post_init__(self) -> None:
        if self.readers < 1 or self.prefetch < 1:
            raise ValueError(
                f"readers {self.readers} and prefetch {self.prefetch}: give 1 or more"
            )


@dataclass(frozen=True)
class FeatureKind:
    """`name`, a part of a folder's name in the cache, tells features from others of any
    setting; `width` is F; `write(corpus, split, cache_dir)`, of a module's top level,
    computes them into the cache."""

    name: str
    width: int
    write: Callable[..., None]


def recordings_of(
    corpus: Corpus,
    features: FeatureKind,
    alphabet: Alphabet,
    spell: Callable[[list[str]], Sequence[str]] = lambda texts: texts,
) -> Recordings:
    """A corpus of audio; `spell` writes its transcripts as the alphabet does."""
    train = _shards(corpus, "train", features)
    validation = _shards(corpus, "validation", features)

    def part(rows: FeatureShards, utterances: Sequence[Utterance]) -> Part:
        texts = spell([utterance.transcript for utterance in utterances])
        durations_s = tuple(utterance.duration_s for utterance in utterances)
        return Part(rows, tuple(texts), durations_s, alphabet)

    return Recordings(
        corpus.name,
        corpus.checksum,
        part(train, corpus.train),
        part(validation, corpus.validation),
        train.normaliser,
        {f"dropped: {reason}": count for reason, count in corpus.dropped.items()},
    )


def _shards(corpus: Corpus, split: SplitName, features: FeatureKind) -> FeatureShards:
    cache_dir = default_cache_dir()
    folder = shard_folder(corpus, split, features.name, features.width, cache_dir)
    if folder.fault():
        with one_maker(folder.path):
            if folder.fault():  # no other process was at it
                arguments = (corpus, split, cache_dir)
                run_elsewhere(features.write, arguments, f"{split} features")
    return folder.open()


def padded_batch(
    rows: Rows, normaliser: Normaliser, positions: Sequence[int]
) -> tuple[np.ndarray, list[int]]:
    """Normalised features (B, T, F), zero where padded, and true frames."""
    raw = rows.read(positions)
    lengths = [len(features) for features in raw]
    shape = (len(raw), padded_length(lengths), raw[0].shape[1])
    padded = np.zeros(shape, np.float32)
    for row, features in zip(padded, raw, strict=True):
        normaliser.write(features, row[: len(features)])
    return padded, lengths


def normalised(
    rows: Rows, normaliser: Normaliser, positions: Sequence[int]
) -> list[np.ndarray]:
    """Normalised features (T, F) of each."""
    return [normaliser.write(features) for features in rows.read(positions)]


def joined(part: Part, normaliser: Normaliser, frames: int, count: int) -> np.ndarray:
    """`count` stretches of just so many frames, normalised (count, frames, F):
    utterances one after the other, again from the first where there are too few."""
    found: list[np.ndarray] = []
    missing = count * frames
    for place in cycle(range(len(part.frames))):
        found += normalised(part.rows, normaliser, [place])
        missing -= len(found[-1])
        if missing <= 0:
            break
    return np.concatenate(found)[: count * frames].reshape(count, frames, -1)
