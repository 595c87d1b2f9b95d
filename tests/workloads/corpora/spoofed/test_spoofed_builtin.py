"""The built-in stand-in: who speaks where, and that it is the same everywhere."""

import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from workloads.corpora.render import Split
from workloads.corpora.spoofed import builtin
from workloads.corpora.spoofed.builtin import KLATT, SpoofedSize, render_spoofed
from workloads.corpora.spoofed.utterance import SpoofCorpus, SpoofUtterance, check_parts

TINY = SpoofedSize("tiny", train=16, evaluation=20)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def corpus(cache: Path) -> SpoofCorpus:
    return builtin.load_or_build(TINY, cache)


def test_evaluation_has_attacks_and_speakers_of_its_own(corpus: SpoofCorpus) -> None:
    parts = corpus.train, corpus.evaluation
    train, evaluation = ({one.attack for one in part} - {""} for part in parts)
    assert len(train) == 4
    assert len(evaluation) == 5
    assert not train & evaluation
    speakers = [{one.speaker for one in part} for part in parts]
    assert not speakers[0] & speakers[1]


def test_half_is_bona_fide_and_attacks_are_alike_in_number(corpus: SpoofCorpus) -> None:
    counts = Counter(one.attack for one in corpus.evaluation)
    assert counts.pop("") == 10
    assert set(counts.values()) == {2}


def test_its_name_says_what_it_is(corpus: SpoofCorpus) -> None:
    assert corpus.name == "builtin-spoofed-stand-in-tiny"


def test_what_was_made_is_read_again(corpus: SpoofCorpus, cache: Path) -> None:
    again = builtin.load_or_build(TINY, cache)
    assert again == corpus
    assert all(one.path.is_file() and one.samples > 8_000 for one in again.train)


def test_a_damaged_file_is_made_anew(corpus: SpoofCorpus, cache: Path) -> None:
    path = corpus.train[3].path
    before = path.read_bytes()
    path.write_bytes(before[:-100])
    assert builtin.load_or_build(TINY, cache) == corpus
    assert path.read_bytes() == before


@pytest.mark.parametrize("index", range(1, 10, 2))
def test_an_utterance_is_the_same_alone(index: int) -> None:
    first, again = (render_spoofed(0, Split.VALIDATION, index)[0] for _ in range(2))
    digests = {hashlib.sha256(one.tobytes()).hexdigest() for one in (first, again)}
    assert len(digests) == 1
    other = render_spoofed(1, Split.VALIDATION, index)[0]
    assert not np.array_equal(first, other)


def test_a_voice_of_another_synthesiser_is_an_attack() -> None:
    audio, speaker, attack = render_spoofed(0, Split.VALIDATION, 9)
    assert attack == KLATT
    assert "klatt" not in speaker
    assert np.abs(audio).max() <= 0.99
    assert audio.std() == pytest.approx(10 ** (-26 / 20), rel=0.6)


@pytest.mark.parametrize("sizes", [(7, 20), (16, 9)])
def test_too_few_for_every_attack_is_an_error(sizes: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="so that every attack is there"):
        SpoofedSize("tiny", *sizes)


def utterance(speaker: str, attack: str) -> SpoofUtterance:
    return SpoofUtterance("x", Path("x"), 1, speaker, attack)


def test_parts_that_share_speakers_are_an_error_that_names_them() -> None:
    part = [utterance("ann", ""), utterance("bob", "A")]
    with pytest.raises(
        ValueError, match=r"1 speakers are in both train and eval \(bob\)"
    ):
        check_parts("toy", {"train": part, "eval": [utterance("eve", ""), part[1]]})


@pytest.mark.parametrize(("attack", "missing"), [("", "spoofed"), ("A", "bona fide")])
def test_a_part_without_one_kind_is_an_error(attack: str, missing: str) -> None:
    with pytest.raises(ValueError, match=f"none of 2 utterances of train is {missing}"):
        check_parts("toy", {"train": [utterance("a", attack)] * 2})
