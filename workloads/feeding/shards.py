"""Features computed ahead: what lies in the cache, and reading it, in numpy alone.

Axes: `T` frames, `F` features.

Shards hold 64 utterances each as raw float32 rows. They are read by position rather
than memory-mapped, because mapped pages count as the process's own memory and
would make its peak grow with the corpus. `sources.write_shards` makes them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np

from workloads.corpora import cache
from workloads.corpora.faults import DataError
from workloads.corpora.utterance import Corpus, Utterance, frame_count
from workloads.feeding.normaliser import Normaliser

SHARD_UTTERANCES = 64
FORMAT = 3  # raise it whenever the same audio gives other features or other files
HASHED_BYTES = 4_000_000_000  # read through at each start, in a second or two
VALUE_BYTES = 4

SplitName = Literal["train", "validation"]


def utterance_frames(utterance: Utterance) -> int:
    """T, known before the audio is read."""
    return frame_count(utterance.samples)


@dataclass(frozen=True, eq=False)
class FeatureShards:
    """Features of `width` numbers a frame, and their normaliser. A shard is opened only
    while it is read."""

    directory: Path
    rows: tuple[int, ...]  # an utterance's first row in its shard
    frames: tuple[int, ...]  # T of each utterance
    width: int
    normaliser: Normaliser

    def read(self, positions: Sequence[int]) -> list[np.ndarray]:
        """Features (T, F) of each, not normalised; any thread may read. Raises
        DataError, naming the shard, if it has become too short."""
        return [self._read(i) for i in positions]

    def _read(self, position: int) -> np.ndarray:
        path = shard_path(self.directory, position // SHARD_UTTERANCES)
        count = self.frames[position] * self.width
        offset = self.rows[position] * self.width * VALUE_BYTES
        values = np.fromfile(path, np.float32, count, offset=offset)
        if len(values) != count:
            raise DataError(
                f"{path} ends {count - len(values)} numbers early: "
                f"delete {self.directory} to have it written again"
            )
        return values.reshape(-1, self.width)


@dataclass(frozen=True, eq=False)
class ShardFolder:
    """Where the features of one split of a corpus lie, there already or not; `made_of`
    is all that they depend on but the split."""

    path: Path
    utterances: Sequence[Utterance]
    width: int
    made_of: Mapping[str, Any]

    def fault(self) -> str | None:
        """What is not as it was written, None if nothing is.

        Contents are hashed up to HASHED_BYTES (0.03 s for 30 minutes of speech);
        beyond, sizes have to do.
        """
        try:
            manifest = cache.read_manifest(self.path)[0]
        except ValueError as error:
            return str(error)
        for key, expected in self.made_of.items():
            if (found := manifest.get(key)) != expected:
                return f"{self.path / cache.MANIFEST} has {key} {found}, not {expected}"
        if wrong := self._wrong_size():
            return wrong
        if sum(self._shard_bytes().values()) > HASHED_BYTES:
            return None
        faults = cache.damaged_files(self.path, manifest["sha256"])
        return next(
            (f"{self.path / n} is {fault}" for n, fault in faults.items()), None
        )

    def open(self) -> FeatureShards:
        """For whoever must not load torch, too: where there is a `fault`, another
        process makes what is missing, by `sources.write_shards`."""
        manifest = cache.read_manifest(self.path)[0]
        mean, std = (np.array(manifest[key], np.float32) for key in ("mean", "std"))
        rows: list[int] = []
        for position in range(len(self.frames)):
            first = position % SHARD_UTTERANCES == 0
            rows.append(0 if first else rows[-1] + self.frames[position - 1])
        normaliser = Normaliser(mean, std)
        return FeatureShards(
            self.path, tuple(rows), self.frames, self.width, normaliser
        )

    @cached_property
    def frames(self) -> tuple[int, ...]:
        return tuple(map(utterance_frames, self.utterances))

    def _shard_bytes(self) -> dict[str, int]:
        row_bytes = self.width * VALUE_BYTES
        return {
            shard_path(self.path, first // SHARD_UTTERANCES).name: row_bytes
            * sum(self.frames[first : first + SHARD_UTTERANCES])
            for first in range(0, len(self.frames), SHARD_UTTERANCES)
        }

    def _wrong_size(self) -> str | None:
        for name, expected in self._shard_bytes().items():
            path = self.path / name
            if not path.is_file():
                return f"{path} is missing"
            if (found := path.stat().st_size) != expected:
                return f"{path} has {found} bytes, expected {expected}"
        return None


def shard_path(directory: Path, number: int) -> Path:
    return directory / f"{number:05d}.f32"


def shard_folder(
    corpus: Corpus, split: SplitName, features: str, width: int, cache_dir: Path
) -> ShardFolder:
    """Where `features`, an extractor's name, of a split lie: its folder's name holds
    all that they depend on."""
    made_of = {
        "format": FORMAT,
        "features": features,
        "width": width,
        "torch": version("torch"),
        "torchaudio": version("torchaudio"),
        "corpus": corpus.checksum,
    }
    made_with = f"torch{made_of['torch']}-torchaudio{made_of['torchaudio']}"
    name = f"features-{features}-v{FORMAT}-{made_with}-{corpus.checksum[:16]}"
    utterances = {"train": corpus.train, "validation": corpus.validation}[split]
    return ShardFolder(cache_dir / name / split, utterances, width, made_of)
