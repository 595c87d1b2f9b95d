"""Separators so small that a test can train them, and pairs of tones to train on."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile
import torch

from workloads.corpora.mixtures.mixture import Mixture, Track
from workloads.counting import macs_of
from workloads.separation.dataset import Dataset, MixtureSet
from workloads.separation.sizes import (
    CONV_TASNET_SMALL,
    DPTNET_SMALL,
    LSTM_TASNET_SMALL,
    Framing,
    Size,
)
from workloads.separation.task import SEPARATION

FRAMING = Framing(filters=12, window=16, stride=8)
CONV = replace(
    CONV_TASNET_SMALL,
    framing=FRAMING,
    bottleneck=6,
    hidden=10,
    skip=8,
    blocks=2,
    repeats=2,
)
LSTM = replace(LSTM_TASNET_SMALL, framing=FRAMING, hidden=10, layers=2)
DPT = replace(DPTNET_SMALL, framing=FRAMING, hidden=10, heads=3, chunk=10, pairs=1)

RATE_HZ = 8_000
SAMPLES = 2_000


def macs_of_size(size: Size, samples: int) -> int:
    """Multiply-accumulates of an utterance."""
    with torch.device("meta"):
        return macs_of(SEPARATION.model(size), 1, samples)


def parameter_counts(size: Size) -> dict[str, int]:
    """Of each kind of layer, weights and biases."""
    with torch.device("meta"):
        model = SEPARATION.model(size)
    counts: dict[str, int] = {}
    for module in model.modules():
        own = sum(p.numel() for p in module.parameters(recurse=False))
        if own:
            kind = type(module).__name__
            counts[kind] = counts.get(kind, 0) + own
    return counts


def pair_of_tones(folder: Path, number: int) -> Mixture:
    """A low and a high one, and a little noise, of a quarter of a second."""
    rng = np.random.default_rng(number)
    hertz = np.array([rng.uniform(200, 400), rng.uniform(1_500, 2_500)])
    times = np.arange(SAMPLES) / RATE_HZ
    sources = rng.uniform(0.1, 0.3, (2, 1)) * np.sin(2 * np.pi * hertz[:, None] * times)
    sound = sources.sum(0) + 0.005 * rng.standard_normal(SAMPLES)
    paths = [folder / f"{number}-{kind}.wav" for kind in ("mix", "s1", "s2")]
    for path, audio in zip(paths, (sound, *sources), strict=True):
        soundfile.write(path, audio, RATE_HZ, subtype="PCM_16")
    mixture, *tracks = (Track(path) for path in paths)
    return Mixture(str(number), mixture, tuple(tracks), SAMPLES, RATE_HZ)


def pairs_of_tones(folder: Path) -> Dataset:
    """12 to train on and 4 to validate on."""
    mixtures = tuple(pair_of_tones(folder, number) for number in range(16))
    train, validation = (
        MixtureSet(part, RATE_HZ) for part in (mixtures[:12], mixtures[12:])
    )
    return Dataset("pairs", "0" * 64, train, validation)
