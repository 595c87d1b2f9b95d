"""Utterances are checked before anything is measured on them."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from workloads.corpora.audio_files import read_samples
from workloads.corpora.faults import DataError
from workloads.corpora.utterance import (
    ALPHABET,
    Utterance,
    check_transcript,
    frame_count,
    read_audio,
    reason_to_drop,
)


def utterance_at(path: Path, duration_s: float = 0.5) -> Utterance:
    return Utterance("u1", path, duration_s, "s1", "yes")


def test_a_frame_starts_every_10_ms() -> None:
    assert [frame_count(s) for s in (0, 159, 160, 16_000)] == [1, 1, 2, 101]


def test_utterances_of_16_7_s_are_the_longest_kept() -> None:
    assert reason_to_drop(267_200) is None
    assert reason_to_drop(267_201) == "over 16.7 s"


def test_utterances_of_11_frames_are_the_shortest_kept() -> None:
    assert reason_to_drop(1_600) is None
    assert reason_to_drop(1_599) == "under 11 frames"


def test_letters_apostrophes_and_single_spaces_are_the_alphabet() -> None:
    assert sorted(ALPHABET) == sorted(" 'abcdefghijklmnopqrstuvwxyz")
    check_transcript("u1", "don't zoom a quick brown fox")


@pytest.mark.parametrize(
    ("transcript", "symbol", "position"),
    [("room 4", "4", 5), ("Yes", "Y", 0), ("a, b", ",", 1), ("café", "é", 3)],
)
def test_a_foreign_symbol_is_named_with_its_place(
    transcript: str, symbol: str, position: int
) -> None:
    with pytest.raises(
        ValueError, match=f"utterance u1: symbol '{symbol}' at position {position} "
    ):
        check_transcript("u1", transcript)


@pytest.mark.parametrize("transcript", ["", " yes", "yes ", "oh  yes"])
def test_transcripts_without_words_or_with_stray_spaces_are_refused(
    transcript: str,
) -> None:
    with pytest.raises(ValueError, match=r"utterance u1: .* single spaces"):
        check_transcript("u1", transcript)


def test_audio_comes_back_as_float32_in_unit_range(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    samples = np.arange(-4_000, 4_000, dtype=np.int16)
    soundfile.write(path, samples, 16_000)
    audio = read_audio(utterance_at(path))
    assert (audio.dtype, audio.shape) == (np.float32, (8_000,))
    np.testing.assert_array_equal(audio * 32768, samples)


def test_nothing_is_sought_in_a_file_that_is_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading is timed."""
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros(8_000, np.int16), 16_000)
    sought: list[int] = []
    seek = soundfile.SoundFile.seek

    def watched(self: soundfile.SoundFile, place: int, whence: int = 0) -> int:
        if (place, whence) != (0, soundfile.SEEK_CUR):  # which only asks for the place
            sought.append(place)
        return seek(self, place, whence)

    monkeypatch.setattr(soundfile.SoundFile, "seek", watched)
    assert len(read_audio(utterance_at(path))) == 8_000
    assert 0 not in sought
    read_samples(path, "u1", 16_000, start=100)
    assert 100 in sought


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no audio file .*gone\.wav for u1"):
        read_audio(utterance_at(tmp_path / "gone.wav"))


def test_a_file_that_is_not_audio_is_named(tmp_path: Path) -> None:
    path = tmp_path / "text.wav"
    path.write_text("not audio")
    with pytest.raises(DataError, match=r"cannot read .*text\.wav as audio"):
        read_audio(utterance_at(path))


def test_the_sample_rate_must_be_the_one_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "slow.wav"
    soundfile.write(path, np.zeros(4_000, np.int16), 8_000)
    with pytest.raises(DataError, match=r"slow\.wav has 8000 Hz, expected 16000 Hz"):
        read_audio(utterance_at(path))


def test_stereo_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "stereo.wav"
    soundfile.write(path, np.zeros((8_000, 2), np.int16), 16_000)
    with pytest.raises(DataError, match=r"stereo\.wav has 2 channels, expected 1"):
        read_audio(utterance_at(path))


def test_a_file_of_another_length_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "short.wav"
    soundfile.write(path, np.zeros(7_999, np.int16), 16_000)
    with pytest.raises(DataError, match="holds 7999 samples, expected 8000"):
        read_audio(utterance_at(path))
