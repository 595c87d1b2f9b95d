"""The built-in stand-in for a corpus of spoofed speech, which says so in its name.

Bona fide is speech as the synthesiser makes it; spoofed is speech of the same speakers
that was taken apart and put together again, through `attacks`, or said by another kind
of synthesiser. A detector of it has learned what signal processing leaves behind, and
nothing of what neural networks do: its error rates are no forecast of those on people's
recordings. Evaluation has speakers and attacks that training has not.

Every second utterance is bona fide. Half of all have noise, a quarter a telephone's
bandwidth, whichever kind they are.

Axes: `S` samples.
"""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from basics.files import file_sha256
from workloads.corpora import espeak
from workloads.corpora.audio_files import write_pcm
from workloads.corpora.generated import Entry, Manifest, load_or_make, parts_of
from workloads.corpora.progress import Progress, no_progress
from workloads.corpora.render import (
    Split,
    draw_speech,
    generator_of,
    pink,
    white,
    with_power,
)
from workloads.corpora.spoofed import attacks
from workloads.corpora.spoofed.utterance import SpoofCorpus, SpoofUtterance
from workloads.corpora.utterance import SAMPLE_RATE_HZ
from workloads.metrics.detection import BONA_FIDE
from workloads.metrics.detection_costs import ASVSPOOF_2019

GENERATOR_VERSION = 1  # raise it whenever the same seed gives other audio
KLATT = "klatt"
KLATT_VARIANTS = ("klatt", "klatt2", "klatt3", "klatt4")
NOISY_SHARE, SNR_DB = 0.5, (15.0, 35.0)
NARROW_SHARE, NARROW_HZ = 0.25, 8_000
LEVEL_DBFS = (-30.0, -22.0)
PEAK = 0.99
KINDS = {
    Split.TRAIN: tuple(attacks.TRAIN),
    Split.VALIDATION: (*attacks.EVALUATION, KLATT),
}


@dataclass(frozen=True)
class SpoofedSize:
    """How many utterances, some 3 s each."""

    name: str
    train: int
    evaluation: int

    def __post_init__(self) -> None:
        for split in Split:
            if self.of(split) < (least := 2 * len(KINDS[split])):
                raise ValueError(
                    f"{split.part} has {self.of(split)} utterances: give {least} or "
                    "more, so that every attack is there"
                )

    def of(self, split: Split) -> int:
        return self.train if split is Split.TRAIN else self.evaluation


SMOKE = SpoofedSize("smoke", train=32, evaluation=20)
QUICK = SpoofedSize("quick", train=1_200, evaluation=600)
STANDARD = SpoofedSize("standard", train=6_000, evaluation=3_000)


def load_or_build(
    size: SpoofedSize,
    cache_dir: Path,
    seed: int = 0,
    on_progress: Progress = no_progress,
) -> SpoofCorpus:
    """The corpus from the cache, made or mended first as by `load_or_make`."""
    folder = Path(cache_dir) / folder_name(size, seed)
    write = partial(write_utterance, seed)

    def make(building: Path, pool: Executor) -> Manifest:
        entries: list[Entry] = []
        for split in Split:
            count = size.of(split)
            made = pool.map(partial(write, building, split), range(count), chunksize=4)
            for done, entry in enumerate(made, start=1):
                entries.append(entry)
                if done % 50 == 0 or done == count:
                    on_progress(f"{split.part} speech, spoofed", done, count)
        return {
            "generator_version": GENERATOR_VERSION,
            "espeak_version": espeak.version(),
            "seed": seed,
            "utterances": entries,
        }

    manifest, checksum = load_or_make(folder, "utterances", write, make, on_progress)
    parts = parts_of(manifest["utterances"], partial(_utterance, folder))
    name = f"builtin-spoofed-stand-in-{size.name}"
    return SpoofCorpus(name, checksum, *parts, ASVSPOOF_2019, {})


def folder_name(size: SpoofedSize, seed: int) -> str:
    """A name that holds all that the content depends on."""
    return (
        f"spoofed-v{GENERATOR_VERSION}-espeak{espeak.version()}-seed{seed}"
        f"-train{size.train}-evaluation{size.evaluation}"
    )


def write_utterance(seed: int, folder: Path, split: Split, index: int) -> Entry:
    """As `generated.Write`, in 16-bit FLAC."""
    audio, speaker, attack = render_spoofed(seed, split, index)
    name = f"{split.part}/{index:06d}.flac"
    write_pcm(folder / name, audio, SAMPLE_RATE_HZ)
    return {
        "file": name,
        "index": index,
        "split": split.part,
        "speaker": speaker,
        "attack": attack,
        "samples": len(audio),
        "sha256": file_sha256(folder / name),
    }


def attack_of(split: Split, index: int) -> str:
    """
    >>> [attack_of(Split.TRAIN, index) for index in range(4)]
    ['', 'griffin-lim-80', '', 'lpc-18']
    """
    kinds = KINDS[split]
    return kinds[index // 2 % len(kinds)] if index % 2 else BONA_FIDE


def render_spoofed(seed: int, split: Split, index: int) -> tuple[np.ndarray, str, str]:
    """Audio (S,) at 16 kHz, who seems to speak, and the attack. It depends on no other
    utterance."""
    from scipy.signal import resample_poly

    rng, attack = generator_of(seed, split, index), attack_of(split, index)
    speaker = split.speakers[rng.integers(len(split.speakers))]
    voice = speaker
    if attack == KLATT:
        voice = replace(speaker, variant=str(rng.choice(KLATT_VARIANTS)))
    _, _, speech = draw_speech(rng, split, voice)
    known = {**attacks.TRAIN, **attacks.EVALUATION}
    speech = with_power(speech, 0.01)
    if attack in known:
        speech = known[attack](rng, speech)
    if rng.random() < NARROW_SHARE:
        narrow = resample_poly(speech, NARROW_HZ, SAMPLE_RATE_HZ)
        speech = resample_poly(narrow, SAMPLE_RATE_HZ, NARROW_HZ)
    level_db = rng.uniform(*LEVEL_DBFS)
    audio = with_power(speech, 10 ** (level_db / 10))
    snr_db = rng.uniform(*SNR_DB) if rng.random() < NOISY_SHARE else 60.0
    noise = (white, pink)[rng.integers(2)](rng, split, len(audio))
    audio = audio + with_power(noise, 10 ** ((level_db - snr_db) / 10))
    return audio * min(1.0, PEAK / np.abs(audio).max()), speaker.name, attack


def _utterance(folder: Path, entry: Entry) -> SpoofUtterance:
    return SpoofUtterance(
        id=f"{entry['split']}-{Path(entry['file']).stem}",
        path=folder / entry["file"],
        samples=entry["samples"],
        speaker=entry["speaker"],
        attack=entry["attack"],
    )
