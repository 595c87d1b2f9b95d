"""A mixture of speakers with what each of them said, and a corpus of such.

Axes: `S` samples, `C` sources.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from math import gcd
from pathlib import Path

import numpy as np

from workloads.corpora.audio_files import read_samples
from workloads.corpora.faults import DataError

_log = logging.getLogger("speechmark")


@dataclass(frozen=True)
class Track:
    """One channel of an audio file, from sample `start` on."""

    path: Path
    channel: int = 0
    start: int = 0


@dataclass(frozen=True)
class Mixture:
    """What a microphone recorded, and its sources, each of so many samples."""

    id: str
    mixture: Track
    sources: tuple[Track, ...]
    samples: int
    sample_rate_hz: int


@dataclass(frozen=True)
class MixtureCorpus:
    """As `utterance.Corpus`, of mixtures of one number of sources and one rate;
    `checksum` is over their ids, lengths, and a digest of sampled bytes of each one's
    files."""

    name: str
    checksum: str
    train: tuple[Mixture, ...]
    validation: tuple[Mixture, ...]
    dropped: Mapping[str, int]


@dataclass(frozen=True)
class Signals:
    """`mixture` (S,) and `sources` (C, S), float32."""

    mixture: np.ndarray
    sources: np.ndarray


def read(mixture: Mixture, sample_rate_hz: int) -> Signals:
    """The audio of a mixture, resampled where it has another rate.

    Raises DataError, naming the file, where it is missing, is not audio, has another
    rate than the mixture says, lacks the channel, or is too short.
    """
    files: dict[tuple[Path, int], np.ndarray] = {}
    mixed, *tracks = (
        _read_track(track, mixture, files)
        for track in (mixture.mixture, *mixture.sources)
    )
    sources = np.stack(tracks)
    if mixture.sample_rate_hz != sample_rate_hz:
        mixed = resampled(mixed, mixture.sample_rate_hz, sample_rate_hz)
        sources = resampled(sources, mixture.sample_rate_hz, sample_rate_hz)
    return Signals(mixed, sources)


def warn_of_other_rate(
    name: str, found_hz: int, sample_rate_hz: int, may_resample: bool
) -> None:
    """Warn that a corpus of another rate is resampled, or raise ValueError."""
    if found_hz == sample_rate_hz:
        return
    rates = f"{name} has {found_hz} Hz, the model {sample_rate_hz} Hz"
    if not may_resample:
        raise ValueError(f"{rates}: give a corpus of that rate, or let it be resampled")
    _log.warning("%s: the corpus is resampled", rates)


def check_sources(corpus: MixtureCorpus, sources: int, model: str) -> None:
    """ValueError where a model separates another number of sources."""
    found = len(corpus.validation[0].sources)
    if found != sources:
        raise ValueError(
            f"{corpus.name} has mixtures of {found} sources, {model} "
            f"separates {sources}: use a model or a corpus of the same number"
        )


def resampled(audio: np.ndarray, from_hz: int, to_hz: int) -> np.ndarray:
    """Along the last axis, by a polyphase filter."""
    from scipy.signal import resample_poly  # 66 MB that other rates spare

    divisor = gcd(from_hz, to_hz)
    found = resample_poly(audio, to_hz // divisor, from_hz // divisor, axis=-1)
    return np.asarray(found, np.float32)


def _read_track(
    track: Track, mixture: Mixture, files: dict[tuple[Path, int], np.ndarray]
) -> np.ndarray:
    """One channel; `files` keeps what was read, as tracks may share a file."""
    key = track.path, track.start
    if key not in files:
        files[key] = read_samples(
            track.path, mixture.id, mixture.sample_rate_hz, track.start, mixture.samples
        )
    audio = files[key]
    if len(audio) != mixture.samples:
        raise DataError(
            f"{track.path} holds {len(audio)} samples from sample {track.start} on, "
            f"expected {mixture.samples}: replace the file"
        )
    if track.channel >= audio.shape[1]:
        raise DataError(
            f"{track.path} has {audio.shape[1]} channels, expected {track.channel + 1} "
            "or more: replace the file"
        )
    return np.ascontiguousarray(audio[:, track.channel])
