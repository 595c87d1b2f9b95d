"""Speakers of a scene talk as it says, and a meeting overlaps as much as it says."""

from itertools import pairwise

import numpy as np
import pytest
from grammar_words import words_of

from workloads.corpora import espeak, grammar
from workloads.corpora.mixtures import scenes
from workloads.corpora.mixtures.builtin import render_mixture
from workloads.corpora.mixtures.scenes import (
    MANDARIN,
    MEETING,
    TWO_SPEAKERS,
    overlap_ratio,
    schedule,
)
from workloads.corpora.render import Split

LENGTHS = np.random.default_rng(0).integers(8_000, 60_000, 12)
PAUSES = np.random.default_rng(1).integers(1_600, 8_000, 11)


def speaking(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """How many speak at each sample, plainly counted."""
    counts = np.zeros((starts + lengths).max(), int)
    for start, length in zip(starts, lengths, strict=True):
        counts[start : start + length] += 1
    return counts


@pytest.mark.parametrize("ratio", [0.0, 0.05, 0.1, 0.2, 0.3, 0.4])
def test_utterances_overlap_as_much_as_asked(ratio: float) -> None:
    counts = speaking(schedule(LENGTHS, PAUSES, ratio), LENGTHS)
    assert (counts > 1).sum() / (counts > 0).sum() == pytest.approx(ratio, abs=1e-3)


def test_the_overlap_ratio_agrees_with_counting_samples() -> None:
    starts = np.array([0, 30, 35, 90, 120])
    lengths = np.array([40, 30, 10, 20, 5])
    counts = speaking(starts, lengths)
    assert overlap_ratio(starts, lengths) == (counts > 1).sum() / (counts > 0).sum()
    assert overlap_ratio(starts[:1], lengths[:1]) == 0


def test_utterances_that_do_not_overlap_keep_their_pauses() -> None:
    starts = schedule(LENGTHS, PAUSES, 0.0)
    assert starts[0] == 0
    np.testing.assert_array_equal(starts[1:] - starts[:-1] - LENGTHS[:-1], PAUSES)


def test_more_overlap_than_the_utterances_allow_is_as_much_as_they_do() -> None:
    lengths, pauses = np.array([100, 10_000]), np.array([10])
    found = overlap_ratio(schedule(lengths, pauses, 0.4), lengths)
    assert found == pytest.approx(70 / 10_030, abs=1e-3)


@pytest.fixture(scope="module")
def meetings() -> list[tuple[np.ndarray, np.ndarray, list[str]]]:
    return [render_mixture(MEETING, 0, Split.VALIDATION, index) for index in range(4)]


def test_nearly_all_of_eight_speakers_are_heard_in_a_meeting(
    meetings: list[tuple[np.ndarray, np.ndarray, list[str]]],
) -> None:
    for mixture, sources, speakers in meetings:
        assert sources.shape == (8, 24 * 16_000)
        assert mixture.shape == (24 * 16_000,)
        assert len(set(speakers)) == 8
        assert (np.abs(sources).max(axis=1) > 0).sum() >= 7


@pytest.mark.parametrize("ratio", [0.0, 0.2, 0.4])
def test_the_audio_of_a_meeting_overlaps_as_much_as_drawn(
    ratio: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scenes, "OVERLAP_RATIO", (ratio, ratio))
    _, sources, _ = render_mixture(MEETING, 0, Split.TRAIN, 0)
    # Who was silent for under 0.3 s (a comma, a stop) is still speaking.
    active = np.array([filled(np.abs(source) > 1e-5, 4_800) for source in sources])
    counts = active.sum(axis=0)
    assert (counts > 1).sum() / (counts > 0).sum() == pytest.approx(ratio, abs=0.05)


def filled(active: np.ndarray, gap: int) -> np.ndarray:
    """The same without gaps between active samples that are shorter than so many."""
    filled = active.copy()
    where = np.flatnonzero(active)
    for before, after in pairwise(where):
        if 1 < after - before < gap:
            filled[before:after] = True
    return filled


def test_who_spoke_last_or_before_does_not_speak_next() -> None:
    rng = np.random.default_rng(0)
    turns: list[int] = []
    for _ in range(400):
        turns.append(scenes._next_speaker(rng, turns))
    assert all(len({*three}) == 3 for three in zip(turns, turns[1:], turns[2:]))  # noqa: B905
    assert sorted(turns[:8]) == list(range(8))
    assert max(np.bincount(turns)) - min(np.bincount(turns)) <= 1


@pytest.mark.parametrize("scene", [TWO_SPEAKERS, MANDARIN], ids=lambda s: s.name)
def test_levels_differ_by_5_db_at_most_and_noise_lies_15_to_30_below(
    scene: scenes.Scene,
) -> None:
    for index in range(4):
        mixture, sources, _ = render_mixture(scene, 0, Split.TRAIN, index)
        power = np.square(sources).mean(axis=1)
        assert abs(10 * np.log10(power[0] / power[1])) <= 5
        both, noise = sources.sum(axis=0), mixture - sources.sum(axis=0)
        noise_db = 10 * np.log10(np.square(noise).mean() / np.square(both).mean())
        assert -30 <= noise_db <= -15
        assert np.abs(mixture).max() <= 0.99


def test_each_pause_is_silence_before_a_sentence() -> None:
    _, sources, _ = render_mixture(TWO_SPEAKERS, 0, Split.TRAIN, 0)
    assert sources.shape == (2, 4 * 16_000)
    for source in sources:
        first = int(np.flatnonzero(source)[0])
        assert 0.05 * 16_000 - 1 <= first <= 0.45 * 16_000


def test_mandarin_speakers_have_the_timbres_of_the_english_ones() -> None:
    *_, english = render_mixture(TWO_SPEAKERS, 0, Split.TRAIN, 3)
    *_, chinese = render_mixture(MANDARIN, 0, Split.TRAIN, 3)
    manners = [name.split("-")[-2:] for name in english]
    assert [name.split("-") for name in chinese] == [["cmn", *m] for m in manners]


def test_mandarin_sentences_are_disjoint_and_varied() -> None:
    rng = np.random.default_rng(0)
    train, validation = (
        [grammar.draw_sentence(rng, validation, grammar.MANDARIN) for _ in range(1_000)]
        for validation in (False, True)
    )
    assert set(train).isdisjoint(validation)
    assert len(set(train)) > 700
    assert len(set(validation)) > 500


def test_every_word_of_mandarin_has_a_sound_in_mandarin() -> None:
    words = sorted(word for word in words_of(grammar.MANDARIN) if word.isalpha())
    accent = grammar.grammar_of(grammar.MANDARIN).accent
    for word, sounds in zip(words, espeak.phonemes(words, accent), strict=True):
        assert sounds, word
        assert "(en)" not in sounds, f"{word} is read in English"
