"""Mixtures are read whole, and what keeps one from being read is named."""

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from workloads.corpora.faults import DataError
from workloads.corpora.mixtures.mixture import (
    Mixture,
    MixtureCorpus,
    Track,
    check_sources,
    read,
    resampled,
    warn_of_other_rate,
)

RATE_HZ = 8_000
SAMPLES = 400


@pytest.fixture
def audio() -> np.ndarray:
    """Four channels of 16-bit values."""
    values = np.random.default_rng(0).integers(-9_000, 9_000, (1_000, 4))
    return (values / 32_768).astype(np.float32)


@pytest.fixture
def mixture(tmp_path: Path, audio: np.ndarray) -> Mixture:
    """The mixture is a file of its own, the sources are three channels of another."""
    heard, said = tmp_path / "mix.wav", tmp_path / "each.wav"
    soundfile.write(heard, audio[:, 0], RATE_HZ, subtype="PCM_16")
    soundfile.write(said, audio, RATE_HZ, subtype="PCM_16")
    tracks = tuple(Track(said, channel, start=100) for channel in (1, 3, 2))
    return Mixture("m", Track(heard, start=50), tracks, SAMPLES, RATE_HZ)


def corpus(mixture: Mixture) -> MixtureCorpus:
    return MixtureCorpus("dinner", "0" * 64, (), (mixture,), {})


def test_each_track_is_its_channel_from_its_start(
    mixture: Mixture, audio: np.ndarray
) -> None:
    signals = read(mixture, RATE_HZ)
    np.testing.assert_array_equal(signals.mixture, audio[50:450, 0])
    np.testing.assert_array_equal(signals.sources, audio[100:500, [1, 3, 2]].T)
    assert signals.sources.dtype == signals.mixture.dtype == np.float32


def test_a_file_of_many_tracks_is_read_once(
    mixture: Mixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []
    real = soundfile.SoundFile

    def spy(path: Path) -> soundfile.SoundFile:
        opened.append(path)
        return real(path)

    monkeypatch.setattr(soundfile, "SoundFile", spy)
    read(mixture, RATE_HZ)
    assert [path.name for path in opened] == ["mix.wav", "each.wav"]


def test_another_rate_is_resampled_to(mixture: Mixture) -> None:
    own, double = read(mixture, RATE_HZ), read(mixture, 2 * RATE_HZ)
    assert double.mixture.shape == (2 * SAMPLES,)
    assert double.sources.shape == (3, 2 * SAMPLES)
    assert double.sources.dtype == np.float32
    np.testing.assert_allclose(double.mixture[::2], own.mixture, atol=0.01)


def test_a_tone_stays_what_it_is_when_resampled() -> None:
    def tone(rate_hz: int) -> np.ndarray:
        return np.sin(2 * np.pi * 440 * np.arange(rate_hz) / rate_hz)

    found = resampled(tone(16_000), 16_000, 8_000)
    np.testing.assert_allclose(found[100:-100], tone(8_000)[100:-100], atol=1e-3)


def remove(mixture: Mixture) -> Mixture:
    mixture.mixture.path.unlink()
    return mixture


def scribble(mixture: Mixture) -> Mixture:
    mixture.mixture.path.write_text("no audio")
    return mixture


def another_rate(mixture: Mixture) -> Mixture:
    return replace(mixture, sample_rate_hz=16_000)


def another_channel(mixture: Mixture) -> Mixture:
    return replace(mixture, sources=(Track(mixture.sources[0].path, channel=4),))


def longer(mixture: Mixture) -> Mixture:
    return replace(mixture, samples=951)


def far_start(mixture: Mixture) -> Mixture:
    return replace(mixture, mixture=Track(mixture.mixture.path, start=5_000))


FAULTS = [
    (remove, r"no audio file .*mix\.wav for m: load the corpus again"),
    (scribble, r"cannot read .*mix\.wav as audio .*: replace the file"),
    (another_rate, r"mix\.wav has 8000 Hz, expected 16000 Hz: load"),
    (another_channel, r"each\.wav has 4 channels, expected 5 or more: replace"),
    (longer, r"mix\.wav holds 950 samples from sample 50 on, expected 951: replace"),
    (far_start, r"mix\.wav holds 0 samples from sample 5000 on, expected 400"),
]


@pytest.mark.parametrize(("change", "told"), FAULTS, ids=lambda f: str(f)[:20])
def test_what_cannot_be_read_is_named(
    mixture: Mixture, change: Callable[[Mixture], Mixture], told: str
) -> None:
    with pytest.raises(DataError, match=told):
        read(change(mixture), 16_000 if change is another_rate else RATE_HZ)


def test_another_rate_is_a_warning_or_an_error(
    mixture: Mixture, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="speechmark"):
        warn_of_other_rate("corpus", RATE_HZ, RATE_HZ, False)
        assert caplog.text == ""
        warn_of_other_rate("corpus", RATE_HZ, 16_000, True)
    assert "corpus has 8000 Hz, the model 16000 Hz: the corpus is res" in caplog.text
    with pytest.raises(
        ValueError, match="corpus has 8000 Hz, the model 16000 Hz: give"
    ):
        warn_of_other_rate("corpus", RATE_HZ, 16_000, False)


def test_another_number_of_sources_is_an_error(mixture: Mixture) -> None:
    check_sources(corpus(mixture), 3, "dptnet")
    with pytest.raises(
        ValueError, match="dinner has mixtures of 3 sources, dptnet separates 2: use"
    ):
        check_sources(corpus(mixture), 2, "dptnet")
