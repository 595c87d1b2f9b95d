"""The two ways to come by an utterance's features: from shards, or on the fly.

Axes: `T` frames, `F` features (93).

Shards hold 64 utterances each as raw float32 rows. They are read by position rather
than memory-mapped, because mapped pages count as the process's own memory and
would make its peak grow with the corpus.
"""

import json
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from workloads.asr.features import FEATURES, LogMelMfcc, Normaliser, RunningMoments
from workloads.corpora.utterance import (
    SAMPLE_RATE_HZ,
    Utterance,
    frame_count,
    read_audio,
)

SHARD_UTTERANCES = 64
ROW_BYTES = FEATURES * 4
FORMAT = 1


class FeatureSource(Protocol):
    """Features by position; any thread may read."""

    @property
    def utterances(self) -> Sequence[Utterance]: ...

    def read(self, positions: Sequence[int]) -> list[np.ndarray]:
        """Features (T, 93) of each, not normalised."""


def utterance_frames(utterance: Utterance) -> int:
    """T, known before the audio is read."""
    return frame_count(round(utterance.duration_s * SAMPLE_RATE_HZ))


class OnTheFly:
    """Features computed from the audio each time that they are read."""

    def __init__(self, utterances: Sequence[Utterance]) -> None:
        self.utterances = utterances
        self._features = LogMelMfcc()

    def read(self, positions: Sequence[int]) -> list[np.ndarray]:
        audio = [read_audio(self.utterances[i]) for i in positions]
        return [f.numpy() for f in self._features([torch.from_numpy(a) for a in audio])]


@dataclass(frozen=True)
class FeatureShards:
    """Features computed ahead. A shard is opened only while it is read."""

    directory: Path
    utterances: Sequence[Utterance]
    rows: tuple[int, ...]  # an utterance's first row in its shard
    frames: tuple[int, ...]

    def read(self, positions: Sequence[int]) -> list[np.ndarray]:
        return [self._read(i) for i in positions]

    def _read(self, position: int) -> np.ndarray:
        path = _shard_path(self.directory, position // SHARD_UTTERANCES)
        count = self.frames[position] * FEATURES
        offset = self.rows[position] * ROW_BYTES
        values = np.fromfile(path, np.float32, count, offset=offset)
        if len(values) != count:
            raise ValueError(
                f"{path} ends {count - len(values)} numbers early: "
                f"delete {self.directory} to have it written again"
            )
        return values.reshape(-1, FEATURES)


def _shard_path(directory: Path, number: int) -> Path:
    return directory / f"{number:05d}.f32"


def in_order(
    source: FeatureSource, chunk: int, readers: int
) -> Iterator[list[np.ndarray]]:
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


def training_moments(source: FeatureSource, readers: int) -> Normaliser:
    """Normaliser over a training set, in one pass that writes nothing."""
    moments = RunningMoments()
    for chunk in in_order(source, SHARD_UTTERANCES, readers):
        for features in chunk:
            moments.add(features)
    return moments.normaliser()


def write_shards(
    utterances: Sequence[Utterance], directory: Path, checksum: str, readers: int
) -> Normaliser:
    """Write the shards of `utterances`, unless they lie there for this `checksum`."""
    index = directory / "index.json"
    if index.exists():
        known = json.loads(index.read_text())
        if (known["format"], known["checksum"]) == (FORMAT, checksum):
            return Normaliser(
                np.array(known["mean"], np.float32), np.array(known["std"], np.float32)
            )
    directory.mkdir(parents=True, exist_ok=True)
    moments = RunningMoments()
    chunks = in_order(OnTheFly(utterances), SHARD_UTTERANCES, readers)
    for number, chunk in enumerate(chunks):
        np.concatenate(chunk).tofile(_shard_path(directory, number))
        for features in chunk:
            moments.add(features)
    normaliser = moments.normaliser()
    _write_index(index, checksum, normaliser)
    return normaliser


def _write_index(index: Path, checksum: str, normaliser: Normaliser) -> None:
    content = {
        "format": FORMAT,
        "checksum": checksum,
        "mean": normaliser.mean.tolist(),
        "std": normaliser.std.tolist(),
    }
    temporary = index.with_suffix(".tmp")
    temporary.write_text(json.dumps(content))
    os.replace(temporary, index)  # last: an interrupted writing leaves no index


def open_shards(utterances: Sequence[Utterance], directory: Path) -> FeatureShards:
    """Shards that `write_shards` wrote of these `utterances`."""
    frames = tuple(map(utterance_frames, utterances))
    rows: list[int] = []
    for position in range(len(frames)):
        first = position % SHARD_UTTERANCES == 0
        rows.append(0 if first else rows[-1] + frames[position - 1])
    return FeatureShards(directory, utterances, tuple(rows), frames)
