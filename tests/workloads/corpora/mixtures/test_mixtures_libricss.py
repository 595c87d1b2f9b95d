"""LibriCSS is read as it lies on disk: sessions, cut into mixtures of 8 sources."""

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from workloads.corpora import faults
from workloads.corpora.mixtures import libricss
from workloads.corpora.mixtures.libricss import Part
from workloads.corpora.mixtures.mixture import Mixture, read

RATE_HZ = 16_000
CUT = Part(mixture_s=0.25)  # 4,000 samples
Make = Callable[..., list[Mixture]]


def meetings(make: Make, count: int, seed: int = 0, samples: int = 9_000) -> list:
    return make(count, 8, RATE_HZ, samples, seed)


@pytest.fixture
def root(make: Make, tmp_path: Path) -> Path:
    """Two sessions without overlap and one with 20 %, each of two cuts and a rest."""
    folder = tmp_path / "data"
    libricss.write(meetings(make, 2), folder, "0S")
    libricss.write(meetings(make, 1, seed=1), folder, "OV20")
    return folder


def session(root: Path, condition: str = "0S") -> Path:
    return sorted((root / "for_release" / condition).iterdir())[0]


def test_the_layout_is_libricss(root: Path, make: Make) -> None:
    folder = libricss.write(meetings(make, 1), root / "one", "OV40")
    name = "overlap_ratio_40.0_sil0.1_1.0_session0_actual40.0"
    assert folder == root / "one" / "for_release" / "OV40"
    found = [p.relative_to(folder).as_posix() for p in folder.rglob("*.*") if p.suffix]
    assert sorted(file for file in found if not file.endswith("40.0")) == [
        f"{name}/clean/each_spk.wav",
        f"{name}/clean/mix.wav",
        f"{name}/record/raw_recording.wav",
        f"{name}/transcription/meeting_info.txt",
    ]
    channels = {
        file: soundfile.info(folder / name / file).channels
        for file in ("clean/each_spk.wav", "clean/mix.wav", "record/raw_recording.wav")
    }
    assert list(channels.values()) == [8, 1, 7]
    lines = (folder / name / "transcription/meeting_info.txt").read_text().splitlines()
    assert lines[0].split("\t")[:3] == ["start_time", "end_time", "speaker"]
    assert len(lines) == 9
    assert len(lines[1].split("\t")) == 5


@pytest.mark.parametrize(
    ("condition", "start"),
    [
        ("0S", "overlap_ratio_0.0_sil0.1_0.5_session0_actual0.0"),
        ("0L", "overlap_ratio_0.0_sil2.9_3.0_session0_actual0.0"),
    ],
)
def test_sessions_are_named_after_their_condition(
    make: Make, tmp_path: Path, condition: str, start: str
) -> None:
    libricss.write(meetings(make, 1), tmp_path, condition)
    assert session(tmp_path, condition).name == start


def test_sessions_are_cut_into_mixtures_of_equal_length(root: Path, make: Make) -> None:
    corpus = libricss.load(root, RATE_HZ, CUT)
    assert corpus.train == ()
    assert [mixture.id for mixture in corpus.validation] == [
        "0S-session0-0000",
        "0S-session0-0001",
        "0S-session1-0000",
        "0S-session1-0001",
        "OV20-session0-0000",
        "OV20-session0-0001",
    ]
    assert (corpus.sources, corpus.sample_rate_hz) == (8, RATE_HZ)
    assert corpus.name == "libricss-0S+OV20-clean-0.25s"
    whole = read(meetings(make, 1)[0], RATE_HZ)
    second = read(corpus.validation[1], RATE_HZ)
    np.testing.assert_array_equal(second.mixture, whole.mixture[4_000:8_000])
    np.testing.assert_array_equal(second.sources, whole.sources[:, 4_000:8_000])


def test_what_remains_of_a_session_is_counted(root: Path) -> None:
    assert libricss.load(root, RATE_HZ, CUT).dropped == {"rest of a session": 3}
    whole = libricss.load(root, RATE_HZ, Part(mixture_s=9_000 / RATE_HZ))
    assert (len(whole.validation), whole.dropped) == (3, {})


def test_files_of_unequal_length_are_cut_at_the_shorter(root: Path) -> None:
    path = session(root) / "clean" / "each_spk.wav"
    audio, _ = soundfile.read(path)
    soundfile.write(path, audio[:7_999], RATE_HZ)
    assert len(libricss.load(root, RATE_HZ, CUT).validation) == 5


@pytest.mark.parametrize("below", ["", "for_release", "LibriCSS"])
def test_the_folder_itself_or_what_holds_it_may_be_given(
    root: Path, below: str, tmp_path: Path
) -> None:
    expected = libricss.load(root, RATE_HZ, CUT).checksum
    given = root / below
    if below == "LibriCSS":
        given = tmp_path / "moved"
        given.mkdir()
        root.rename(given / below)
    assert libricss.load(given, RATE_HZ, CUT).checksum == expected


def test_conditions_and_sessions_are_chosen(root: Path) -> None:
    some = Part(conditions=("OV20",), mixture_s=0.25)
    assert len(libricss.load(root, RATE_HZ, some).validation) == 2
    first = Part(sessions=("session1",), conditions=("0S",), mixture_s=0.25)
    found = libricss.load(root, RATE_HZ, first).validation
    assert {mixture.id[:11] for mixture in found} == {"0S-session1"}


def test_the_first_microphone_may_be_heard_instead(root: Path) -> None:
    part = Part(heard="record", mixture_s=0.25)
    corpus = libricss.load(root, RATE_HZ, part)
    track = corpus.validation[1].mixture
    assert (track.path.name, track.channel, track.start) == (
        "raw_recording.wav",
        0,
        4_000,
    )
    assert read(corpus.validation[1], RATE_HZ).mixture.shape == (4_000,)


def test_silent_speakers_are_sources_too(root: Path) -> None:
    path = session(root) / "clean" / "each_spk.wav"
    audio, _ = soundfile.read(path)
    audio[:, [2, 5]] = 0
    soundfile.write(path, audio, RATE_HZ)
    signals = read(libricss.load(root, RATE_HZ, CUT).validation[0], RATE_HZ)
    assert np.flatnonzero(np.abs(signals.sources).max(axis=1) == 0).tolist() == [2, 5]


def test_another_rate_is_a_warning_or_an_error(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="speechmark"):
        libricss.load(root, 8_000, CUT)
    assert "has 16000 Hz, the model 8000 Hz: the corpus is resampled" in caplog.text
    with pytest.raises(ValueError, match=r"has 16000 Hz, the model 8000 Hz: give a"):
        libricss.load(root, 8_000, CUT, on_other_rate="error")


def test_no_mixture_of_a_windows_length_is_an_error(root: Path) -> None:
    assert libricss.load(root, RATE_HZ, CUT, min_samples=4_000).validation
    with pytest.raises(
        ValueError,
        match=r"no mixture of 0.25 s is left in .*'shorter than one window': 6.* cut",
    ):
        libricss.load(root, RATE_HZ, CUT, min_samples=4_001)
    with pytest.raises(
        ValueError, match=r"no mixture of 24 s is left in .* session': "
    ):
        libricss.load(root, RATE_HZ)


def test_progress_counts_the_sessions_of_each_condition(root: Path) -> None:
    steps: list[tuple[str, int, int]] = []
    libricss.load(root, RATE_HZ, CUT, on_progress=lambda *step: steps.append(step))
    assert steps == [("0S", 2, 2), ("OV20", 1, 1)]


def test_the_checksum_follows_the_audio(root: Path, make: Make) -> None:
    before = libricss.load(root, RATE_HZ, CUT).checksum
    assert libricss.load(root, RATE_HZ, CUT).checksum == before
    libricss.write(meetings(make, 2, seed=9), root, "0S")
    assert libricss.load(root, RATE_HZ, CUT).checksum != before


def test_a_faulty_session_among_many_is_left_out_and_named(
    root: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faults, "MAX_FAULTY_SHARE", 0.34)
    broken = session(root) / "clean" / "mix.wav"
    broken.unlink()
    with caplog.at_level(logging.WARNING, logger="speechmark"):
        corpus = libricss.load(root, RATE_HZ, CUT)
    assert len(corpus.validation) == 4
    assert corpus.dropped == {"no audio": 1, "rest of a session": 2}
    assert "1 of 3 sessions of" in caplog.text
    assert f"no audio: {broken}" in caplog.text


def test_more_than_one_faulty_session_in_100_is_an_error(root: Path) -> None:
    (session(root) / "clean" / "each_spk.wav").write_text("not audio")
    with pytest.raises(
        ValueError, match=r"1 of 3 sessions of .* are faulty, .* 1%: .*un"
    ):
        libricss.load(root, RATE_HZ, CUT)


def test_other_rates_and_numbers_of_channels_are_errors(root: Path) -> None:
    path = session(root) / "clean" / "each_spk.wav"
    soundfile.write(path, np.zeros((9_000, 7)), RATE_HZ)
    with pytest.raises(
        ValueError, match=r"each_spk.wav has 7 channels, expected 8: un"
    ):
        libricss.load(root, RATE_HZ, CUT)
    soundfile.write(path, np.zeros((9_000, 8)), 8_000)
    with pytest.raises(ValueError, match=r"has 8000 Hz, expected 16000 Hz"):
        libricss.load(root, RATE_HZ, CUT)


def test_what_is_missing_is_named_with_what_is_there(
    root: Path, tmp_path: Path
) -> None:
    with pytest.raises(
        ValueError,
        match=r"no folder for_release with 0S, .* OV40 in .*nowhere, which is",
    ):
        libricss.load(tmp_path / "nowhere", RATE_HZ)
    with pytest.raises(
        ValueError, match=r"no folder OV30 in .* which holds 0S, OV20: "
    ):
        libricss.load(root, RATE_HZ, Part(conditions=("0S", "OV30")))
    with pytest.raises(
        ValueError,
        match=r"no overlap_ratio_\*_session7_\* in .*0S, which holds overlap",
    ):
        libricss.load(root, RATE_HZ, Part(sessions=("session7",)))


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"heard 'far' is unknown: use clean or record"
    ):
        Part(heard="far")
    with pytest.raises(ValueError, match=r"mixture_s is 0: give more than 0 seconds"):
        Part(mixture_s=0)
