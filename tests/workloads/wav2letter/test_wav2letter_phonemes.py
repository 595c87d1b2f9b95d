# ruff: noqa: RUF001  IPA has letters that look like others

import pytest
from grammar_words import words_of

from workloads.corpora import espeak, grammar
from workloads.wav2letter.phonemes import phonemes
from workloads.wav2letter.symbols import PHONEMES


def to_arpabet(text):
    return phonemes([text])[0]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("cat", "K AE T"),
        ("nothing", "N AH TH IH NG"),
        ("boy", "B OY"),
        ("house", "HH AW S"),
        ("judge", "JH AH JH"),
        ("treasure", "T R EH ZH ER"),
        ("church", "CH ER CH"),
        ("the", "DH AH"),
        ("young", "Y AH NG"),
        ("won't", "W OW N T"),
        ("book", "B UH K"),
        ("queen", "K W IY N"),
    ],
)
def test_known_words_are_spelled_as_in_the_cmu_dictionary(word, expected):
    assert to_arpabet(word) == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("near", "N IH R"),
        ("chair", "CH EH R"),
        ("door", "D AO R"),
        ("star", "S T AA R"),
        ("turn", "T ER N"),
        ("never", "N EH V ER"),
        ("admired", "AH D M AY ER D"),
    ],
)
def test_a_vowel_coloured_by_r_is_er_or_a_vowel_and_r(word, expected):
    assert to_arpabet(word) == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [("tourist", "T UH R IH S T"), ("factory", "F AE K T ER IY")],
)
def test_an_r_that_espeak_writes_twice_is_one_phoneme(word, expected):
    assert to_arpabet(word) == expected


def test_a_flapped_t_is_t_and_a_d_stays_d():
    assert to_arpabet("letter") == "L EH T ER"
    assert to_arpabet("ladder") == "L AE D ER"


def test_a_syllabic_consonant_gets_a_vowel():
    assert to_arpabet("button") == "B AH T AH N"
    assert to_arpabet("bottle") == "B AA T AH L"


def test_every_word_of_the_built_in_corpus_maps_into_the_alphabet():
    words = sorted(words_of(grammar.ENGLISH))
    spoken = phonemes(words)
    assert all(PHONEMES.encode(text) for text in spoken)
    found = {symbol for text in spoken for symbol in text.split()}
    assert found == set(PHONEMES.symbols) - {"<pad>", "SIL", "SPN"}


def test_a_sentence_sounds_as_its_words_do():
    sentence = "the cat sat on the table"
    assert to_arpabet(sentence) == " ".join(map(to_arpabet, sentence.split()))


def test_many_texts_are_those_of_one_by_one_in_the_same_order():
    texts = ["seven apples", "", "the cat", "apples"]
    assert phonemes(texts) == [to_arpabet(text) for text in texts]


def test_the_words_of_all_texts_are_looked_up_at_once_and_each_once(monkeypatch):
    asked = []

    def look_up(words, accent):
        asked.append(words)
        return [["t"] for _ in words]

    monkeypatch.setattr(espeak, "phonemes", look_up)
    assert phonemes(["tea at tea", "tea"]) == ["T T T", "T"]
    assert asked == [["at", "tea"]]


def test_a_sound_without_a_symbol_is_named_beside_its_word(monkeypatch):
    monkeypatch.setattr(espeak, "phonemes", lambda texts, accent: [["t", "ˈyː"]])
    with pytest.raises(ValueError, match="'yː' of 'tuxyz' has no ARPAbet symbol"):
        to_arpabet("tuxyz")


def test_a_word_without_any_sound_is_named(monkeypatch):
    monkeypatch.setattr(espeak, "phonemes", lambda texts, accent: [[]])
    with pytest.raises(ValueError, match=r"says nothing for '\.\.\.'"):
        to_arpabet("...")
