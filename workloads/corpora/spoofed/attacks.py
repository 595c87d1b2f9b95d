"""What turns speech into spoofed speech, without a neural network.

Axes: `S` samples, `T` frames, `F` bins. All take and give float64 at 16 kHz: its
rounding errors are far below a step of 16-bit audio, so that every machine makes the
same files.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from workloads.corpora.utterance import SAMPLE_RATE_HZ

WINDOW, HOP = 512, 128  # samples, 32 and 8 ms
CODEC_HZ = 8_000
ENERGY_FLOOR = 1e-10
Attack = Callable[[np.random.Generator, np.ndarray], np.ndarray]


def griffin_lim(
    rng: np.random.Generator, speech: np.ndarray, bands: int, iterations: int
) -> np.ndarray:
    """From the energies of mel bands alone: phases are found by going back and forth
    (D. W. Griffin, J. S. Lim, "Signal estimation from modified short-time Fourier
    transform", 1984)."""
    spectra = spectra_of(speech)
    weights = _mel_bands(len(spectra), bands)
    energies = weights @ np.abs(spectra) ** 2
    # Each bin has the mean energy of the bands that it lies in.
    shares = weights / np.maximum(weights.sum(0), ENERGY_FLOOR)
    spread = shares.T @ (energies / np.maximum(weights.sum(1), ENERGY_FLOOR)[:, None])
    magnitudes = np.sqrt(spread)
    phases = np.exp(2j * np.pi * rng.random(magnitudes.shape))
    for _ in range(iterations):
        found = spectra_of(speech_of(magnitudes * phases, len(speech)))
        phases = found / np.maximum(np.abs(found), ENERGY_FLOOR)
    return speech_of(magnitudes * phases, len(speech))


def linear_prediction(
    rng: np.random.Generator, speech: np.ndarray, order: int
) -> np.ndarray:
    """From an all-pole filter for each 20 ms, excited by pulses where speech repeats
    itself and by noise elsewhere (B. S. Atal, S. L. Hanauer, "Speech analysis and
    synthesis by linear prediction of the speech wave", 1971)."""
    from scipy.linalg import solve_toeplitz
    from scipy.signal import lfilter

    step, span = 320, 640
    window = np.hanning(span)
    padded = np.pad(speech, (span // 2, span))
    made = np.zeros(len(speech) + span)
    state, next_pulse = np.zeros(order), 0
    for start in range(0, len(speech), step):
        frame = padded[start : start + span] * window
        moments = np.correlate(frame, frame, "full")[span - 1 :]
        if moments[0] < ENERGY_FLOOR:
            next_pulse = max(next_pulse - step, 0)
            continue
        moments[0] *= 1 + 1e-4  # white noise 40 dB below keeps the filter stable
        poles = solve_toeplitz(moments[:order], moments[1 : order + 1])
        residual = moments[0] - poles @ moments[1 : order + 1]
        lags = moments[40:320] / moments[0]  # 400 to 50 Hz
        period = 40 + int(lags.argmax())
        excitation = rng.standard_normal(step)
        if lags.max() > 0.3:
            excitation = np.zeros(step)
            excitation[next_pulse:step:period] = np.sqrt(period)
            count = len(range(next_pulse, step, period))
            next_pulse += count * period - step
        else:
            next_pulse = 0
        level = np.sqrt(residual / (window @ window))
        voiced, state = lfilter(
            [level], np.concatenate([[1.0], -poles]), excitation, zi=state
        )
        made[start : start + step] = voiced
    return made[: len(speech)]


def shifted_pitch(
    rng: np.random.Generator, speech: np.ndarray, semitones: tuple[float, float]
) -> np.ndarray:
    """Higher or lower with its formants, and as long: resampled, then stretched by a
    phase vocoder (M. Dolson, "The phase vocoder: a tutorial", 1986)."""
    shift = rng.uniform(*semitones) * rng.choice((-1, 1))
    factor = 2 ** (shift / 12)
    places = np.arange(0, len(speech) - 1, factor)
    resampled = np.interp(places, np.arange(len(speech)), speech)
    return _stretched(resampled, len(speech))


def shifted_formants(
    rng: np.random.Generator, speech: np.ndarray, percent: tuple[float, float]
) -> np.ndarray:
    """The pitch of the speaker and the vocal tract of another: the envelope of each
    spectrum, its first 30 cepstral coefficients, is stretched along the frequencies."""
    factor = 1 + rng.uniform(*percent) / 100 * rng.choice((-1, 1))
    spectra = spectra_of(speech)
    logs = np.log(np.abs(spectra) + 1e-6)
    cepstra = np.fft.irfft(logs, axis=0)
    cepstra[30:-29] = 0
    envelopes = np.fft.rfft(cepstra, axis=0).real
    bins = np.arange(len(spectra))
    warped = np.stack([np.interp(bins / factor, bins, one) for one in envelopes.T], 1)
    return speech_of(spectra * np.exp(warped - envelopes), len(speech))


def coded(
    rng: np.random.Generator, speech: np.ndarray, container: str, subtype: str
) -> np.ndarray:
    """Through a codec of telephones, of those that libsndfile has."""
    import soundfile
    from scipy.signal import resample_poly

    narrow = resample_poly(speech, CODEC_HZ, SAMPLE_RATE_HZ)
    level = max(np.abs(narrow).max(), ENERGY_FLOOR)
    file = io.BytesIO()
    soundfile.write(file, narrow / level * 0.9, CODEC_HZ, subtype, format=container)
    file.seek(0)
    decoded, _ = soundfile.read(file)
    wide = resample_poly(decoded * level / 0.9, SAMPLE_RATE_HZ, CODEC_HZ)
    return np.resize(wide, len(speech))


# By name; those of evaluation are of other kinds than those of training, or of the same
# kind with settings that training never has.
TRAIN: Mapping[str, Attack] = {
    "griffin-lim-80": partial(griffin_lim, bands=80, iterations=16),
    "lpc-18": partial(linear_prediction, order=18),
    "pitch": partial(shifted_pitch, semitones=(2.0, 5.0)),
    "g723-24": partial(coded, container="AU", subtype="G723_24"),
}
EVALUATION: Mapping[str, Attack] = {
    "griffin-lim-40": partial(griffin_lim, bands=40, iterations=8),
    "lpc-12": partial(linear_prediction, order=12),
    "formants": partial(shifted_formants, percent=(12.0, 25.0)),
    "gsm": partial(coded, container="WAV", subtype="GSM610"),
}


def spectra_of(speech: np.ndarray) -> np.ndarray:
    """(F, T), under a Hann window. scipy's newer ShortTimeFFT goes frame by frame,
    which took nearly three times as long."""
    from scipy.signal import stft

    _, _, spectra = stft(speech, nperseg=WINDOW, noverlap=WINDOW - HOP)
    return np.asarray(spectra)


def speech_of(spectra: np.ndarray, samples: int) -> np.ndarray:
    """So many samples (S,) of spectra (F, T), zeros where they end before."""
    from scipy.signal import istft

    _, speech = istft(spectra, nperseg=WINDOW, noverlap=WINDOW - HOP)
    return np.pad(speech[:samples], (0, max(0, samples - len(speech))))


def _mel_bands(bins: int, bands: int) -> np.ndarray:
    """Triangles evenly spaced in mel (bands, F)."""
    top = 2595 * np.log10(1 + SAMPLE_RATE_HZ / 2 / 700)
    points_hz = 700 * (10 ** (np.linspace(0, top, bands + 2) / 2595) - 1)
    places = points_hz / (SAMPLE_RATE_HZ / 2) * (bins - 1)
    frequencies = np.arange(bins)
    low, middle, high = (places[i : i + bands, None] for i in range(3))
    rising = (frequencies - low) / (middle - low)
    falling = (high - frequencies) / (high - middle)
    return np.maximum(np.minimum(rising, falling), 0)


def _stretched(speech: np.ndarray, samples: int) -> np.ndarray:
    """As long as so many samples, at the same pitch."""
    spectra = spectra_of(speech)
    frames = spectra.shape[1]
    count = round(frames * samples / max(len(speech), 1))
    places = np.linspace(0, frames - 1.001, max(count, 2))
    before = places.astype(int)
    share = places - before
    magnitudes = np.abs(spectra)
    mixed = (1 - share) * magnitudes[:, before] + share * magnitudes[:, before + 1]
    advance = np.angle(spectra[:, 1:] / (spectra[:, :-1] + ENERGY_FLOOR))
    expected = 2 * np.pi * HOP * np.arange(len(spectra))[:, None] / WINDOW
    drift = advance - expected
    advance = expected + drift - 2 * np.pi * np.round(drift / (2 * np.pi))
    phases = np.cumsum(advance[:, before], axis=1)
    return speech_of(mixed * np.exp(1j * phases), samples)
