"""What a detector is trained and judged on: four seconds of each utterance.

Axes: `B` utterances, `S` samples. Needs no torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from workloads.corpora.audio_files import read_samples
from workloads.corpora.faults import DataError
from workloads.corpora.spoofed.utterance import SpoofCorpus, SpoofUtterance
from workloads.corpora.utterance import SAMPLE_RATE_HZ
from workloads.feeding.choosing import evenly
from workloads.metrics.detection import BONA_FIDE
from workloads.metrics.detection_costs import SpeakerVerifier

UTTERANCE_S = 4.0
SAMPLES = round(UTTERANCE_S * SAMPLE_RATE_HZ)
HELD_BYTES = 1_000_000_000  # of a part that stays in memory, in 16 bits
READERS = 4  # threads that read a batch, where it does not


@dataclass(frozen=True)
class SpoofPart:
    """Utterances by their positions; any thread may read."""

    utterances: tuple[SpoofUtterance, ...]

    def __len__(self) -> int:
        return len(self.utterances)

    @cached_property
    def attacks(self) -> tuple[str, ...]:
        return tuple(one.attack for one in self.utterances)

    @cached_property
    def labels(self) -> np.ndarray:
        """1 where an utterance is bona fide (N,), in float32."""
        return np.array([one.is_bona_fide for one in self.utterances], np.float32)

    def waves(
        self, positions: Sequence[int], rng: np.random.Generator | None = None
    ) -> np.ndarray:
        """(B, S) in float32: the first SAMPLES of each, or those from a place that is
        drawn, again from its beginning where it is shorter."""
        found = np.empty((len(positions), SAMPLES), np.float32)
        for row, audio in zip(found, self._audio(positions), strict=True):
            spare = max(0, len(audio) - SAMPLES)
            start = 0 if rng is None else int(rng.integers(spare + 1))
            row[:] = np.resize(audio[start:], SAMPLES)
        found /= 32_768
        return found

    def spread(self, count: int) -> list[int]:
        """At most so many positions, evenly over what made the utterances."""
        order = sorted(range(len(self)), key=self.attacks.__getitem__)
        return evenly(order, count)

    def __getstate__(self) -> dict[str, Any]:
        """Without the audio in memory: another process reads it anew."""
        return {"utterances": self.utterances}

    def _audio(self, positions: Sequence[int]) -> Iterable[np.ndarray]:
        if self._held is not None:
            return [self._held[position] for position in positions]
        with ThreadPoolExecutor(READERS) as pool:
            return list(pool.map(read_whole, (self.utterances[i] for i in positions)))

    @cached_property
    def _held(self) -> list[np.ndarray] | None:
        if 2 * sum(one.samples for one in self.utterances) > HELD_BYTES:
            return None
        with ThreadPoolExecutor() as pool:
            return list(pool.map(read_whole, self.utterances))


def read_whole(utterance: SpoofUtterance) -> np.ndarray:
    """(S,) in int16. Raises DataError, naming the file, if it is missing, no audio, of
    another rate or length, or has several channels."""
    path = utterance.path
    audio = read_samples(path, utterance.id, SAMPLE_RATE_HZ)
    if audio.shape != (utterance.samples, 1):
        raise DataError(
            f"{path} holds {audio.shape[0]} samples of {audio.shape[1]} channels, "
            f"expected {utterance.samples} of 1: replace the file, or load the corpus "
            "again"
        )
    return np.round(audio[:, 0] * 32_768).astype(np.int16)


@dataclass(frozen=True)
class SpoofDataset:
    """Both parts, and the speaker verifier that a detector stands before."""

    name: str
    checksum: str
    train: SpoofPart
    evaluation: SpoofPart
    verifier: SpeakerVerifier
    is_whole: bool = True
    facts: Mapping[str, float | str] = field(default_factory=dict)


def of_corpus(corpus: SpoofCorpus) -> SpoofDataset:
    train, evaluation = SpoofPart(corpus.train), SpoofPart(corpus.evaluation)
    attacks = sorted(set(evaluation.attacks) - {BONA_FIDE})
    facts: dict[str, float | str] = {"attacks": ", ".join(attacks)}
    if corpus.dropped:
        facts["left_out"] = ", ".join(f"{n} {why}" for why, n in corpus.dropped.items())
    return SpoofDataset(
        corpus.name,
        corpus.checksum,
        train,
        evaluation,
        corpus.verifier,
        facts=facts,
    )
