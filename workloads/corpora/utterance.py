"""One recorded sentence, and a corpus of them.

Axes: `S` samples.
"""

import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from workloads.corpora.audio_files import read_samples
from workloads.corpora.faults import DataError

ALPHABET = " '" + string.ascii_lowercase
SAMPLE_RATE_HZ = 16_000
HOP_SAMPLES = 160  # 10 ms
MAX_SAMPLES = 267_200  # 16.7 s, 1,670 hops: longer utterances are dropped
MIN_FRAMES = 11  # the first convolution's kernel: shorter utterances are dropped

TOO_LONG = "over 16.7 s"
TOO_SHORT = "under 11 frames"


@dataclass(frozen=True)
class Utterance:
    """A sentence, who said it, and the audio file that holds it."""

    id: str
    path: Path
    duration_s: float
    speaker: str
    transcript: str  # lower case a-z, apostrophe, single spaces

    @property
    def samples(self) -> int:
        return round(self.duration_s * SAMPLE_RATE_HZ)


@dataclass(frozen=True)
class Corpus:
    """Utterances to train on and to validate on.

    `dropped` counts the utterances left out, by reason. `checksum` is a SHA-256 over
    ids, transcripts and a digest of each utterance's audio, in FLAC the one in its
    header; two undamaged corpora that share it give the same results.
    """

    name: str
    checksum: str
    train: tuple[Utterance, ...]
    validation: tuple[Utterance, ...]
    dropped: Mapping[str, int]


def frame_count(samples: int) -> int:
    """Feature frames of a centred STFT: one per hop, and one at the start."""
    return 1 + samples // HOP_SAMPLES


def reason_to_drop(samples: int) -> str | None:
    """Why an utterance of this many samples at 16 kHz is left out, or None.

    >>> reason_to_drop(16_000 * 17)
    'over 16.7 s'
    """
    if samples > MAX_SAMPLES:
        return TOO_LONG
    if frame_count(samples) < MIN_FRAMES:
        return TOO_SHORT
    return None


def check_transcript(utterance_id: str, transcript: str) -> None:
    """ValueError unless it is words of a-z and apostrophes, with single spaces."""
    for position, symbol in enumerate(transcript):
        if symbol not in ALPHABET:
            raise ValueError(
                f"utterance {utterance_id}: symbol {symbol!r} at position {position} "
                f"of the transcript {transcript!r} is outside the alphabet (space, "
                "apostrophe, a-z); spell it out in lower-case letters"
            )
    if transcript != " ".join(transcript.split()) or not transcript:
        raise ValueError(
            f"utterance {utterance_id}: the transcript {transcript!r} must be words "
            "with single spaces between them; remove the other spaces, or the utterance"
        )


def read_audio(utterance: Utterance) -> np.ndarray:
    """Float32 in [-1, 1), shape (S,). Raises DataError, naming the file, as
    `read_samples`, and if it has several channels or another length."""
    path = utterance.path
    audio = read_samples(path, utterance.id, SAMPLE_RATE_HZ)
    if audio.shape[1] != 1:
        found = audio.shape[1]
        raise DataError(f"{path} has {found} channels, expected 1: mix it down")
    if len(audio) != utterance.samples:
        raise DataError(
            f"{path} holds {len(audio)} samples, expected {utterance.samples}: "
            "replace the file, or load the corpus again"
        )
    return audio[:, 0]
