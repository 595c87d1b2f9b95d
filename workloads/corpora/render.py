"""One utterance of the built-in corpus, made from three numbers.

Axes: `S` samples.
"""

from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np

from workloads.corpora import espeak, grammar, speakers
from workloads.corpora.utterance import SAMPLE_RATE_HZ

NOISY_SHARE = 0.5
SNR_DB = (10.0, 30.0)
LEVEL_DBFS = (-29.0, -23.0)  # root mean square of the speech
SPEED_JITTER = 0.08  # a speaker's speed varies by this much either way
PAUSE_S = (0.05, 0.25)  # silence before and after the speech
BABBLERS = 3
PEAK = 0.99


class Split(IntEnum):
    """The part of the corpus; its value goes into the seed."""

    TRAIN = 0
    VALIDATION = 1

    @property
    def part(self) -> str:
        """Its name in folders and manifests."""
        return self.name.lower()

    @property
    def speakers(self) -> tuple[espeak.Voice, ...]:
        return speakers.VALIDATION if self else speakers.TRAIN


@dataclass(frozen=True)
class Rendered:
    """An utterance in memory; `samples` is int16, shape (S,), 16 kHz."""

    transcript: str
    speaker: str
    samples: np.ndarray
    snr_db: float | None  # None: no noise


def generator_of(seed: int, split: Split, index: int) -> np.random.Generator:
    """The numbers that an item of a split is drawn from."""
    seeds = np.random.SeedSequence((seed, int(split), index))
    return np.random.Generator(np.random.PCG64(seeds))


def render(seed: int, split: Split, index: int) -> Rendered:
    """Utterance `index` of a split. It depends on no other utterance."""
    rng = generator_of(seed, split, index)
    sentence, speaker, speech = draw_speech(rng, split)
    level_db = rng.uniform(*LEVEL_DBFS)
    before, after = (int(SAMPLE_RATE_HZ * s) for s in rng.uniform(*PAUSE_S, size=2))
    speech = with_power(speech, 10 ** (level_db / 10))
    audio = np.pad(speech, (before, after))
    snr_db = None
    if rng.random() < NOISY_SHARE:
        snr_db = float(rng.uniform(*SNR_DB))
        noise = _draw_noise(rng, split, len(audio))
        audio = audio + with_power(noise, 10 ** ((level_db - snr_db) / 10))
    audio = audio * min(1.0, PEAK / np.abs(audio).max())
    samples = np.round(audio * 32767).astype(np.int16)
    return Rendered(sentence, speaker.name, samples, snr_db)


def draw_speech(
    rng: np.random.Generator,
    split: Split,
    speaker: espeak.Voice | None = None,
    language: str = grammar.ENGLISH,
) -> tuple[str, espeak.Voice, np.ndarray]:
    """A sentence in the language of the speaker's accent, who says it (drawn where not
    given), and the audio at 16 kHz."""
    from scipy.signal import resample_poly  # 66 MB that a reader of the cache spares

    validation = split is Split.VALIDATION
    sentence = grammar.draw_sentence(rng, validation, language)
    if speaker is None:
        speaker = split.speakers[rng.integers(len(split.speakers))]
    speed = round(speaker.words_per_minute * (1 + SPEED_JITTER * rng.uniform(-1, 1)))
    speech = espeak.synthesize(sentence, replace(speaker, words_per_minute=speed))
    speech_16k = resample_poly(speech.astype(np.float64), 320, 441)  # 22,050 -> 16,000
    return sentence, speaker, speech_16k


def _draw_noise(rng: np.random.Generator, split: Split, length: int) -> np.ndarray:
    """White noise, pink noise or other people talking, shape (length,)."""
    draw = (white, pink, _babble)[rng.integers(3)]
    return draw(rng, split, length)


def white(rng: np.random.Generator, _: Split, length: int) -> np.ndarray:
    """Noise of the same power at all frequencies, shape (length,)."""
    return rng.standard_normal(length)


def pink(rng: np.random.Generator, _: Split, length: int) -> np.ndarray:
    """Noise whose power falls as 1/f, shape (length,)."""
    spectrum = np.fft.rfft(rng.standard_normal(length))
    spectrum[0] = 0
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    return np.fft.irfft(spectrum, length)


def _babble(rng: np.random.Generator, split: Split, length: int) -> np.ndarray:
    babble = np.zeros(length)
    for _ in range(BABBLERS):
        _, _, speech = draw_speech(rng, split)
        babble += np.resize(np.roll(speech, rng.integers(len(speech))), length)
    return babble


def with_power(audio: np.ndarray, power: float) -> np.ndarray:
    """The audio, scaled to this mean square."""
    return audio * np.sqrt(power / np.mean(audio**2))
