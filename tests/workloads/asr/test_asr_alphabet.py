from itertools import pairwise

import pytest

from workloads.asr.alphabet import ALPHABET, BLANK, OUTPUTS

encode, collapse = ALPHABET.encode, ALPHABET.collapse


def test_there_are_thirty_outputs_and_blank_is_the_last():
    assert OUTPUTS == 30
    assert BLANK == 29


@pytest.mark.parametrize("text", ["cool", "it's a bee", "aaa bb", "a a"])
def test_labels_spell_the_text_they_were_made_from(text):
    assert collapse(encode(text)) == text


def test_no_label_is_ever_repeated():
    labels = encode("bookkeeper's cool aaa")
    assert all(a != b for a, b in pairwise(labels))


def test_a_foreign_character_is_named():
    with pytest.raises(ValueError, match="É"):
        encode("cafÉ")


def test_blanks_and_repeats_vanish():
    c, a = encode("ca")
    assert collapse([BLANK, c, c, BLANK, a, a, BLANK]) == "ca"
