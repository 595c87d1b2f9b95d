"""Mixtures of noise, short enough that a test may write a hundred of them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from workloads.corpora.mixtures.mixture import Mixture, Track

Make = Callable[..., list[Mixture]]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Mixtures of so many samples, half a second where not told."""

    def made(
        count: int,
        sources: int = 2,
        sample_rate_hz: int = 8_000,
        samples: int = 4_000,
        seed: int = 0,
    ) -> list[Mixture]:
        folder = tmp_path / f"made-{seed}-{sources}-{sample_rate_hz}-{samples}"
        folder.mkdir(exist_ok=True)
        rng = np.random.default_rng(seed)
        mixtures = []
        for index in range(count):
            said = rng.uniform(-0.2, 0.2, (sources, samples))
            heard = said.sum(axis=0) / 2 + rng.uniform(-0.02, 0.02, samples)
            paths = [folder / f"{index}-{track}.wav" for track in range(sources + 1)]
            for path, audio in zip(paths, (heard, *(said / 2)), strict=True):
                soundfile.write(path, audio, sample_rate_hz, subtype="PCM_16")
            tracks = [Track(path) for path in paths]
            mixtures.append(
                Mixture(
                    f"m{seed}-{index:04d}",
                    tracks[0],
                    tuple(tracks[1:]),
                    samples,
                    sample_rate_hz,
                )
            )
        return mixtures

    return made
