"""An utterance that is bona fide or was spoofed, and a corpus of them.

Axes: `S` samples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from workloads.corpora.utterance import SAMPLE_RATE_HZ
from workloads.metrics.detection import BONA_FIDE
from workloads.metrics.detection_costs import SpeakerVerifier


@dataclass(frozen=True)
class SpoofUtterance:
    """`attack` names what made it, BONA_FIDE where nothing did."""

    id: str
    path: Path
    samples: int
    speaker: str
    attack: str

    @property
    def is_bona_fide(self) -> bool:
        return self.attack == BONA_FIDE

    @property
    def duration_s(self) -> float:
        return self.samples / SAMPLE_RATE_HZ


@dataclass(frozen=True)
class SpoofCorpus:
    """Utterances to train on, and others, of other speakers, to judge by; the speaker
    verifier that a detector stands before; `dropped` counts what was left out."""

    name: str
    checksum: str
    train: tuple[SpoofUtterance, ...]
    evaluation: tuple[SpoofUtterance, ...]
    verifier: SpeakerVerifier
    dropped: Mapping[str, int]

    def __post_init__(self) -> None:
        check_parts(self.name, {"train": self.train, "evaluation": self.evaluation})


def check_parts(name: str, parts: Mapping[str, Sequence[SpoofUtterance]]) -> None:
    """ValueError where a part lacks a kind, or two parts share speakers."""
    known: dict[str, str] = {}
    for part, utterances in parts.items():
        bona_fide = sum(one.is_bona_fide for one in utterances)
        if not 0 < bona_fide < len(utterances):
            kind = "spoofed" if bona_fide else "bona fide"
            raise ValueError(
                f"{name}: none of {len(utterances)} utterances of {part} is {kind}: "
                "a detector needs both kinds"
            )
        speakers = {one.speaker for one in utterances}
        shared = sorted(speaker for speaker in speakers if speaker in known)
        if shared:
            listed = ", ".join(shared[:5]) + (", ..." if len(shared) > 5 else "")
            raise ValueError(
                f"{name}: {len(shared)} speakers are in both {known[shared[0]]} and "
                f"{part} ({listed}): a detector would know their voices; give parts of "
                "different speakers"
            )
        known |= dict.fromkeys(speakers, part)
