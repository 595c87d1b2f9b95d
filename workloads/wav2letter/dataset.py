"""What a model is trained and judged on: features by position, texts, labels.

Axes: `B` utterances, `T` frames, `F` = 40 features. torch is loaded by
`write_features` alone: whoever times another library finds the features in the cache,
or has them made by another process.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np

from workloads.corpora import librispeech
from workloads.corpora.faults import AbsentError
from workloads.corpora.progress import Progress, no_progress
from workloads.corpora.utterance import HOP_SAMPLES, SAMPLE_RATE_HZ, Corpus, Utterance
from workloads.elsewhere import run_elsewhere
from workloads.feeding.batching import padded_length
from workloads.feeding.normaliser import Normaliser, RunningMoments
from workloads.feeding.shards import FeatureShards, SplitName, find_shards
from workloads.wav2letter import arrays
from workloads.wav2letter.phonemes import phonemes
from workloads.wav2letter.sizes import FEATURES
from workloads.wav2letter.symbols import Alphabet

EXTRACTOR = f"logmel{FEATURES}"
HOP_S = HOP_SAMPLES / SAMPLE_RATE_HZ


class Rows(Protocol):
    """Features by position."""

    @property
    def frames(self) -> Sequence[int]:
        """T of each utterance."""

    def read(self, positions: Sequence[int]) -> list[np.ndarray]:
        """Features (T, 40) of each, not normalised."""


@dataclass(frozen=True)
class Part:
    """Utterances to train on, or to validate on; texts as the alphabet writes them."""

    rows: Rows
    texts: tuple[str, ...]
    durations_s: tuple[float, ...]
    alphabet: Alphabet

    @property
    def frames(self) -> Sequence[int]:
        """T of each utterance."""
        return self.rows.frames

    @cached_property
    def labels(self) -> list[list[int]]:
        return [self.alphabet.encode(text) for text in self.texts]


@dataclass(frozen=True)
class Dataset:
    """Both parts, and the normaliser of the first."""

    name: str
    checksum: str
    train: Part
    validation: Part
    normaliser: Normaliser


def of_corpus(corpus: Corpus, alphabet: Alphabet, cache_dir: Path) -> Dataset:
    """A corpus of audio; its phonemes are those that espeak-ng gives each word."""
    train = _features(corpus, "train", cache_dir)
    validation = _features(corpus, "validation", cache_dir)
    return Dataset(
        corpus.name,
        corpus.checksum,
        _part(train, corpus.train, alphabet),
        _part(validation, corpus.validation, alphabet),
        train.normaliser,
    )


def _part(
    rows: FeatureShards, utterances: Sequence[Utterance], alphabet: Alphabet
) -> Part:
    texts = [utterance.transcript for utterance in utterances]
    if alphabet.spaced:
        texts = phonemes(texts)
    durations_s = tuple(utterance.duration_s for utterance in utterances)
    return Part(rows, tuple(texts), durations_s, alphabet)


def _features(corpus: Corpus, split: SplitName, cache_dir: Path) -> FeatureShards:
    found = find_shards(corpus, split, EXTRACTOR, FEATURES, cache_dir)
    if found is None:
        run_elsewhere(write_features, (corpus, split, cache_dir), f"{split} features")
        found = find_shards(corpus, split, EXTRACTOR, FEATURES, cache_dir)
        assert found is not None
    return found


def write_features(corpus: Corpus, split: SplitName, cache_dir: Path) -> None:
    """Compute the features of a split into the cache, where they are not there yet."""
    from workloads.feeding.mel import LogMel
    from workloads.feeding.sources import write_shards

    write_shards(corpus, split, LogMel(FEATURES), cache_dir)


def of_root(
    root: Path, alphabet: Alphabet, cache_dir: Path, on_progress: Progress = no_progress
) -> Dataset:
    """What a user's folder holds: the paper's arrays, else LibriSpeech. Raises
    AbsentError where it holds neither."""
    try:
        return of_arrays(root, alphabet)
    except AbsentError as no_arrays:
        try:
            corpus = librispeech.load(root, on_progress=on_progress)
        except AbsentError as no_speech:
            raise AbsentError(f"{no_arrays}; or {no_speech}") from None
    return of_corpus(corpus, alphabet, cache_dir)


def of_arrays(folder: Path, alphabet: Alphabet) -> Dataset:
    """The document's arrays on disk, all held in memory: see `arrays.load`."""
    found = arrays.load(folder, alphabet)
    moments = RunningMoments(FEATURES)
    for features in found.train.features:
        moments.add(features)
    train, validation = (_array_part(one, alphabet) for one in (found.train, found.dev))
    return Dataset(
        f"arrays-{alphabet.name}",
        found.checksum,
        train,
        validation,
        moments.normaliser(),
    )


def _array_part(found: arrays.ArrayPart, alphabet: Alphabet) -> Part:
    durations_s = tuple(HOP_S * frames for frames in found.frames)
    return Part(found, found.texts, durations_s, alphabet)


def joined(
    part: Part, normaliser: Normaliser, frames: int, count: int
) -> list[np.ndarray]:
    """`count` stretches of just so many frames, normalised (frames, 40): utterances
    one after the other, again from the first where there are too few."""
    stretches: list[np.ndarray] = []
    collected, position = np.empty((0, FEATURES), np.float32), 0
    while len(stretches) < count:
        while len(collected) < frames:
            (raw,) = part.rows.read([position % len(part.frames)])
            normalised = np.empty_like(raw)
            normaliser.write(raw, normalised)
            collected = np.concatenate([collected, normalised])
            position += 1
        stretches.append(collected[:frames].copy())
        collected = collected[frames:]
    return stretches


def padded_batch(
    part: Part, normaliser: Normaliser, positions: Sequence[int]
) -> tuple[np.ndarray, list[int]]:
    """Normalised features (B, T, 40), zero where padded, and true frames."""
    raw = part.rows.read(positions)
    lengths = [len(features) for features in raw]
    padded = np.zeros((len(raw), padded_length(lengths), FEATURES), np.float32)
    for row, features in zip(padded, raw, strict=True):
        normaliser.write(features, row[: len(features)])
    return padded, lengths
