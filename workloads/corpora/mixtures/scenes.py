"""Who talks in the built-in mixtures, and when.

Axes: `S` samples at 16 kHz, `C` sources, `U` utterances of a meeting.

Two speakers of English or of Mandarin talk all the time. In a meeting, eight speakers
take turns; its overlap ratio, the share of the time with speech in which two or more
speak, is drawn from 0 to 40 % as in LibriCSS (Z. Chen et al., "Continuous Speech
Separation: Dataset and Analysis", ICASSP 2020). Each speaks once before any speaks
twice, so in 24 s nearly all eight are heard.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from workloads.corpora import espeak, grammar
from workloads.corpora.render import Split, draw_speech, with_power
from workloads.corpora.utterance import SAMPLE_RATE_HZ

MIXTURE_S = 4.0
LEVEL_DB = (-5.0, 5.0)  # of the second speaker against the first
PAUSE_S = (0.05, 0.4)  # before each sentence

MEETING_S = 24.0
MEETING_SPEAKERS = 8
MEETING_LEVEL_DB = (-2.5, 2.5)  # so that no two differ by more than 5 dB
MEETING_PAUSE_S = (0.1, 0.5)  # between turns that do not overlap, as in LibriCSS's 0S
OVERLAP_RATIO = (0.0, 0.4)
MAX_COVER = 0.8  # of the shorter of two utterances that follow each other


@dataclass(frozen=True)
class Scene:
    """Who talks, and how: `draw` makes the sources (C, S) of a mixture at 16 kHz, and
    tells the speakers' names. `audio_format` is a file name's suffix."""

    name: str
    sources: int
    draw: Callable[[np.random.Generator, Split, int], tuple[np.ndarray, list[str]]]
    duration_s: float = MIXTURE_S
    audio_format: str = "wav"


def draw_pair(
    rng: np.random.Generator,
    split: Split,
    samples: int,
    language: str = grammar.ENGLISH,
) -> tuple[np.ndarray, list[str]]:
    """Two speakers who talk all the time, the second louder or softer by 5 dB at
    most. They keep their timbres where the language has an accent of its own."""
    chosen = rng.choice(len(split.speakers), 2, replace=False)
    voices = [split.speakers[i] for i in chosen]
    if accent := grammar.grammar_of(language).accent:
        voices = [replace(voice, accent=accent) for voice in voices]
    level_db = rng.uniform(*LEVEL_DB)
    powers = 10 ** (np.array([-level_db, level_db]) / 20)
    sources = [
        with_power(talk(rng, split, voice, samples, language), power)
        for voice, power in zip(voices, powers, strict=True)
    ]
    return np.stack(sources), [voice.name for voice in voices]


def talk(
    rng: np.random.Generator,
    split: Split,
    voice: espeak.Voice,
    samples: int,
    language: str,
) -> np.ndarray:
    """One speaker's sentences, one after the other, cut at S samples."""
    parts: list[np.ndarray] = []
    total = 0
    while total < samples:
        pause = np.zeros(int(SAMPLE_RATE_HZ * rng.uniform(*PAUSE_S)))
        _, _, speech = draw_speech(rng, split, voice, language)
        parts += [pause, speech]
        total += len(pause) + len(speech)
    return np.concatenate(parts)[:samples]


def draw_meeting(
    rng: np.random.Generator, split: Split, samples: int
) -> tuple[np.ndarray, list[str]]:
    """Eight speakers who take turns: as many whole utterances as find room in S."""
    chosen = rng.choice(len(split.speakers), MEETING_SPEAKERS, replace=False)
    voices = [split.speakers[i] for i in chosen]
    powers = 10 ** (rng.uniform(*MEETING_LEVEL_DB, MEETING_SPEAKERS) / 10)
    ratio = rng.uniform(*OVERLAP_RATIO)
    turns: list[int] = []
    speeches: list[np.ndarray] = []
    pauses: list[int] = []
    starts, end = np.zeros(0, int), 0
    while True:
        turns.append(_next_speaker(rng, turns))
        _, _, speech = draw_speech(rng, split, voices[turns[-1]])
        speeches.append(with_power(speech, powers[turns[-1]]))
        pauses.append(int(SAMPLE_RATE_HZ * rng.uniform(*MEETING_PAUSE_S)))
        lengths = np.array([len(speech) for speech in speeches])
        planned = schedule(lengths, np.array(pauses[1:]), ratio)
        if (planned + lengths).max() > samples:
            break
        starts, end = planned, (planned + lengths).max()
    sources = np.zeros((MEETING_SPEAKERS, samples))
    before = rng.integers(samples - end + 1)
    for turn, start, speech in zip(turns, starts, speeches, strict=False):
        sources[turn, before + start : before + start + len(speech)] += speech
    return sources, [voice.name for voice in voices]


def _next_speaker(rng: np.random.Generator, turns: list[int]) -> int:
    """One of those who spoke least, but for the last two, whom overlaps may reach."""
    counts = np.bincount(turns, minlength=MEETING_SPEAKERS)
    counts[turns[-2:]] = len(turns) + 1
    return int(rng.choice(np.flatnonzero(counts == counts.min())))


def schedule(lengths: np.ndarray, pauses: np.ndarray, ratio: float) -> np.ndarray:
    """The first samples (U,) of utterances of such `lengths` (U,), one after the other.

    `pauses` (U - 1,) stand between them, less the same share of the shorter of each
    two. The share is sought, up to MAX_COVER, that gives the overlap ratio; where too
    few utterances overlap for it, the ratio is as high as MAX_COVER gives.
    """
    shorter = np.minimum(lengths[:-1], lengths[1:])

    def placed(share: float) -> np.ndarray:
        gaps = np.round(pauses - share * shorter).astype(int)
        return np.concatenate([[0], np.cumsum(lengths[:-1] + gaps)])

    low, high = 0.0, MAX_COVER
    for _ in range(30):  # to a sample of utterances of hours
        middle = (low + high) / 2
        if overlap_ratio(placed(middle), lengths) < ratio:
            low = middle
        else:
            high = middle
    return placed(high if ratio > 0 else 0.0)


def overlap_ratio(starts: np.ndarray, lengths: np.ndarray) -> float:
    """Time in which two or more of U utterances are said, over that in which any is.

    >>> overlap_ratio(np.array([0, 6]), np.array([10, 4]))
    0.4
    """
    times = np.concatenate([starts, starts + lengths])
    steps = np.repeat([1, -1], len(starts))
    order = np.argsort(times, kind="stable")
    spans = np.diff(times[order])
    speaking = np.cumsum(steps[order])[:-1]
    return float(spans[speaking > 1].sum() / spans[speaking > 0].sum())


TWO_SPEAKERS = Scene("two-speakers", 2, draw_pair)
MANDARIN = Scene("mandarin", 2, partial(draw_pair, language=grammar.MANDARIN))
# Eight tracks of mostly silence: FLAC takes a sixth of what WAV does.
MEETING = Scene("meeting", MEETING_SPEAKERS, draw_meeting, MEETING_S, "flac")
