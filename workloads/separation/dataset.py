"""What a separator is trained and judged on.

Axes: `B` mixtures, `C` sources, `S` samples. Needs no torch.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from workloads.corpora.cache import default_cache_dir
from workloads.corpora.faults import DataError
from workloads.corpora.mixtures import builtin
from workloads.corpora.mixtures import on_disk as disk
from workloads.corpora.mixtures.mixture import (
    Mixture,
    MixtureCorpus,
    Signals,
    check_sources,
    read,
)
from workloads.corpora.mixtures.scenes import MEETING, TWO_SPEAKERS, Scene
from workloads.corpora.progress import Progress, no_progress
from workloads.separation.sizes import Size

SILENT_RMS = 1e-8
LEVEL_DB = 2.5  # at most, of a remixed source against the one it replaces


@dataclass(frozen=True)
class Separation:
    """What training a separator takes, beside what any model does: mixtures are cut to
    `segment_s`; `remix` makes new ones of their sources in each epoch."""

    segment_s: float = 4.0
    remix: bool = True

    def __post_init__(self) -> None:
        if self.segment_s <= 0:
            raise ValueError(f"segment_s is {self.segment_s}: give more than 0")


@dataclass(frozen=True)
class MixtureSet:
    """Mixtures to train on, or to validate on, at a model's sample rate."""

    mixtures: tuple[Mixture, ...]
    sample_rate_hz: int

    @cached_property
    def held(self) -> list[Signals]:
        """All in memory."""
        return [read(mixture, self.sample_rate_hz) for mixture in self.mixtures]


@dataclass(frozen=True)
class Dataset:
    """Both parts; `is_whole` where they are of one corpus."""

    name: str
    checksum: str
    train: MixtureSet
    validation: MixtureSet
    is_whole: bool = True
    facts: Mapping[str, float | str] = field(default_factory=dict)


def of_corpus(corpus: MixtureCorpus, size: Size) -> Dataset:
    """A corpus of mixtures for a size.

    Raises ValueError where it has another number of sources.
    """
    check_sources(corpus, size.sources, size.name)
    parts = corpus.train, corpus.validation
    train, validation = (MixtureSet(part, size.sample_rate_hz) for part in parts)
    return Dataset(corpus.name, corpus.checksum, train, validation)


def builtin_mixtures(
    size: Size,
    mixtures: builtin.MixturesSize,
    scene: Scene | None = None,
    on_progress: Progress = no_progress,
) -> Dataset:
    """Built-in mixtures: of `scene`, else those with the size's number of sources."""
    if scene is None:
        scene = MEETING if size.sources == MEETING.sources else TWO_SPEAKERS
    wanted = (mixtures.fitted(scene), default_cache_dir(), size.sample_rate_hz, scene)
    return of_corpus(builtin.load_or_build(*wanted, on_progress=on_progress), size)


def on_disk(
    root: Path,
    size: Size,
    may_resample: bool = True,
    on_progress: Progress = no_progress,
) -> Dataset:
    """LibriMix, Aishell1Mix or LibriCSS, whichever lies in `root`.

    Raises ValueError where there is none with the size's number of sources. LibriCSS
    has no part to train on: its `train` is empty.
    """
    needs = (size.sample_rate_hz, size.framing.window, may_resample, size.sources)
    return of_corpus(disk.load(root, *needs, on_progress), size)


def with_training(found: Dataset, make: Callable[[], Dataset]) -> Dataset:
    """`found`, which may have no part to train on: then that of what `make` makes."""
    if found.train.mixtures:
        return found
    made = make()
    checksum = hashlib.sha256(f"{made.checksum} {found.checksum}".encode()).hexdigest()
    name = f"{made.name}+{found.name}"
    return Dataset(name, checksum, made.train, found.validation, is_whole=False)


def batches(
    held: Sequence[Signals],
    batch_size: int,
    samples: int,
    rng: np.random.Generator,
    remix: bool,
) -> Iterator[list[Signals]]:
    """Each mixture once, in a random order, cut to S samples or filled up with zeros.

    `remix`: each source of a mixture is drawn anew from those of all mixtures, shifted
    and at another level, over the noise of the mixture that it replaces (N. Zeghidour,
    D. Grangier, "Wavesplit", 2020, call it dynamic mixing): no two epochs are alike.
    The last mixtures, too few for a batch, are left out, unless there is no other.
    """
    if not held:
        raise DataError("no mixtures to train on: give a corpus that has some")
    order = rng.permutation(len(held))
    batch_size = min(batch_size, len(held))
    for start in range(0, len(order) - batch_size + 1, batch_size):
        chosen = [held[i] for i in order[start : start + batch_size]]
        if remix:
            chosen = [_remixed(held, one, rng) for one in chosen]
        yield [_cut(one, samples, rng) for one in chosen]


def _remixed(
    held: Sequence[Signals], signals: Signals, rng: np.random.Generator
) -> Signals:
    """Other sources over the same noise."""
    count, samples = signals.sources.shape
    others = rng.choice(len(held), count, replace=len(held) < count)
    sources = np.empty_like(signals.sources)
    for row, other in enumerate(np.asarray(others)):
        source = held[other].sources[rng.integers(count)]
        shifted = np.roll(np.resize(source, samples), rng.integers(samples))
        gain_db = rng.uniform(-LEVEL_DB, LEVEL_DB)
        scale = _rms(signals.sources[row]) / max(_rms(source), SILENT_RMS)
        sources[row] = shifted * scale * 10 ** (gain_db / 20)
    noise = signals.mixture - signals.sources.sum(0)
    return Signals(sources.sum(0) + noise, sources)


def _rms(audio: np.ndarray) -> float:
    return float(np.sqrt(np.mean(audio**2)))


def _cut(signals: Signals, samples: int, rng: np.random.Generator) -> Signals:
    spare = len(signals.mixture) - samples
    if spare >= 0:
        window = slice(start := int(rng.integers(spare + 1)), start + samples)
        return Signals(signals.mixture[window], signals.sources[:, window])
    return Signals(
        np.pad(signals.mixture, (0, -spare)),
        np.pad(signals.sources, ((0, 0), (0, -spare))),
    )
