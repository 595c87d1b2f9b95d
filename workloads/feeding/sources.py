"""Features as they are made: on the fly for each reading, or once into shards.

Axes: `S` samples at 16 kHz, `T` frames, `F` features.
"""

import logging
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from basics.files import file_sha256
from workloads.corpora import cache
from workloads.corpora.utterance import Corpus, Utterance, read_audio
from workloads.feeding.normaliser import Normaliser, RunningMoments
from workloads.feeding.shards import (
    SHARD_UTTERANCES,
    FeatureShards,
    ShardFolder,
    SplitName,
    shard_folder,
    shard_path,
    utterance_frames,
)

_log = logging.getLogger("speechmark")


class Extractor(Protocol):
    """A transform of waveforms; any thread may call it.

    Its `name`, a part of a folder's name, tells it from others of any setting.
    """

    @property
    def name(self) -> str: ...

    @property
    def width(self) -> int:
        """F."""

    def __call__(self, waveforms: Sequence[Tensor]) -> list[Tensor]:
        """(S_i,) each to (1 + S_i // 160, F) each, whatever the others are."""


class OnTheFly:
    """Features by position, computed from the audio each time that they are read; any
    thread may read."""

    def __init__(self, utterances: Sequence[Utterance], extractor: Extractor) -> None:
        self.utterances = utterances
        self.frames = tuple(map(utterance_frames, utterances))
        self.width = extractor.width
        self._extractor = extractor

    def read(self, positions: Sequence[int]) -> list[np.ndarray]:
        """(T, F) of each, not normalised."""
        audio = [read_audio(self.utterances[i]) for i in positions]
        features = self._extractor([torch.from_numpy(a) for a in audio])
        return [f.numpy() for f in features]


def in_order(source: OnTheFly, chunk: int, readers: int) -> Iterator[list[np.ndarray]]:
    """All features of a source, `chunk` utterances at a time, few in memory at once."""
    starts = range(0, len(source.utterances), chunk)
    chunks = [range(s, min(s + chunk, len(source.utterances))) for s in starts]
    with reader_pool(readers) as pool:
        for first in range(0, len(chunks), readers):
            yield from pool.map(source.read, chunks[first : first + readers])


def reader_pool(readers: int) -> ThreadPoolExecutor:
    """Threads that read features, each with one thread of arithmetic.

    Threads rather than processes: reading and transforming release the interpreter's
    lock, nothing is copied between processes, and nothing forks beside OpenMP.
    """
    threads = torch.get_num_threads()
    ready = threading.Barrier(readers + 1)
    pool = ThreadPoolExecutor(readers)
    for _ in range(readers):
        pool.submit(_become_single, ready)
    ready.wait()
    # torch keeps each thread's own number, but takes the last that anyone set for
    # threads that have not computed yet: without this, training could get one thread.
    torch.set_num_threads(threads)
    return pool


def _become_single(ready: threading.Barrier) -> None:
    torch.set_num_threads(1)
    torch.get_num_threads()  # makes this thread keep it
    ready.wait()


def training_moments(source: OnTheFly, readers: int) -> Normaliser:
    """Normaliser over a training set, in one pass that writes nothing."""
    moments = RunningMoments(source.width)
    for chunk in in_order(source, SHARD_UTTERANCES, readers):
        for features in chunk:
            moments.add(features)
    return moments.normaliser()


def write_shards(
    corpus: Corpus,
    split: SplitName,
    extractor: Extractor,
    cache_dir: Path,
    readers: int = 1,
) -> FeatureShards:
    """The shards of a split, written first unless they lie in the cache whole.

    What is damaged, or is of something else, is written anew, with a warning to the
    logger `speechmark`; it takes its name only when it is whole, so that several
    processes may write at once.
    """
    folder = shard_folder(corpus, split, extractor.name, extractor.width, cache_dir)
    fault = folder.fault() if folder.path.exists() else None
    if fault:
        _log.warning("%s: the features are computed anew", fault)
    if fault or not folder.path.exists():
        _build(folder, extractor, readers)
    return folder.open()


def _build(folder: ShardFolder, extractor: Extractor, readers: int) -> None:
    with cache.temporary_folder(folder.path) as building:
        moments = RunningMoments(extractor.width)
        sha256 = {}
        source = OnTheFly(folder.utterances, extractor)
        for number, chunk in enumerate(in_order(source, SHARD_UTTERANCES, readers)):
            path = shard_path(building, number)
            np.concatenate(chunk).tofile(path)
            sha256[path.name] = file_sha256(path)
            for features in chunk:
                moments.add(features)
        normaliser = moments.normaliser()
        manifest = {
            **folder.made_of,
            "mean": normaliser.mean.tolist(),
            "std": normaliser.std.tolist(),
            "sha256": sha256,
        }
        cache.write_manifest(building, manifest)
        if folder.path.exists():
            # File by file: another process may have mended it already, and be reading.
            cache.swap_in(building, folder.path)
        else:
            cache.publish(building, folder.path)
