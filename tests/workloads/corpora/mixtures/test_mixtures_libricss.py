"""LibriCSS is read as it lies on disk: sessions, cut into mixtures of 8 sources."""

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from written_corpora import write_libricss

from workloads.corpora import faults
from workloads.corpora.mixtures import libricss, on_disk
from workloads.corpora.mixtures.mixture import Mixture, read

RATE_HZ = 16_000
Make = Callable[..., list[Mixture]]


def meetings(make: Make, count: int, seed: int = 0, samples: int = 9_000) -> list:
    return make(count, 8, RATE_HZ, samples, seed)


@pytest.fixture(autouse=True)
def brief_cuts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 4,000 samples."""
    monkeypatch.setattr(libricss, "MEETING_S", 0.25)


@pytest.fixture
def root(make: Make, tmp_path: Path) -> Path:
    """Two sessions without overlap and one with 20 %, each of two cuts and a rest."""
    folder = tmp_path / "data"
    write_libricss(meetings(make, 2), folder, "0S")
    write_libricss(meetings(make, 1, seed=1), folder, "OV20")
    return folder


def session(root: Path, condition: str = "0S") -> Path:
    return sorted((root / "for_release" / condition).iterdir())[0]


def test_sessions_are_cut_into_mixtures_of_equal_length(root: Path, make: Make) -> None:
    corpus = on_disk.load(root, RATE_HZ)
    assert corpus.train == ()
    assert [mixture.id for mixture in corpus.validation] == [
        "0S-session0-0000",
        "0S-session0-0001",
        "0S-session1-0000",
        "0S-session1-0001",
        "OV20-session0-0000",
        "OV20-session0-0001",
    ]
    first = corpus.validation[0]
    assert (len(first.sources), first.sample_rate_hz) == (8, RATE_HZ)
    assert corpus.name == "libricss-0S+OV20-clean-0.25s"
    whole = read(meetings(make, 1)[0], RATE_HZ)
    second = read(corpus.validation[1], RATE_HZ)
    np.testing.assert_array_equal(second.mixture, whole.mixture[4_000:8_000])
    np.testing.assert_array_equal(second.sources, whole.sources[:, 4_000:8_000])


def test_what_remains_of_a_session_is_counted(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert on_disk.load(root, RATE_HZ).dropped == {"rest of a session": 3}
    monkeypatch.setattr(libricss, "MEETING_S", 9_000 / RATE_HZ)
    whole = on_disk.load(root, RATE_HZ)
    assert (len(whole.validation), whole.dropped) == (3, {})


def test_files_of_unequal_length_are_cut_at_the_shorter(root: Path) -> None:
    path = session(root) / "clean" / "each_spk.wav"
    audio, _ = soundfile.read(path)
    soundfile.write(path, audio[:7_999], RATE_HZ)
    assert len(on_disk.load(root, RATE_HZ).validation) == 5


@pytest.mark.parametrize("below", ["", "for_release", "LibriCSS"])
def test_the_folder_itself_or_what_holds_it_may_be_given(
    root: Path, below: str, tmp_path: Path
) -> None:
    expected = on_disk.load(root, RATE_HZ).checksum
    given = root / below
    if below == "LibriCSS":
        given = tmp_path / "moved"
        given.mkdir()
        root.rename(given / below)
    assert on_disk.load(given, RATE_HZ).checksum == expected


def test_silent_speakers_are_sources_too(root: Path) -> None:
    path = session(root) / "clean" / "each_spk.wav"
    audio, _ = soundfile.read(path)
    audio[:, [2, 5]] = 0
    soundfile.write(path, audio, RATE_HZ)
    signals = read(on_disk.load(root, RATE_HZ).validation[0], RATE_HZ)
    assert np.flatnonzero(np.abs(signals.sources).max(axis=1) == 0).tolist() == [2, 5]


def test_another_rate_is_a_warning_or_an_error(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="speechmark"):
        on_disk.load(root, 8_000)
    assert "has 16000 Hz, the model 8000 Hz: the corpus is resampled" in caplog.text
    with pytest.raises(ValueError, match=r"has 16000 Hz, the model 8000 Hz: give a"):
        on_disk.load(root, 8_000, may_resample=False)


def test_no_mixture_of_a_windows_length_is_an_error(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert on_disk.load(root, RATE_HZ, min_samples=4_000).validation
    with pytest.raises(
        ValueError,
        match=r"no mixture to validate on is left in .*'shorter than one window': 6.* "
        r"dropped\): give sessions of 0\.25 s or more, or use a model that needs fewer "
        r"than 4001 samples",
    ):
        on_disk.load(root, RATE_HZ, min_samples=4_001)
    monkeypatch.setattr(libricss, "MEETING_S", 24)
    with pytest.raises(
        ValueError,
        match=r"no mixture to validate on is left in .* session': 3.*: give sessions "
        "of 24 s or more, or use",
    ):
        on_disk.load(root, RATE_HZ)


def test_progress_counts_the_sessions_of_each_condition(root: Path) -> None:
    steps: list[tuple[str, int, int]] = []
    on_disk.load(root, RATE_HZ, on_progress=lambda *step: steps.append(step))
    assert steps == [("0S", 2, 2), ("OV20", 1, 1)]


def test_the_checksum_follows_the_audio(root: Path, make: Make) -> None:
    before = on_disk.load(root, RATE_HZ).checksum
    assert on_disk.load(root, RATE_HZ).checksum == before
    write_libricss(meetings(make, 2, seed=9), root, "0S")
    assert on_disk.load(root, RATE_HZ).checksum != before


def test_a_faulty_session_among_many_is_left_out_and_named(
    root: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faults, "MAX_FAULTY_SHARE", 0.34)
    broken = session(root) / "clean" / "mix.wav"
    broken.unlink()
    with caplog.at_level(logging.WARNING, logger="speechmark"):
        corpus = on_disk.load(root, RATE_HZ)
    assert len(corpus.validation) == 4
    assert corpus.dropped == {"no audio": 1, "rest of a session": 2}
    assert "1 of 3 sessions of" in caplog.text
    assert f"no audio: {broken}" in caplog.text


def test_more_than_one_faulty_session_in_100_is_an_error(root: Path) -> None:
    (session(root) / "clean" / "each_spk.wav").write_text("not audio")
    with pytest.raises(
        ValueError, match=r"1 of 3 sessions of .* are faulty, .* 1%: .*un"
    ):
        on_disk.load(root, RATE_HZ)


def test_other_rates_and_numbers_of_channels_are_errors(root: Path) -> None:
    path = session(root) / "clean" / "each_spk.wav"
    soundfile.write(path, np.zeros((9_000, 7)), RATE_HZ)
    with pytest.raises(
        ValueError, match=r"each_spk.wav has 7 channels, expected 8: un"
    ):
        on_disk.load(root, RATE_HZ)
    soundfile.write(path, np.zeros((9_000, 8)), 8_000)
    with pytest.raises(ValueError, match=r"has 8000 Hz, expected 16000 Hz"):
        on_disk.load(root, RATE_HZ)


def test_a_condition_without_sessions_is_named(root: Path) -> None:
    (root / "for_release" / "OV30" / "notes").mkdir(parents=True)
    with pytest.raises(
        ValueError, match=r"no overlap_ratio_\*_session.* in .*OV30, which holds notes"
    ):
        on_disk.load(root, RATE_HZ)
