"""Features as they are made: on the fly for each reading, or once into shards.

Axes: `S` samples at 16 kHz, `T` frames, `F` features.
"""

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch

from basics.files import file_sha256
from workloads.corpora import cache
from workloads.corpora.utterance import Corpus, Utterance, read_audio
from workloads.feeding.mel import LogMel
from workloads.feeding.normaliser import RunningMoments
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


class OnTheFly:
    """Features by position, computed from the audio each time that they are read; any
    thread may read."""

    def __init__(self, utterances: Sequence[Utterance], extractor: LogMel) -> None:
        self.utterances = utterances
        self.frames = tuple(map(utterance_frames, utterances))
        self._extractor = extractor

    def read(self, positions: Sequence[int]) -> list[np.ndarray]:
        """(T, F) of each, not normalised."""
        audio = [read_audio(self.utterances[i]) for i in positions]
        features = self._extractor([torch.from_numpy(a) for a in audio])
        return [f.numpy() for f in features]


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


def write_shards(
    corpus: Corpus, split: SplitName, extractor: LogMel, cache_dir: Path
) -> FeatureShards:
    """The shards of a split, written first unless they lie in the cache whole; several
    processes may do so at once. What is damaged, or is of something else, is written
    anew, with a warning to the logger `speechmark`."""
    folder = shard_folder(corpus, split, extractor.name, extractor.width, cache_dir)
    fault = folder.fault() if folder.path.exists() else None
    if fault:
        _log.warning("%s: the features are computed anew", fault)
    if fault or not folder.path.exists():
        with cache.rebuilt(folder.path) as building:
            _write(building, folder, extractor)
    return folder.open()


def _write(building: Path, folder: ShardFolder, extractor: LogMel) -> None:
    moments = RunningMoments(extractor.width)
    sha256 = {}
    source = OnTheFly(folder.utterances, extractor)
    positions = range(len(folder.utterances))
    with reader_pool(1) as pool:  # features do not depend on the number of threads
        for first in range(0, len(positions), SHARD_UTTERANCES):
            chunk = positions[first : first + SHARD_UTTERANCES]
            read = pool.submit(source.read, chunk).result()
            path = shard_path(building, first // SHARD_UTTERANCES)
            np.concatenate(read).tofile(path)
            sha256[path.name] = file_sha256(path)
            for features in read:
                moments.add(features)
    normaliser = moments.normaliser()
    manifest = {
        **folder.made_of,
        "mean": normaliser.mean.tolist(),
        "std": normaliser.std.tolist(),
        "sha256": sha256,
    }
    cache.write_manifest(building, manifest)
