"""An utterance of the built-in corpus depends on seed, split and index alone."""

from dataclasses import replace

import numpy as np
import pytest

from workloads.corpora import render as rendering
from workloads.corpora import speakers
from workloads.corpora.render import Split, render

COUNT = 60


@pytest.fixture(scope="module")
def utterances() -> list[rendering.Rendered]:
    return [render(0, Split.TRAIN, index) for index in range(COUNT)]


def power(audio: np.ndarray) -> float:
    return float(np.mean((audio / 32767.0) ** 2))


def test_the_same_three_numbers_give_the_same_bytes(
    utterances: list[rendering.Rendered],
) -> None:
    for index in (COUNT - 1, 0, 17):
        again = render(0, Split.TRAIN, index)
        assert again.samples.tobytes() == utterances[index].samples.tobytes()
        assert again.transcript == utterances[index].transcript


@pytest.mark.parametrize(
    "key", [(1, Split.TRAIN, 0), (0, Split.VALIDATION, 0), (0, Split.TRAIN, 1)]
)
def test_seed_split_and_index_each_change_the_utterance(
    key: tuple[int, Split, int], utterances: list[rendering.Rendered]
) -> None:
    other = render(*key)
    assert other.samples.tobytes() != utterances[0].samples.tobytes()
    assert other.transcript != utterances[0].transcript


def test_each_split_has_its_own_speakers(
    utterances: list[rendering.Rendered],
) -> None:
    assert Split.TRAIN.speakers is speakers.TRAIN
    assert {u.speaker for u in utterances} <= {s.name for s in speakers.TRAIN}
    validation = render(0, Split.VALIDATION, 0).speaker
    assert validation in {speaker.name for speaker in speakers.VALIDATION}


def test_about_half_is_noisy_at_10_to_30_db(
    utterances: list[rendering.Rendered],
) -> None:
    snrs_db = [u.snr_db for u in utterances if u.snr_db is not None]
    assert 0.35 * COUNT < len(snrs_db) < 0.65 * COUNT
    assert all(10 <= snr_db <= 30 for snr_db in snrs_db)
    assert max(snrs_db) - min(snrs_db) > 15


def test_the_noise_has_the_power_that_the_ratio_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rendering, "LEVEL_DBFS", (-30.0, -30.0))
    monkeypatch.setattr(rendering, "PAUSE_S", (0.0, 0.0))
    monkeypatch.setattr(rendering, "SNR_DB", (20.0, 20.0))
    monkeypatch.setattr(rendering, "NOISY_SHARE", 0.0)
    clean = [render(0, Split.TRAIN, index) for index in range(8)]
    monkeypatch.setattr(rendering, "NOISY_SHARE", 1.0)
    noisy = [render(0, Split.TRAIN, index) for index in range(8)]
    for quiet, loud in zip(clean, noisy, strict=True):
        assert quiet.snr_db is None
        assert loud.snr_db == 20.0
        noise = loud.samples.astype(float) - quiet.samples
        assert 10 * np.log10(power(quiet.samples)) == pytest.approx(-30, abs=0.05)
        assert 10 * np.log10(power(noise)) == pytest.approx(-50, abs=0.05)


def test_pauses_surround_the_speech(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "NOISY_SHARE", 0.0)
    monkeypatch.setattr(rendering, "PAUSE_S", (0.2, 0.2))
    samples = render(0, Split.TRAIN, 0).samples
    assert not samples[:3_200].any()
    assert not samples[-3_200:].any()
    monkeypatch.setattr(rendering, "PAUSE_S", (0.1, 0.1))
    assert len(render(0, Split.TRAIN, 0).samples) == len(samples) - 3_200


def test_speech_never_clips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "LEVEL_DBFS", (0.0, 0.0))
    samples = render(0, Split.TRAIN, 0).samples
    assert np.abs(samples).max() == round(0.99 * 32767)


def test_a_speaker_varies_in_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    one = (replace(speakers.TRAIN[0]),)
    monkeypatch.setattr(speakers, "TRAIN", one)
    monkeypatch.setattr(rendering, "PAUSE_S", (0.0, 0.0))
    jittered = len(render(0, Split.TRAIN, 0).samples)
    monkeypatch.setattr(rendering, "SPEED_JITTER", 0.0)
    assert len(render(0, Split.TRAIN, 0).samples) != jittered


def test_pink_noise_loses_3_db_an_octave() -> None:
    rng = np.random.default_rng(0)
    noise = rendering.pink(rng, Split.TRAIN, 2**18)
    spectrum = np.abs(np.fft.rfft(noise)) ** 2
    low, high = spectrum[2**10 : 2**11].mean(), spectrum[2**14 : 2**15].mean()
    assert 10 * np.log10(low / high) == pytest.approx(4 * 3.01, abs=0.5)


def test_babble_is_as_long_as_asked_for() -> None:
    babble = rendering._babble(np.random.default_rng(0), Split.TRAIN, 100_000)
    assert babble.shape == (100_000,)
    assert np.abs(babble[-8_000:]).max() > 0
