"""The two ways to come by an utterance's features: from shards, or on the fly.

Axes: `T` frames, `F` features (93).

Shards hold 64 utterances each as raw float32 rows. They are read by position rather
than memory-mapped, because mapped pages count as the process's own memory and
would make its peak grow with the corpus.
"""

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
import torchaudio

from workloads.asr.features import FEATURES, LogMelMfcc, Normaliser, RunningMoments
from workloads.corpora import cache
from workloads.corpora.utterance import (
    SAMPLE_RATE_HZ,
    Utterance,
    frame_count,
    read_audio,
)

SHARD_UTTERANCES = 64
ROW_BYTES = FEATURES * 4
FORMAT = 2  # raise it whenever the same audio gives other features or other files
HASHED_BYTES = 4_000_000_000  # read through at each start, in a second or two

_log = logging.getLogger("speechmark")


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


def shards_name(checksum: str) -> str:
    """A folder name that holds all that the features of a corpus depend on."""
    made_with = f"torch{torch.__version__}-torchaudio{torchaudio.__version__}"
    return f"features-v{FORMAT}-{made_with}-{checksum[:16]}"


def write_shards(
    utterances: Sequence[Utterance], directory: Path, checksum: str, readers: int
) -> Normaliser:
    """Write the shards of `utterances`, unless they lie there whole.

    `checksum` is the corpus's. What is damaged, or is of something else, is written
    anew, with a warning to the logger `speechmark`; it takes its name only when it is
    whole, so that several processes may write at once.
    """
    fault = _fault(utterances, directory, checksum) if directory.exists() else None
    if fault:
        _log.warning("%s: the features are computed anew", fault)
    if fault or not directory.exists():
        _build(utterances, directory, checksum, readers)
    manifest = cache.read_manifest(directory)[0]
    mean, std = (np.array(manifest[key], np.float32) for key in ("mean", "std"))
    return Normaliser(mean, std)


def _made_of(checksum: str) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "torch": torch.__version__,
        "torchaudio": torchaudio.__version__,
        "corpus": checksum,
    }


def _build(
    utterances: Sequence[Utterance], directory: Path, checksum: str, readers: int
) -> None:
    with cache.temporary_folder(directory) as building:
        moments = RunningMoments()
        sha256 = {}
        chunks = in_order(OnTheFly(utterances), SHARD_UTTERANCES, readers)
        for number, chunk in enumerate(chunks):
            path = _shard_path(building, number)
            np.concatenate(chunk).tofile(path)
            sha256[path.name] = cache.file_sha256(path)
            for features in chunk:
                moments.add(features)
        normaliser = moments.normaliser()
        manifest = {
            **_made_of(checksum),
            "mean": normaliser.mean.tolist(),
            "std": normaliser.std.tolist(),
            "sha256": sha256,
        }
        cache.write_manifest(building, manifest)
        if directory.exists():
            # File by file: another process may have mended it already, and be reading.
            cache.swap_in(building, directory)
        else:
            cache.publish(building, directory)


def _fault(
    utterances: Sequence[Utterance], directory: Path, checksum: str
) -> str | None:
    """What is not as it was written, None if nothing is.

    Contents are hashed up to HASHED_BYTES (0.03 s for 30 minutes of speech); beyond,
    sizes have to do.
    """
    try:
        manifest = cache.read_manifest(directory)[0]
    except ValueError as error:
        return str(error)
    for key, expected in _made_of(checksum).items():
        if (found := manifest.get(key)) != expected:
            return f"{directory / cache.MANIFEST} has {key} {found}, not {expected}"
    sizes = _shard_bytes(utterances)
    if wrong := _wrong_size(directory, sizes):
        return wrong
    if sum(sizes.values()) > HASHED_BYTES:
        return None
    faults = cache.damaged_files(directory, manifest["sha256"])
    return next(
        (f"{directory / name} is {fault}" for name, fault in faults.items()), None
    )


def _shard_bytes(utterances: Sequence[Utterance]) -> dict[str, int]:
    frames = list(map(utterance_frames, utterances))
    return {
        _shard_path(Path(), first // SHARD_UTTERANCES).name: ROW_BYTES
        * sum(frames[first : first + SHARD_UTTERANCES])
        for first in range(0, len(frames), SHARD_UTTERANCES)
    }


def _wrong_size(directory: Path, sizes: Mapping[str, int]) -> str | None:
    for path, expected in ((directory / name, size) for name, size in sizes.items()):
        if not path.is_file():
            return f"{path} is missing"
        if (found := path.stat().st_size) != expected:
            return f"{path} has {found} bytes, expected {expected}"
    return None


def open_shards(utterances: Sequence[Utterance], directory: Path) -> FeatureShards:
    """Shards that `write_shards` wrote of these `utterances`.

    Raises ValueError for a shard that is missing or not as long as its utterances.
    """
    if fault := _wrong_size(directory, _shard_bytes(utterances)):
        raise ValueError(f"{fault}: delete {directory} to have it written again")
    frames = tuple(map(utterance_frames, utterances))
    rows: list[int] = []
    for position in range(len(frames)):
        first = position % SHARD_UTTERANCES == 0
        rows.append(0 if first else rows[-1] + frames[position - 1])
    return FeatureShards(directory, utterances, tuple(rows), frames)
