"""Batches on their way to the model: read, normalised, padded, prefetched.

Axes: `B` utterances, `T` frames, `F` features (93).
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from workloads.asr.alphabet import encode
from workloads.asr.features import FEATURES, LogMelMfcc
from workloads.corpora.utterance import Corpus
from workloads.feeding.batching import padded_length
from workloads.feeding.normaliser import Normaliser
from workloads.feeding.sources import (
    FeatureSource,
    OnTheFly,
    reader_pool,
    training_moments,
    write_shards,
)


@dataclass(frozen=True, eq=False)
class Batch:
    """Padded features with their targets; the lengths stay on the host."""

    positions: tuple[int, ...]
    features: Tensor  # (B, T, 93) float32, zero where padded
    lengths: Tensor  # (B,) true frames
    targets: Tensor  # all labels, one after the other
    target_lengths: Tensor  # (B,)

    def to(self, device: torch.device) -> "Batch":
        if device.type == "cpu":
            return self
        features = self.features.to(device, non_blocking=True)
        targets = self.targets.to(device, non_blocking=True)
        return replace(self, features=features, targets=targets)

    def pin(self) -> "Batch":
        """In page-locked memory, from which copies to a GPU run on their own."""
        return replace(
            self, features=self.features.pin_memory(), targets=self.targets.pin_memory()
        )


@dataclass(frozen=True, eq=False)
class Feed:
    """A corpus, ready to train on.

    `readers` threads load batches, `prefetch` of them ahead. The batches are the
    same whatever both are.
    """

    train: FeatureSource
    validation: FeatureSource
    normaliser: Normaliser
    readers: int = 1
    prefetch: int = 4


FeatureMode = Literal["shards", "on-the-fly"]


def build_feed(
    corpus: Corpus,
    cache_dir: Path,
    features: FeatureMode = "shards",
    readers: int = 1,
    prefetch: int = 4,
) -> Feed:
    """Prepare a corpus: this takes time that no training clock should see."""
    if readers < 1 or prefetch < 1:
        raise ValueError(
            f"readers {readers} and prefetch {prefetch} must both be 1 or more"
        )
    extractor = LogMelMfcc()
    if features == "on-the-fly":
        spoken = OnTheFly(corpus.train, extractor)
        unseen = OnTheFly(corpus.validation, extractor)
        normaliser = training_moments(spoken, readers)
        return Feed(spoken, unseen, normaliser, readers, prefetch)
    train = write_shards(corpus, "train", extractor, cache_dir, readers)
    validation = write_shards(corpus, "validation", extractor, cache_dir, readers)
    return Feed(train, validation, train.normaliser, readers, prefetch)


def load_batch(
    source: FeatureSource, normaliser: Normaliser, positions: Sequence[int]
) -> Batch:
    """Read, normalise and pad the utterances at `positions`."""
    raw = source.read(positions)
    lengths = [len(features) for features in raw]
    padded = np.zeros((len(raw), padded_length(lengths), FEATURES), np.float32)
    for row, features in zip(padded, raw, strict=True):
        normaliser.write(features, row[: len(features)])
    labels = [encode(source.utterances[i].transcript) for i in positions]
    return Batch(
        tuple(positions),
        torch.from_numpy(padded),
        torch.tensor(lengths),
        torch.tensor(list(chain.from_iterable(labels))),
        torch.tensor([len(x) for x in labels]),
    )


def stream(
    source: FeatureSource,
    feed: Feed,
    batches: Iterable[Sequence[int]],
    device: torch.device,
) -> Iterator[Batch]:
    """The `batches` of `source` in their order, on `device`, loaded ahead.

    While the caller works on one batch, at most `feed.prefetch` more are loaded or
    being loaded; while it waits for the next, that one comes on top.
    """

    def load(positions: Sequence[int]) -> Batch:
        batch = load_batch(source, feed.normaliser, positions)
        if device.type != "cuda":
            return batch
        with torch.cuda.device(device):  # a new thread's is GPU 0, whoever uses that
            return batch.pin()

    waiting: deque[Future[Batch]] = deque()
    with reader_pool(feed.readers) as pool:
        try:
            for positions in batches:
                waiting.append(pool.submit(load, positions))
                if len(waiting) > feed.prefetch:
                    yield waiting.popleft().result().to(device)
            while waiting:
                yield waiting.popleft().result().to(device)
        finally:
            for future in waiting:
                future.cancel()
