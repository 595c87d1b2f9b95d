"""Attacks make other speech of speech: as long, and not the same."""

from collections.abc import Mapping

import numpy as np
import pytest

from workloads.corpora import espeak
from workloads.corpora.render import Split, draw_speech, generator_of
from workloads.corpora.spoofed import attacks
from workloads.corpora.spoofed.attacks import Attack

KNOWN: Mapping[str, Attack] = {**attacks.TRAIN, **attacks.EVALUATION}


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    rng = generator_of(0, Split.TRAIN, 0)
    _, _, found = draw_speech(rng, Split.TRAIN, espeak.Voice("en-us", "m3", 50, 160))
    return np.asarray(found / np.abs(found).max() / 2)


def attacked(name: str, speech: np.ndarray, seed: int = 0) -> np.ndarray:
    return KNOWN[name](np.random.default_rng(seed), speech)


def levels_db(audio: np.ndarray) -> np.ndarray:
    """Of 50 ms each."""
    whole = audio[: len(audio) // 800 * 800].reshape(-1, 800)
    return 10 * np.log10(np.mean(whole**2, 1) + 1e-6)


@pytest.mark.parametrize("name", KNOWN)
def test_each_speaks_as_long_and_as_loud_when_the_speech_does(
    name: str, speech: np.ndarray
) -> None:
    found = attacked(name, speech)
    assert found.shape == speech.shape
    assert np.isfinite(found).all()
    correlation = np.corrcoef(levels_db(found), levels_db(speech))[0, 1]
    assert correlation > 0.7
    assert np.sqrt(np.mean((found - speech) ** 2)) > 0.02 * speech.std()


@pytest.mark.parametrize("name", KNOWN)
def test_each_makes_the_same_twice(name: str, speech: np.ndarray) -> None:
    first, again = (attacked(name, speech, seed=3) for _ in range(2))
    assert np.array_equal(first, again)


def test_more_iterations_come_closer_to_the_energies(speech: np.ndarray) -> None:
    def distance(iterations: int) -> float:
        found = attacks.griffin_lim(np.random.default_rng(0), speech, 80, iterations)
        magnitudes = [np.abs(attacks.spectra_of(one)) for one in (found, speech)]
        return float(np.linalg.norm(magnitudes[0] - magnitudes[1]))

    assert distance(16) < distance(0)


def test_fewer_bands_tell_less(speech: np.ndarray) -> None:
    def distance(bands: int) -> float:
        found = attacks.griffin_lim(np.random.default_rng(0), speech, bands, 8)
        magnitudes = [np.abs(attacks.spectra_of(one)) for one in (found, speech)]
        return float(np.linalg.norm(magnitudes[0] - magnitudes[1]))

    assert distance(80) < distance(20)


def test_linear_prediction_of_a_resonance_finds_it() -> None:
    """Noise through two poles at 1 kHz comes out with its peak there; of one order
    there is no peak to be had."""
    from scipy.signal import lfilter, welch

    rng = np.random.default_rng(0)
    radius, angle = 0.97, 2 * np.pi * 1_000 / 16_000
    poles = [1, -2 * radius * np.cos(angle), radius**2]
    noise = 0.01 * lfilter([1.0], poles, rng.standard_normal(32_000))

    def peak_hz(order: int) -> float:
        found = attacks.linear_prediction(np.random.default_rng(1), noise, order)
        frequencies, powers = welch(found, 16_000, nperseg=512)
        return float(frequencies[powers.argmax()])

    assert peak_hz(2) == pytest.approx(1_000, abs=100)
    assert peak_hz(1) < 500


def test_pitch_goes_up_or_down_by_as_much_as_said() -> None:
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(32_000) / 16_000)

    def loudest_hz(seed: int) -> float:
        found = attacks.shifted_pitch(np.random.default_rng(seed), tone, (12.0, 12.0))
        spectrum = np.abs(np.fft.rfft(found[8_000:24_000]))
        return float(spectrum.argmax())

    found_hz = {round(loudest_hz(seed) / 10) * 10 for seed in range(6)}
    assert found_hz == {220, 880}


def test_formants_move_and_pitch_does_not() -> None:
    """A pulse train through a resonance at 1 kHz: its harmonics stay 100 Hz apart."""
    from scipy.signal import lfilter

    pulses = np.zeros(32_000)
    pulses[::160] = 1.0
    angle = 2 * np.pi * 1_000 / 16_000
    vowel = lfilter([1.0], [1, -2 * 0.95 * np.cos(angle), 0.95**2], pulses)

    def found(seed: int) -> np.ndarray:
        made = attacks.shifted_formants(
            np.random.default_rng(seed), vowel, (20.0, 20.0)
        )
        return np.abs(np.fft.rfft(made[8_000:24_000]))

    peaks = set()
    for seed in range(6):
        spectrum = found(seed)
        harmonics = spectrum[::100][:40]
        between = spectrum[50::100][:40]
        assert between.max() < 0.1 * harmonics.max()
        peaks.add(int(harmonics.argmax()))
    assert peaks <= {8, 9, 11, 12, 13}
    assert min(peaks) < 10 < max(peaks)


def test_a_telephone_has_nothing_above_four_kilohertz(speech: np.ndarray) -> None:
    for name in ("gsm", "g723-24"):
        spectrum = np.abs(np.fft.rfft(attacked(name, speech))) ** 2
        above = spectrum[len(spectrum) * 45 // 80 :].sum()
        assert above < 1e-3 * spectrum.sum()


def test_evaluation_has_no_attack_of_training() -> None:
    assert not attacks.TRAIN.keys() & attacks.EVALUATION.keys()
